// `make migrate`: brings the database to the newest schema, with the CRM running. Safe to repeat, and to run from many
// machines at once. PLAN=1 tells what it would do; CUTOVER=1 then hands the old system's runs over, its workers stopped.
import { openDatabase } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { planMigration } from "../../db/migrate/plan.ts";
import { ConfigFaults, readConfig } from "../config.ts";
import { cutOver, oldRuns } from "../cutover/cutOver.ts";
import { folderDatabase, tellDatabase } from "../dev/folder.ts";

export interface MigrateFlags {
  plan?: string;
  cutover?: string;
}

const say = (line: string) => console.log(line);

/** @throws ConfigFaults; CodedError cutover.old_workers_alive */
export async function migrateCommand(flags: MigrateFlags): Promise<void> {
  const { plan, cutover } = flags;
  if (![undefined, "0", "1"].includes(plan)) throw new ConfigFaults(["PLAN must be 1"]);
  if (![undefined, "0", "1", "force"].includes(cutover)) throw new ConfigFaults(["CUTOVER must be 1 or force"]);
  const config = readConfig();
  const database = await folderDatabase(config);
  tellDatabase(config, database.url);
  try {
    if (plan === "1") return await tellPlan(database.url, cutover);
    const { applied } = await migrateDatabase(database.url, { report: say });
    say(applied.length > 0 ? `applied ${applied.join(", ")}` : "the schema is current");
    if (cutover === "1" || cutover === "force") await handOver(database.url, cutover === "force");
  } finally {
    await database.stop();
  }
}

async function tellPlan(url: string, cutover: string | undefined): Promise<void> {
  const lines = await planMigration(url);
  for (const line of lines) say(line);
  say(lines.length > 0 ? "nothing was changed" : "the schema is current: nothing to do");
  if (cutover === undefined || cutover === "0" || lines.length > 0) return;
  await withDatabase(url, async (db) => say(`the cut-over would hand over: ${figures(await oldRuns(db))}`));
}

async function handOver(url: string, force: boolean): Promise<void> {
  await withDatabase(url, async (db) => {
    const { runs, jobs } = await cutOver(db, { force, report: say });
    say(`runs handed over, by what they are now: ${figures(runs)}`);
    say(`their open jobs: ${figures(jobs)}`);
    if (runs["failed"]) say("failed runs with queued jobs wait for somebody to resume them");
  });
}

async function withDatabase(url: string, work: (db: ReturnType<typeof openDatabase>) => Promise<void>): Promise<void> {
  const db = openDatabase({ url, name: "ringpost cutover", max: 2 });
  try {
    await work(db);
  } finally {
    await db.$client.end();
  }
}

function figures(counts: Record<string, number>): string {
  const parts = Object.entries(counts).map(([name, n]) => `${name} ${n}`);
  return parts.length > 0 ? parts.join(", ") : "none";
}
