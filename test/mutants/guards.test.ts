// Each guard switched off in turn: a named scenario holds with it and fails without it. Who removes a guard because
// "nothing breaks" learns here what does.
import assert, { AssertionError } from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { row, rows, type Database } from "../../db/client.ts";
import { inTransaction } from "../../db/transaction.ts";
import type { Claim } from "../../src/runs/claim.ts";
import type { Engine } from "../../src/runs/engine.ts";
import type * as Begin from "../../src/runs/begin.ts";
import type * as Dial from "../../src/runs/dial.ts";
import type * as Dispatch from "../../src/runs/dispatch.ts";
import type * as End from "../../src/runs/end.ts";
import type * as News from "../../src/runs/news.ts";
import type * as Unsettled from "../../src/runs/unsettled.ts";
import { dispatchOnce } from "../../src/runs/dispatch.ts";
import { requeueJob } from "../../src/runs/requeue.ts";
import { mutant, type Importer, type Mutation } from "../support/mutant.ts";
import { againstLock } from "../support/world/interleave.ts";
import { world, type World } from "../support/world.ts";

type Scenario = (t: TestContext, use: Importer) => Promise<void>;

const original: Importer = async <T>(path: string) => (await import(`../../${path}`)) as T;

function guard(name: string, mutations: Mutation | Mutation[], scenario: Scenario): void {
  it(name, async (t) => {
    await scenario(t, original);
    await assert.rejects(
      scenario(t, mutant(t, ...[mutations].flat())),
      AssertionError,
      "nothing fails without the guard",
    );
  });
}

/** One job, claimed and not dialled. */
async function claimed(w: World, engine: Engine): Promise<Claim> {
  const business = await w.business();
  await w.enqueue(business, await w.leads(business, 1));
  const { claims } = await dispatchOnce(engine, business.id);
  return claims[0]!;
}

/** The same job, given back and claimed again: its first attempt is history. */
async function claimedAgain(w: World, engine: Engine): Promise<{ first: Claim; second: Claim }> {
  const first = await claimed(w, engine);
  await inTransaction(w.db, (tx) => requeueJob(tx, first, "not_sent", "test"));
  const { claims } = await dispatchOnce(engine, first.businessId);
  return { first, second: claims[0]! };
}

/** The database, but the answer to the first commit on a connection of its pool never comes. */
function losingFirstCommit(db: Database): Database {
  let lost = false;
  const connect = async () => {
    const client = await db.$client.connect();
    const query = async (text: string, ...rest: unknown[]) => {
      const done: unknown = await (client.query as (...args: unknown[]) => Promise<unknown>)(text, ...rest);
      if (text !== "commit" || lost) return done;
      lost = true;
      throw new Error("Connection terminated unexpectedly");
    };
    return Object.assign(Object.create(client) as typeof client, { query });
  };
  return Object.assign(Object.create(db) as typeof db, {
    $client: Object.assign(Object.create(db.$client), { connect }),
  });
}

const jobOf = async (w: World, claim: Claim) => (await w.jobs(claim.runId))[0]!;

const rejected = {
  status: "failed",
  outcome: "rejected",
  errorMessage: "no",
  errorCode: "21211",
  call: null,
} as const;

