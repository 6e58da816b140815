// How long a run stands still when its worker dies or freezes (I7), and that whoever thaws late changes nothing. The
// figures are printed.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { row } from "../../db/client.ts";
import { until } from "../support/until.ts";
import type { Member } from "./fleet.ts";
import { takeBack } from "./orders.ts";
import type { StartedRun } from "./people.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

const ADOPT_AFTER_S = 2;
const SLACK_S = 5;

describe("when the only worker of a run is gone", () => {
  let play: Theatre;
  let workers = 0;
  const scope = wholeFile();
  const aWorker = async () => await play.member("worker", `worker${++workers}`);

  before(async () => {
    play = await theatre(scope, { env: { HEARTBEAT_SECONDS: "0.5", ADOPT_AFTER_SECONDS: String(ADOPT_AFTER_S) } });
    await play.member("api", "api");
  });

  /**
   * Strikes whoever claims first: it then holds every slot by claims that nobody dials, and the run stands still until
   * somebody else takes them back.
   */
  async function strikeFirst(
    members: Member[],
    signal: "SIGKILL" | "SIGSTOP",
    moment: "claim.committed" | "begin.committed",
  ) {
    const struck = members.map((member) => play.order(member, moment, 1, signal)());
    const run = await play.run(6);
    const victim = await Promise.race(struck.map(async (done, n) => done.then(() => members[n]!)));
    const since = Date.now();
    for (const member of members) takeBack(play.stage.folder, member.name);
    for (const done of struck) done.catch(() => {});
    return { run, victim, since };
  }

  async function nextCallAfter(run: StartedRun, since: number): Promise<number> {
    const ours = (to: string | undefined) => to !== undefined && run.numbers.includes(to);
    const event = await play.stage.carrier.waitForEvent((e) => e.kind === "create.accepted" && ours(e.to), 20_000);
    return (event.atMs - since) / 1000;
  }

  it("another one goes on after it was killed", async (t) => {
    const two = [await aWorker(), await aWorker()];
    const { run, since } = await strikeFirst(two, "SIGKILL", "claim.committed");
    const seconds = await nextCallAfter(run, since);
    t.diagnostic(`killed, another one alive: the next call after ${seconds.toFixed(2)} s`);
    assert.ok(seconds <= ADOPT_AFTER_S + SLACK_S, `${seconds} s`);
    await play.ended(run);
    await play.assertAll();
    for (const one of two) await one.kill();
  });

  it("another one goes on after it froze, and the zombie changes nothing when it thaws", async (t) => {
    const two = [await aWorker(), await aWorker()];
    const { run, victim, since } = await strikeFirst(two, "SIGSTOP", "claim.committed");
    const seconds = await nextCallAfter(run, since);
    t.diagnostic(`frozen, another one alive: the next call after ${seconds.toFixed(2)} s`);
    assert.ok(seconds <= ADOPT_AFTER_S + SLACK_S, `${seconds} s`);
    await play.ended(run);
    const state = async () =>
      await row(
        play.stage.db,
        sql`select (select json_agg(j order by id) from outbound_call_jobs j where run_id = ${run.runId})::text as jobs,
                   (select json_agg(e order by id) from outbound_run_events e where run_id = ${run.runId})::text as events`,
      );
    const before = await state();
    victim.thaw();
    const isBack = async () =>
      (await row(play.stage.db, sql`select 1 from outbound_workers where pid = ${victim.pid}`)) !== undefined;
    await until(isBack, "the zombie's heartbeat");
    assert.deepEqual(await state(), before);
    await play.assertAll();
    for (const one of two) await one.kill();
  });

  it("frozen between the begun mark and the POST, it never posts", async () => {
    const two = [await aWorker(), await aWorker()];
    const { run, victim } = await strikeFirst(two, "SIGSTOP", "begin.committed");
    const marked = await row<{ tokens: string[] }>(
      play.stage.db,
      sql`select array_agg(token) as tokens from outbound_call_attempts
           where run_id = ${run.runId} and begun_at is not null and call_sid is null and settled_at is null`,
    );
    await play.ended(run);
    victim.thaw();
    // It is itself again when it dials for the next run.
    const other = two.find((one) => one !== victim)!;
    await other.kill();
    const next = await play.run(3);
    await play.ended(next);
    for (const token of marked?.tokens ?? []) assert.deepEqual(await play.stage.carrier.calls({ token }), []);
    await play.assertAll();
    await victim.kill();
  });

  it("it goes on itself when it is started again", async (t) => {
    const worker = await aWorker();
    const { run } = await strikeFirst([worker], "SIGKILL", "claim.committed");
    await worker.startAgain();
    // How long a process takes to start is the machine's business.
    const seconds = await nextCallAfter(run, Date.now());
    t.diagnostic(`killed and started again: the next call ${seconds.toFixed(2)} s after it was ready`);
    assert.ok(seconds <= SLACK_S, `${seconds} s`);
    await play.ended(run);
    await play.assertAll();
    await worker.kill();
  });
});
