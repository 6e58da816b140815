// Dispatch: one short transaction that fills a business's free slots with its runs' next leads (I1, I3, I8). No HTTP.
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { array, type Tx } from "../../db/client.ts";
import { inTransaction, inTwoTrips, type Sent } from "../../db/transaction.ts";
import { lockBusiness, lockingBusiness } from "../../db/locks.ts";
import {
  anythingPaused,
  atOnce,
  giveBackProbes,
  ownTurns,
  probeGapMs,
  reserveTurns,
  type Turns,
} from "../dialling/pacing.ts";
import { callerKey, voiceKey } from "../dialling/pause.ts";
import { lockWaitingRuns, readBusiness } from "./businessNow.ts";
import { callerIdOf } from "./callerId.ts";
import { takeBackClaims } from "./takeBack.ts";
import { untilStored } from "./untilStored.ts";
import { cancelUnbegun } from "./cancelUnbegun.ts";
import { claimJobs, type Claim } from "./claim.ts";
import type { Engine } from "./engine.ts";
import { freeSlots, shareSlots } from "./fairness.ts";
import { dialClaim } from "./dial.ts";
import { lockRun } from "./rows.ts";
import { wakeDispatch } from "./wake.ts";

export interface Dispatched {
  claims: Claim[];
  /** The carrier budget's turns: the first claim's after `waitMs`, each further one `intervalMs` later. */
  turns: Turns;
}

/** Claims as many jobs as slots, runs and the carrier's budget allow. The caller dials them. */
export async function dispatchOnce(engine: Engine, businessId: number): Promise<Dispatched> {
  const offered: string[] = [];
  try {
    return await claimShares(engine, businessId, offered);
  } catch (error) {
    if (offered.length > 0) engine.launch(() => giveBackUnknown(engine, businessId, offered));
    throw error;
  }
}

/**
 * Nothing has happened outside when a claim commits, so it need not wait for the disk: the begun mark does, which no POST
 * goes without, and whatever was written before a mark is on the disk before it. A crash of the server in between forgets
 * the claim, and the mark finds none.
 */
const NOT_YET_ON_DISK = "set local synchronous_commit = off";

/**
 * The claim's plan is the same for any numbers, and is made once per connection. Left to itself, Postgres takes a plan made
 * for the very arrays for cheaper as soon as the tables are large, and plans for longer than it claims, each time anew.
 */
const PLANNED_ONCE = "set local plan_cache_mode = force_generic_plan";

/**
 * Cancelled runs end first, in a transaction of their own: that may be a hundred thousand jobs, and the other runs, whose
 * rows a claim locks, must not wait for it with their begun marks and their calls' ends.
 */
async function claimShares(engine: Engine, businessId: number, offered: string[]): Promise<Dispatched> {
  const { cancelled, ...done } = await claimNow(engine, businessId, offered, "unless cancelled");
  if (cancelled.length === 0) return done;
  await inTransaction(engine.db, async (tx) => {
    await lockBusiness(tx, businessId);
    await endCancelled(tx, businessId, cancelled);
  });
  // What is cancelled since then has a wake-up of its own; what is left of these is live, and ends by itself.
  return await claimNow(engine, businessId, offered, "whatever is cancelled");
}

interface Tried extends Dispatched {
  /** Runs that were asked to cancel: the caller ends them before anything is claimed. */
  cancelled: number[];
}

const nothing = (about: Partial<Tried> = {}): Sent<Tried> => ({
  sent: Promise.resolve({ claims: [], turns: atOnce(0), cancelled: [], ...about }),
});

