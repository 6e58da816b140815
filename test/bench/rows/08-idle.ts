// Row 8: what an idle system asks of its database, with a thousand businesses and nobody to call: the worker alone, with
// Graphile's own polling, and the API alone. pg_stat_statements counts every statement, BEGIN and COMMIT included.
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { rows, type Database } from "../../../db/client.ts";
import { cpuFigures, watchCpu } from "../parts/cpu.ts";
import { insertBusinesses } from "../parts/people.ts";
import { setStage, type Stage } from "../parts/stage.ts";
import { rounded } from "../parts/statistics.ts";
import type { Row } from "../row.ts";
import { figure } from "../table.ts";

const BUSINESSES = 1_000;
const TARGET = 2;
/** What a start asks does not count. */
const SETTLE_MS = 3_000;
/** Three of Graphile's polls, and a dozen ticks of ours. */
const WATCH_MS = 30_000;

export const row: Row = {
  no: 8,
  name: "idle with 1,000 businesses",
  target: `< ${TARGET} statements/s per process`,
  async run(bench) {
    const stage = await setStage(bench, { settings: { shared_preload_libraries: "pg_stat_statements" } });
    await stage.db.execute(sql`create extension if not exists pg_stat_statements`);
    await insertBusinesses(stage.db, BUSINESSES, 3);
    const worker = await watchAlone(stage, "worker");
    const api = await watchAlone(stage, "api");
    const busiest = Math.max(worker.perSecond, api.perSecond);
    return {
      reached: `worker ${worker.perSecond.toFixed(2)}/s, API ${api.perSecond.toFixed(2)}/s`,
      met: busiest < TARGET,
      figures: {
        worker_statements_per_s: rounded(worker.perSecond),
        api_statements_per_s: rounded(api.perSecond),
        ...cpuFigures(worker.cores, "worker_alone_cpu"),
        ...cpuFigures(api.cores, "api_alone_cpu"),
      },
      lines: [...linesOf("worker", worker), ...linesOf("api", api)],
    };
  },
};

interface Idle {
  perSecond: number;
  cores: Record<string, number>;
  statements: { calls: number; query: string }[];
}

async function watchAlone(stage: Stage, role: "api" | "worker"): Promise<Idle> {
  const process = await stage.start(role);
  await sleep(SETTLE_MS);
  await stage.db.execute(sql`select pg_stat_statements_reset()`);
  const watch = watchCpu({ [role]: [process.pid], postgres: [stage.postgresPid] });
  await sleep(WATCH_MS);
  const cores = watch.cores();
  const statements = await statementsOf(stage.db);
  await process.stop();
  const calls = statements.reduce((sum, statement) => sum + statement.calls, 0);
  return { perSecond: calls / (WATCH_MS / 1000), cores, statements };
}

const statementsOf = (db: Database): Promise<Idle["statements"]> =>
  rows(
    db,
    sql`select calls::int, regexp_replace(query, '\\s+', ' ', 'g') as query
          from pg_stat_statements
         where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'
         order by calls desc`,
  );

const linesOf = (role: string, { cores, statements }: Idle): string[] => [
  `${role} alone: ${Object.entries(cores)
    .map(([name, value]) => `${name} ${figure(100 * value)} %`)
    .join(", ")} of a core; its statements in ${WATCH_MS / 1000} s:`,
  ...statements.slice(0, 6).map(({ calls, query }) => `  ${calls} x ${query.slice(0, 100)}`),
];
