// One claimed job on its way to the carrier: wait for the turn, mark the POST as begun, POST once, store what came of
// it. Every step commits before the next begins, so that a crash between any two leaves a state that reconcile knows.
import { setTimeout as sleep } from "node:timers/promises";
import type { DialResult } from "../dialling/dialler.ts";
import { accountsWork, callerKey, pauseAccount, pauseLonger, unknownRefusal, voiceKey } from "../dialling/pause.ts";
import { inTransaction, retrying } from "../../db/transaction.ts";
import { ambiguous, hasCall } from "./ambiguous.ts";
import { beginAttempt, type Begun } from "./begin.ts";
import type { Claim } from "./claim.ts";
import { endJob } from "./end.ts";
import type { Engine } from "./engine.ts";
import { applyNews } from "./news.ts";
import { requeueJob, type Proof } from "./requeue.ts";
import { untilStored } from "./untilStored.ts";
import { wakeWaiting } from "./wakeWaiting.ts";

const BUSY_AGAIN_MS = 500;

/** Dials the claim after `waitMs`. Never throws; whatever happens is stored, or left to reconcile. */
export async function dialClaim(engine: Engine, claim: Claim, waitMs: number): Promise<void> {
  try {
    await waitForTurn(engine, waitMs);
    if (engine.draining.aborted) return await giveBack(engine, claim, "not_sent");
    let clock = startClock(engine.limits.postStartBudgetMs);
    let begun = await begin(engine, claim);
    // Another call between the two numbers is not known yet: wait for it, not begun, so that stop can still end the claim.
    while (begun === "busy" && !engine.draining.aborted) {
      await waitForTurn(engine, BUSY_AGAIN_MS);
      clock = startClock(engine.limits.postStartBudgetMs);
      begun = await begin(engine, claim);
    }
    if (begun !== "begun") return await giveBack(engine, claim, "not_sent", { why: begun });
    await engine.reached("begin.committed");
    const result = await engine.dialler.dial(requestFor(engine, claim), clock.maySend);
    await engine.reached("post.answered");
    await settle(engine, claim, result);
    await engine.reached("placed.stored");
  } catch (error) {
    engine.log.error(
      { err: error, jobId: claim.jobId, runId: claim.runId },
      "dial: stopped half-way, left to reconcile",
    );
  }
}

async function waitForTurn(engine: Engine, waitMs: number): Promise<void> {
  if (waitMs <= 0) return;
  await sleep(waitMs, undefined, { signal: engine.draining }).catch(() => {});
}

/**
 * A process that was frozen between the mark and the socket cannot be fenced by a token: whoever thaws has to notice by
 * the clock. Two clocks, because the monotonic one stands still while a whole machine sleeps.
 */
function startClock(budgetMs: number): { maySend: () => boolean } {
  const monotonic = performance.now();
  const wall = Date.now();
  return { maySend: () => performance.now() - monotonic < budgetMs && Math.abs(Date.now() - wall) < budgetMs };
}

/** `unmarked`: the database did not answer. The mark may stand, but we know that we have not sent anything. */
async function begin(engine: Engine, claim: Claim): Promise<Begun | "unmarked"> {
  try {
    return await beginAttempt(engine.db, claim);
  } catch (error) {
    engine.log.warn({ err: error, jobId: claim.jobId }, "dial: could not mark the call as begun");
    return "unmarked";
  }
}

async function giveBack(
  engine: Engine,
  claim: Claim,
  proof: Proof,
  detail: Record<string, unknown> = {},
): Promise<void> {
  await untilStored(engine, () =>
    inTransaction(engine.db, (tx) => requeueJob(tx, claim, proof, `worker:${engine.worker.name}`, detail)),
  );
}

function requestFor(engine: Engine, claim: Claim) {
  const own = (path: string) => withToken(`${engine.publicUrl}${path}`, claim.token);
  const voice = claim.voiceUrl ?? engine.voiceUrl;
  return {
    from: claim.from,
    to: claim.to,
    statusCallbackUrl: own("/webhooks/twilio/status"),
    voiceUrl: voice ? withToken(voice, claim.token) : own("/webhooks/twilio/voice"),
    ringTimeoutSeconds: engine.limits.ringTimeoutSeconds,
    timeLimitSeconds: engine.limits.callTimeLimitSeconds,
  };
}

