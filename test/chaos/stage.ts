// What the fault drill happens on: a Postgres of its own, the carrier's stand-in as a process that is never hurt, the
// businesses and their leads, and the environment of every process.
import { mkdirSync } from "node:fs";
import { sql } from "drizzle-orm";
import { array, openDatabase, rows, type Database } from "../../db/client.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { signToken } from "../../src/api/token.ts";
import type { Fault } from "../../src/dev/twilio/faults.ts";
import type { ScriptRule } from "../../src/dev/twilio/scripts.ts";
import { freePort } from "../../src/dev/postgres/port.ts";
import { spawnStandIn } from "../../src/dev/twilio/spawn.ts";
import type { StandIn } from "../../src/dev/twilio/standIn.ts";
import { startOwnServer, type OwnServer, type Scope } from "../support/postgres.ts";
import { CARRIER_FAULTS } from "./faults.ts";

const SECRET = "a secret for the fault drill, long enough for HS256";

export interface StagedBusiness {
  id: number;
  from: string;
  limit: number;
  token: string;
}

export interface Stage {
  seed: number;
  folder: string;
  postgres: OwnServer;
  db: Database;
  carrier: StandIn;
  businesses: StagedBusiness[];
  apiUrl: string;
  env: Record<string, string>;
}

/** Short leases, so that a drill of minutes sees hundreds of them; the proportions are the real ones. */
const LEASES = {
  HEARTBEAT_SECONDS: "0.5",
  ADOPT_AFTER_SECONDS: "2",
  RUN_TTL_MINUTES: "0.15",
  POST_START_BUDGET_MS: "1000",
  POST_TIMEOUT_MS: "1000",
  LOOKUP_GAP_SECONDS: "0.7",
  SETTLE_SECONDS: "4",
  CALL_NEWS_SECONDS: "1.5",
  RING_TIMEOUT_SECONDS: "10",
  CALL_TIME_LIMIT_SECONDS: "30",
  TWILIO_CPS: "500",
};
export const TTL_MS = 9_000;

export interface StageOptions {
  seed: number;
  /** Each business's limit of calls at once. */
  limits: number[];
  folder: string;
  /** Default: the drill's. */
  faults?: readonly Fault[];
  scripts?: readonly ScriptRule[];
  /** What differs from the drill's configuration. */
  env?: Record<string, string>;
  /** Of the Postgres server. */
  settings?: Record<string, string>;
}

/** Calls of some seconds, most of them answered. */
const TALKATIVE: readonly ScriptRule[] = [
  {
    initiateAfterMs: [20, 200],
    ringAfterMs: [50, 400],
    answerAfterMs: [100, 900],
    noAnswerAfterMs: [300, 900],
    talkMs: [200, 4_000],
    outcome: { answered: 75, busy: 10, "no-answer": 10, failed: 5 },
  },
];

export async function setStage(scope: Scope, options: StageOptions): Promise<Stage> {
  const { seed, limits, folder } = options;
  mkdirSync(folder, { recursive: true });
  const postgres = await startOwnServer(scope, { fsync: "off", ...options.settings });
  await migrateDatabase(postgres.url);
  const db = openDatabase({ url: postgres.url, name: "drill", max: 6, onError: () => {} });
  scope.after(() => db.$client.end());
  const carrier = await spawnStandIn({
    seed,
    faults: options.faults ?? CARRIER_FAULTS,
    scripts: options.scripts ?? TALKATIVE,
  });
  scope.after(() => carrier.close());
  const businesses = await Promise.all(limits.map((limit, n) => insertBusiness(db, limit, n)));
  const port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  const env = {
    DATABASE_URL: postgres.url,
    PORT: String(port),
    PUBLIC_URL: apiUrl,
    JWT_SECRET: SECRET,
    TWILIO_ACCOUNT_SID: carrier.accountSid,
    TWILIO_AUTH_TOKEN: carrier.authToken,
    TWILIO_API_URL: carrier.url,
    LOG_LEVEL: "info",
    ...LEASES,
    ...options.env,
  };
  return { seed, folder, postgres, db, carrier, businesses, apiUrl, env };
}

async function insertBusiness(db: Database, limit: number, n: number): Promise<StagedBusiness> {
  const from = `+9723600200${n}`;
  const [made] = await rows<{ id: number }>(
    db,
    sql`insert into business (name, phone_number) values (${`business ${n}`}, ${from}) returning id`,
  );
  const { id } = made!;
  await db.execute(sql`insert into outbound_business_settings (business_id, max_calls) values (${id}, ${limit})`);
  return { id, from, limit, token: await signToken({ secret: SECRET, sub: "1", role: "owner", businessId: id }) };
}

let lastNumber = 3_000_000;

/** @returns the ids and the numbers of new leads, in the same order */
export async function insertLeads(db: Database, businessId: number, count: number): Promise<[number[], string[]]> {
  const numbers = Array.from({ length: count }, () => `+97252${++lastNumber}`);
  const made = await rows<{ id: number }>(
    db,
    sql`insert into leads (tenant_id, name, phone_e164)
        select ${businessId}, 'Lead ' || p.n, p.phone from unnest(${array(numbers, "text")}) with ordinality as p (phone, n)
         order by p.n returning id`,
  );
  return [made.map((lead) => lead.id), numbers];
}
