// How long a run stands still when its worker dies (I7), and when Postgres does. The figures are printed.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Member } from "./fleet.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

const ADOPT_AFTER_S = 2;
const SLACK_S = 5;

describe("the time from a worker's death to the next call", () => {
  let play: Theatre;
  let workers = 0;
  const scope = wholeFile();
  const aWorker = async () => await play.member("worker", `worker${++workers}`);

  before(async () => {
    play = await theatre(scope, { env: { HEARTBEAT_SECONDS: "0.5", ADOPT_AFTER_SECONDS: String(ADOPT_AFTER_S) } });
    await play.member("api", "api");
  });

  /** The worker is alone and holds every slot of the run by claims, so that nothing moves until somebody adopts them. */
  const holdingAll = async (worker: Member, signal: "SIGKILL" | "SIGSTOP") => {
    const struck = play.order(worker, "claim.committed", 1, signal);
    const run = await play.run(6);
    await struck();
    const since = Date.now();
    return { run, since };
  };
  const nextCall = async (run: { numbers: string[] }) => {
    const event = await play.stage.carrier.waitForEvent(
      (e) => e.kind === "create.accepted" && run.numbers.includes(e.to ?? ""),
      20_000,
    );
    return event.atMs;
  };

  it("killed, another one alive", async (t) => {
    const worker = await aWorker();
    const struck = await holdingAll(worker, "SIGKILL");
    const { run, since } = struck;
    await aWorker();
    const seconds = ((await nextCall(run)) - since) / 1000;
    t.diagnostic(`killed, another one goes on after ${seconds.toFixed(2)} s`);
    assert.ok(seconds <= ADOPT_AFTER_S + SLACK_S);
    await play.ended(run);
    await play.assertAll();
  });
});
