// A stage for tests of one fault at a time: processes that can be killed at a named moment, quick leases, calls that are
// over in no time, and a carrier without faults of its own.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { row } from "../../db/client.ts";
import { sql } from "drizzle-orm";
import type { Moment } from "../../src/runs/engine.ts";
import type { Scope } from "../support/postgres.ts";
import { numbersInLogs } from "../support/numbersIn.ts";
import { lastFirst } from "../support/scope.ts";
import { until } from "../support/until.ts";
import { Member, type Role } from "./fleet.ts";
import { give, wasCarriedOut } from "./orders.ts";
import { People, type StartedRun } from "./people.ts";
import { setStage, type Stage, type StageOptions } from "./stage.ts";
import { judge } from "./truth.ts";

/** As quick as the carrier's two budgets allow. */
export const QUICK = {
  HEARTBEAT_SECONDS: "0.3",
  ADOPT_AFTER_SECONDS: "1",
  POST_START_BUDGET_MS: "400",
  POST_TIMEOUT_MS: "600",
  SETTLE_SECONDS: "1.5",
  LOOKUP_GAP_SECONDS: "0.3",
  CALL_NEWS_SECONDS: "1",
  // On a busy machine a process may take ten seconds to start: that must not count as a silence for people to end.
  RUN_TTL_MINUTES: "2",
};

/** Whole calls of 0.1 to 0.4 s. */
export const SHORT_CALLS = [
  { initiateAfterMs: 5, ringAfterMs: [10, 60], answerAfterMs: [20, 120], talkMs: [50, 250], outcome: "answered" },
] satisfies StageOptions["scripts"];

export interface Theatre {
  stage: Stage;
  people: People;
  /** A process that is ready. Killed with the test. */
  member(role: Role, name: string): Promise<Member>;
  /** Kills those that play this role. */
  dismiss(role: Role): Promise<void>;
  /** One pass of the reaper, which may die at a moment. @returns what it printed */
  reap(killAt?: Moment): Promise<string>;
  /** Starts a run of one business, of so many leads. */
  run(leads: number, concurrency?: number): Promise<StartedRun>;
  /** Gives the order, and waits until it was carried out. */
  struck(member: Member, moment: Moment, nth: number, signal?: "SIGKILL" | "SIGSTOP"): Promise<void>;
  order(member: Member, moment: Moment, nth: number, signal?: "SIGKILL" | "SIGSTOP"): () => Promise<void>;
  /** Waits until it is in the process's log. */
  said(member: Member, words: string): Promise<void>;
  ended(run: StartedRun, timeoutMs?: number): Promise<string>;
  /** Nothing is live, and every invariant holds. */
  assertAll(): Promise<string>;
}

/** The scope of a describe block; call it in the block itself, not in a hook. */
export function wholeFile(): Scope {
  return lastFirst({ after });
}

export async function theatre(scope: Scope, options: Partial<StageOptions> = {}): Promise<Theatre> {
  const folder = mkdtempSync(join(tmpdir(), "ringpost-drill-"));
  scope.after(() => {
    const numbers = numbersInLogs(
      folder,
      people.runs.flatMap((run) => run.numbers),
    );
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(numbers, [], "no phone number is in the logs");
  });
  const stage = await setStage(scope, {
    seed: 1,
    limits: [3],
    faults: [],
    scripts: SHORT_CALLS,
    folder,
    ...options,
    env: { ...QUICK, ...options.env },
  });
  const people = new People(stage);
  const members: Member[] = [];
  scope.after(() => Promise.all(members.map((member) => member.kill())));
  const made: Theatre = {
    stage,
    people,
    async member(role, name) {
      const member = new Member(role, name, stage);
      members.push(member);
      await member.startAgain();
      return member;
    },
    async dismiss(role) {
      await Promise.all(members.filter((member) => member.role === role).map((member) => member.kill()));
    },
    async reap(killAt) {
      const reaper = new Member("reap", `reap${members.length}`, stage);
      members.push(reaper);
      const struck = killAt && made.order(reaper, killAt, 1);
      await reaper.start();
      await reaper.ended();
      await struck?.();
      return reaper.output;
    },
    run: (leads, concurrency = 10) => people.start({ business: 0, leads, concurrency, ending: null }),
    order(member, moment, nth, signal = "SIGKILL") {
      if (signal === "SIGKILL") member.expectEnd();
      give(stage.folder, member.name, { moment, nth, signal });
      return async () => {
        await until(() => wasCarriedOut(stage.folder, member.name), `${member.name} at ${moment}, arrival ${nth}`);
        if (signal === "SIGKILL") await member.ended();
      };
    },
    struck: (member, moment, nth, signal) => made.order(member, moment, nth, signal)(),
    async said(member, words) {
      const log = join(folder, `${member.name}.log`);
      await until(() => readFileSync(log, "utf8").includes(words), `${member.name} says: ${words}`);
    },
    async ended(run, timeoutMs = 60_000) {
      const look = async () => {
        const now = await row<{ status: string; live: number }>(
          stage.db,
          sql`select status, queued_count + in_progress_count as live from outbound_call_runs where id = ${run.runId}`,
        );
        return now && now.live === 0 && !["pending", "running"].includes(now.status) && now.status;
      };
      return await until(
        look,
        async () => `run ${run.runId} ended: ${JSON.stringify(await people.progress())}`,
        timeoutMs,
      );
    },
    async assertAll() {
      await stage.carrier.waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 10_000);
      const { failures, figures } = await judge(stage, people.runs);
      const faults = members.flatMap((member) => member.faults);
      if (failures.length + faults.length > 0) throw new Error([...failures, ...faults].join("\n"));
      return figures;
    },
  };
  return made;
}