function withToken(url: string, token: string): string {
  const full = new URL(url);
  full.searchParams.set("token", token);
  return full.href;
}

async function settle(engine: Engine, claim: Claim, result: DialResult): Promise<void> {
  const account = engine.dialler.accountSid;
  switch (result.kind) {
    case "placed": {
      const news = {
        token: claim.token,
        sid: result.sid,
        status: "queued",
        durationSeconds: null,
        from: "answer" as const,
      };
      await untilStored(engine, () => applyNews(engine.db, news, engine.reached, engine.log));
      return await accountIsFine(engine, claim);
    }
    case "rejected":
      // Something on the way has sent the POST twice, and the carrier took the first.
      if (await untilStored(engine, () => hasCall(engine.db, claim.token))) return await accountIsFine(engine, claim);
      // First the count, which may pause: the end of the job frees its slot for the next lead.
      if (!result.known)
        await untilStored(engine, () => unknownRefusal(engine.db, account, result.code, result.message, claim.token));
      await untilStored(engine, () => retrying(() => endJob(engine.db, claim, rejection(result), "carrier")));
      return result.known ? await accountIsFine(engine, claim) : undefined;
    case "blocked":
    case "throttled": {
      const reason = result.kind === "throttled" ? "throttled" : result.reason;
      const kind = reason === "caller_id" || reason === "voice_url" ? "configuration" : reason;
      const paused = pausedBy(account, claim, reason);
      engine.log.warn({ code: result.code, reason }, "dial: the carrier refuses, dialling pauses");
      // First the pause: the job that goes back must not be claimed again at once.
      await untilStored(engine, () =>
        pauseAccount(engine.db, paused, { kind, code: result.code, message: result.message }, claim.token),
      );
      return await giveBack(engine, claim, result.kind, { code: result.code });
    }
    case "not_sent":
      // A thawed process, or a network too slow to connect in time: in a loop it would only wear the database out.
      await untilStored(engine, () =>
        pauseAccount(engine.db, account, { kind: "throttled", code: "too_slow", message: result.message }, claim.token),
      );
      return await giveBack(engine, claim, "not_sent", { why: result.message });
    case "ambiguous":
      engine.log.warn(
        { jobId: claim.jobId, why: result.message },
        "dial: the outcome is unknown, reconcile will look it up",
      );
      return await unanswered(engine, claim, result);
  }
}

/** What waits: the account, or only what meets the refusal because a business chose its number or its voice URL. */
function pausedBy(account: string, claim: Claim, reason: string): string {
  if (reason === "caller_id") return callerKey(account, claim.from);
  if (reason === "voice_url" && claim.voiceUrl) return voiceKey(account, claim.businessId);
  return account;
}

/**
 * Each call without an answer takes a slot for as long as nobody knows, and its lead may end as unknown: where the carrier
 * says of itself that it fails, not the leads of all businesses are tried on it, one after the other.
 */
async function unanswered(
  engine: Engine,
  claim: Claim,
  { code, message }: Extract<DialResult, { kind: "ambiguous" }>,
): Promise<void> {
  const { db, dialler } = engine;
  const outcome = await untilStored(engine, () => inTransaction(db, (tx) => ambiguous(tx, claim, message)));
  if (outcome === "known") return await accountIsFine(engine, claim);
  const [account, ...own] = keysOf(dialler.accountSid, claim);
  if (code !== undefined) await untilStored(engine, () => unknownRefusal(db, account, code, message, claim.token));
  await untilStored(engine, () => pauseLonger(db, code === undefined ? [account, ...own] : own, claim.token));
}

/** What a call may have paused: the account, its caller id on it, the business's own voice URL. */
const keysOf = (accountSid: string, claim: Claim): [string, ...string[]] => [
  accountSid,
  callerKey(accountSid, claim.from),
  voiceKey(accountSid, claim.businessId),
];

/** Ends a pause, and wakes whoever waited for that. */
async function accountIsFine(engine: Engine, claim: Claim): Promise<void> {
  const { accountSid } = engine.dialler;
  const ended = await untilStored(engine, () => accountsWork(engine.db, keysOf(accountSid, claim)));
  if (ended) await untilStored(engine, () => wakeWaiting(engine, 0));
}

const rejection = (result: Extract<DialResult, { kind: "rejected" }>) => ({
  status: "failed" as const,
  outcome: "rejected",
  errorMessage: result.message,
  errorCode: result.code,
  call: null,
});
