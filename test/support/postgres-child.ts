// Another test process, for the tests of the shared server: clones a template, or keeps a server of its own.

import { Client } from "pg";
import { freshDatabase, startOwnServer } from "./postgres.ts";

const [what, key = ""] = process.argv.slice(2);
const cleanUps: (() => unknown)[] = [];
const scope = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };

async function run<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Row>(sql);
  await client.end();
  return rows;
}

if (what === "own") {
  const server = await startOwnServer(scope);
  const [row] = await run<{ folder: string }>(server.url, "select current_setting('data_directory') as folder");
  process.send?.({ pid: server.pid, dataDir: row?.folder });
} else {
  let prepared = false;
  const prepare = async (url: string) => {
    prepared = true;
    await run(url, "create table words as select 'cloned' as word");
  };
  const { url } = await freshDatabase(scope, { template: { name: "probe", key, prepare } });
  process.send?.({ prepared, rows: await run(url, "select word from words") });
  for (const cleanUp of cleanUps) await cleanUp();
  process.disconnect();
}