/** @param offered gets the tokens that a commit may have stored */
async function claimNow(
  engine: Engine,
  businessId: number,
  offered: string[],
  when: "unless cancelled" | "whatever is cancelled",
): Promise<Tried> {
  const { db, limits, worker } = engine;
  const ask = async (tx: Tx) =>
    await Promise.all([
      readBusiness(tx, businessId, limits.maxCallsPerBusiness),
      lockWaitingRuns(tx, businessId, limits),
      anythingPaused(tx),
    ]);
  return await inTwoTrips(
    db,
    `${NOT_YET_ON_DISK}; ${PLANNED_ONCE}; ${lockingBusiness(businessId)}`,
    ask,
    async (tx, [business, runs, paused]): Promise<Sent<Tried>> => {
      if (when === "unless cancelled" && business?.cancelled.length) return nothing({ cancelled: business.cancelled });
      const from = business && callerIdOf(business.callerId, business.phone, engine.callerId);
      if (!business?.enabled || !from) return nothing();

      const free = freeSlots(business.limit, business.taken);
      const wanted = [...shareSlots(runs, free.length).values()].reduce((sum, n) => sum + n, 0);
      if (wanted === 0) return nothing();

      const { accountSid } = engine.dialler;
      const own = [callerKey(accountSid, from), ...(business.voiceUrl ? [voiceKey(accountSid, businessId)] : [])];
      const turns = await turnsOf(tx, engine, own, wanted, paused);
      if (turns.granted === 0) return nothing({ turns });
      const slotNumbers = free.slice(0, turns.granted);
      const tokens = slotNumbers.map(() => randomUUID());
      offered.push(...tokens);
      const order = {
        businessId,
        shares: shareSlots(runs, turns.granted),
        slotNumbers,
        tokens,
        from,
        voiceUrl: business.voiceUrl,
        slotSeconds: limits.ringTimeoutSeconds + limits.callTimeLimitSeconds,
      };
      return { sent: claimJobs(tx, order, worker).then((claims) => ({ claims, turns, cancelled: [] })) };
    },
  );
}

/**
 * The connection broke before the commit was answered. If it happened, the claims hold slots in the name of a worker that
 * lives and does not know of them, so that nobody else would ever take them back.
 */
async function giveBackUnknown(engine: Engine, businessId: number, tokens: string[]): Promise<void> {
  await untilStored(engine, async () => {
    // It may be committing still: then it holds the lock, and what it claimed shows only afterwards.
    await inTransaction(engine.db, (tx) => lockBusiness(tx, businessId));
    await takeBackClaims(engine, sql`token = any (${array(tokens, "text")})`, { lost: "the answer to the claim" });
  });
}

/** The flag `cancel_requested` is looked at before every claim: what is still queued or not begun ends here. */
async function endCancelled(tx: Tx, businessId: number, runIds: number[]): Promise<void> {
  for (const id of runIds) {
    const run = await lockRun(tx, businessId, id);
    if (run) await cancelUnbegun(tx, businessId, run, "Cancelled by user");
  }
}

/** What the business's own settings and the account allow now: each may be paused, the account also has a pace. */
async function turnsOf(
  tx: Tx,
  { dialler, limits }: Engine,
  own: readonly string[],
  wanted: number,
  paused: boolean,
): Promise<Turns> {
  const { accountSid } = dialler;
  if (!paused && !Number.isFinite(limits.callsPerSecond)) return atOnce(wanted);
  const gapMs = probeGapMs(limits);
  const ownAllow = paused ? await ownTurns(tx, own, wanted, gapMs) : { ...atOnce(wanted), probed: [] };
  const turns =
    ownAllow.granted === 0
      ? ownAllow
      : await reserveTurns(tx, accountSid, limits.callsPerSecond, ownAllow.granted, gapMs);
  if (turns.granted === 0) await giveBackProbes(tx, ownAllow);
  return { ...turns, again: turns.again ?? ownAllow.again };
}

/** One dispatch: claims, commits, and sets the calls on their way beside the caller. @returns how many were claimed */
export async function dispatch(engine: Engine, businessId: number): Promise<number> {
  if (engine.draining.aborted) {
    // Somebody else's turn: this wake-up must not be lost with us.
    await wakeDispatch(engine.db, businessId);
    return 0;
  }
  const { claims, turns } = await dispatchOnce(engine, businessId);
  if (claims.length > 0) {
    engine.tookTurn(businessId);
    await engine.reached("claim.committed");
  }
  claims.forEach((claim, n) => {
    engine.launch(() => dialClaim(engine, claim, turns.waitMs + n * turns.intervalMs));
  });
  if (turns.again) engine.dispatchInTurn(businessId, turns.again);
  return claims.length;
}
