// `make reap`: one clean-up pass for cron (TTL reclaim, cancels, slots, lost calls). Prints what it did as one JSON line.
import { openDatabase } from "../../db/client.ts";
import { readConfig } from "../config.ts";
import { folderDatabase, tellDatabase } from "../dev/folder.ts";
import { twilioDialler } from "../dialling/twilio.ts";
import { limitsOf } from "../limits.ts";
import { createLogger } from "../log.ts";
import { nobodyListens } from "../runs/engine.ts";
import { reap } from "../runs/reap.ts";
import { identify } from "../worker/identity.ts";
import { requireOurDatabase } from "./ourDatabase.ts";

export async function reapCommand(): Promise<void> {
  const config = readConfig();
  const log = createLogger(config.logLevel);
  const database = await folderDatabase(config);
  tellDatabase(config, database.url);
  const db = openDatabase({ url: database.url, name: "ringpost reap", max: 4 });
  try {
    await requireOurDatabase(db);
    const dialler = config.twilio ? twilioDialler({ ...config.twilio, timeoutMs: config.postTimeoutMs }) : null;
    const reaper = { db, log, limits: limitsOf(config, false), worker: identify(), reached: nobodyListens };
    console.log(JSON.stringify(await reap(reaper, dialler)));
  } finally {
    await db.$client.end();
    await database.stop();
  }
}
