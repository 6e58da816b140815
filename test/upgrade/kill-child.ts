// Migrates the database in argv[2] and kills itself, as hard as can be, after so many statements (argv[3]).
import { migrateDatabase } from "../../db/migrate.ts";

const [url = "", last = "0"] = process.argv.slice(2);
let left = Number(last);
await migrateDatabase(url, {
  after() {
    if (--left === 0) process.kill(process.pid, "SIGKILL");
  },
});