describe("without its guard", () => {
  guard(
    "the token in endJob's WHERE: the late answer of an old attempt ends the new one's job",
    {
      file: "src/runs/end.ts",
      find: "where j.dial_lock_token = ${v.token} and j.status in ('dialing', 'calling')",
      replace: "where j.status in ('dialing', 'calling')",
    },
    async (t, use) => {
      const w = await world(t);
      const { first, second } = await claimedAgain(w, w.engine());
      const { endJob } = await use<typeof End>("src/runs/end.ts");
      await inTransaction(w.db, (tx) => endJob(tx, first, rejected, "test"));
      assert.partialDeepStrictEqual(await jobOf(w, second), { status: "dialing", token: second.token });
    },
  );

  guard(
    "the token in news: a callback of an old attempt moves the new one's job",
    {
      file: "src/runs/news.ts",
      find: "where j.dial_lock_token = ${v.token} and j.status in ('dialing', 'calling')",
      replace: "where j.status in ('dialing', 'calling')",
    },
    async (t, use) => {
      const w = await world(t);
      const { first, second } = await claimedAgain(w, w.engine());
      const begin = await use<typeof Begin>("src/runs/begin.ts");
      assert.equal(await begin.beginAttempt(w.db, second), "begun");
      const { applyNews } = await use<typeof News>("src/runs/news.ts");
      const news = { token: first.token, sid: "CAold", durationSeconds: null, from: "callback" } as const;
      await applyNews(w.db, { ...news, status: "in-progress" });
      assert.partialDeepStrictEqual(await jobOf(w, second), { status: "dialing", sid: null });
    },
  );

  const NO_LOCK: Mutation = {
    file: "db/locks.ts",
    find: "return `select pg_advisory_xact_lock(${DISPATCH_CLASS}, ${businessId})`",
    replace: "return `select 1 where ${businessId} = 0`",
  };

  /** Two dispatches that count the slots at the same moment. @returns how many calls they claimed together */
  async function together(w: World, use: Importer): Promise<number> {
    const business = await w.business({ limit: 3 });
    const { runId } = await w.enqueue(business, await w.leads(business, 12), { concurrency: 10 });
    const { dispatchOnce } = await use<typeof Dispatch>("src/runs/dispatch.ts");
    const one = () => dispatchOnce(w.engine(), business.id);
    await againstLock(
      w,
      (tx) => tx.execute(sql`select 1 from outbound_call_runs where id = ${runId} for update`),
      one,
      one,
    );
    return (await w.jobs(runId)).filter((job) => job.status === "dialing").length;
  }

  guard(
    "the advisory lock and the primary key together: two dispatches fill the same slots",
    NO_LOCK,
    async (t, use) => {
      const w = await world(t);
      if (use !== original)
        await w.db.execute(sql`alter table outbound_call_slots drop constraint outbound_call_slots_pkey`);
      assert.equal(await together(w, use), 3);
    },
  );

  it("the advisory lock alone: the primary key still admits nobody above the limit", async (t) => {
    assert.equal(await together(await world(t), mutant(t, NO_LOCK)), 3);
  });

  guard(
    "the forward-only rule: a late callback takes the call back to ringing",
    {
      file: "src/runs/news.ts",
      find: "and (j.call_sid is null or j.call_status is null or j.call_status = any (${v.earlier}::text[]))",
      replace: "",
    },
    async (t, use) => {
      const w = await world(t);
      const claim = await claimed(w, w.engine());
      const { applyNews } = await use<typeof News>("src/runs/news.ts");
      for (const status of ["initiated", "in-progress", "ringing"])
        await applyNews(w.db, { token: claim.token, sid: "CA1", status, durationSeconds: null, from: "callback" });
      assert.equal((await jobOf(w, claim)).callStatus, "in-progress");
    },
  );

  guard(
    "the run's row lock before the begun mark: a POST begins beside a stop that is committing",
    { file: "src/runs/begin.ts", find: "for share", replace: "" },
    async (t, use) => {
      const w = await world(t);
      const claim = await claimed(w, w.engine());
      const { beginAttempt } = await use<typeof Begin>("src/runs/begin.ts");
      const going: Promise<string>[] = [];
      await inTransaction(w.db, async (tx) => {
        await tx.execute(sql`update outbound_call_runs set cancel_requested = true where id = ${claim.runId}`);
        going.push(beginAttempt(w.db, claim));
        await Promise.race([going[0], w.untilBlocked(1)]);
      });
      assert.equal(await going[0], "refused");
    },
  );

  guard(
    "the run's status at the begun mark: a run that was asked to cancel dials on",
    { file: "src/runs/begin.ts", find: " and status = 'running' and not cancel_requested", replace: "" },
    async (t, use) => {
      const w = await world(t);
      const claim = await claimed(w, w.engine());
      await w.db.execute(sql`update outbound_call_runs set cancel_requested = true where id = ${claim.runId}`);
      const { beginAttempt } = await use<typeof Begin>("src/runs/begin.ts");
      assert.equal(await beginAttempt(w.db, claim), "refused");
    },
  );

  guard(
    "the attempt's and the job's state at the begun mark: a claim that was taken back is dialled",
    [
      {
        file: "src/runs/begin.ts",
        find: "\n         and j.status = 'dialing' and j.dial_lock_token = ${v.token}",
        replace: "",
      },
      { file: "src/runs/begin.ts", find: "and num_nulls(a.begun_at, a.closed_at) = 2", replace: "" },
    ],
    async (t, use) => {
      const w = await world(t);
      const { first } = await claimedAgain(w, w.engine());
      const { beginAttempt } = await use<typeof Begin>("src/runs/begin.ts");
      assert.equal(await beginAttempt(w.db, first), "refused");
    },
  );

  guard(
    "the settle time: a call that the carrier's list does not show yet is declared not placed",
    { file: "src/runs/unsettled.ts", find: " || !attempt.settled", replace: "" },
    async (t, use) => {
      const w = await world(t, { carrier: { listLagMs: 60_000 }, limits: { lookupGapMs: 0 } });
      await w.carrier.setFaults([
        { on: "create", kind: "no-sid" },
        { on: "callback", kind: "drop" },
      ]);
      const engine = w.engine();
      const claim = await claimed(w, engine);
      const dial = await use<typeof Dial>("src/runs/dial.ts");
      await dial.dialClaim(engine, claim, 0);
      const { lookUpUnsettled } = await use<typeof Unsettled>("src/runs/unsettled.ts");
      for (let n = 0; n < 3; n++) await lookUpUnsettled(engine);
      assert.equal((await jobOf(w, claim)).status, "dialing");
    },
  );

  guard(
    "the clock check before the socket: a worker that was frozen after the mark posts when it thaws",
    {
      file: "src/runs/dial.ts",
      find: "performance.now() - monotonic < budgetMs && Math.abs(Date.now() - wall) < budgetMs",
      replace: "monotonic + wall > 0",
    },
    async (t, use) => {
      const w = await world(t, { limits: { postStartBudgetMs: 100 } });
      const frozen = async (moment: string) => {
        if (moment === "begin.committed") await sleep(150);
      };
      const engine = w.engine({ reached: frozen });
      const claim = await claimed(w, engine);
      const dial = await use<typeof Dial>("src/runs/dial.ts");
      await dial.dialClaim(engine, claim, 0);
      assert.equal((await w.carrier.report()).totalCreates, 0);
      assert.equal((await jobOf(w, claim)).status, "queued");
    },
  );

  guard(
    "the way back of claims whose commit was not answered: they hold their slots for ever",
    {
      file: "src/runs/dispatch.ts",
      find: "if (offered.length > 0) engine.launch",
      replace: "if (offered.length < 0) engine.launch",
    },
    async (t, use) => {
      const w = await world(t);
      const launched: Promise<void>[] = [];
      const db = losingFirstCommit(w.db);
      const engine = w.engine({ db, launch: (work) => void launched.push(work()) });
      const business = await w.business();
      await w.enqueue(business, await w.leads(business, 5));
      const { dispatchOnce } = await use<typeof Dispatch>("src/runs/dispatch.ts");
      await assert.rejects(dispatchOnce(engine, business.id), /terminated/);
      await Promise.all(launched);
      assert.deepEqual(await rows(w.db, sql`select * from outbound_call_slots`), []);
      const queued = await row<{ n: number }>(w.db, sql`select queued_count as n from outbound_call_runs`);
      assert.equal(queued?.n, 5);
    },
  );
});
