// The fault drill: real processes, a seeded plan of blows, faults of the carrier, and people who start and stop runs.
// It ends when every run has, and says what held.
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import { numbersInLogs } from "../support/numbersIn.ts";
import type { Moment } from "../../src/runs/engine.ts";
import type { Scope } from "../support/postgres.ts";
import { lastFirst } from "../support/scope.ts";
import { Member } from "./fleet.ts";
import { give, takeBack, wasCarriedOut } from "./orders.ts";
import { People, type StartedRun } from "./people.ts";
import { planBlows, planScenario, WORKERS, type Blow } from "./plan.ts";
import { setStage, TTL_MS, type Stage } from "./stage.ts";
import { judge, Sampler } from "./truth.ts";

export interface DrillOptions {
  seed: number;
  leads: number;
  kills: number;
  /** Logs and orders; removed when everything held. */
  folder: string;
  say: (line: string) => void;
}

export interface DrillResult {
  held: boolean;
  failures: string[];
  figures: string;
}

/** Between two blows: at least, and at most when the runs make no progress. */
const LEAST_GAP_MS = 700;
const MOST_GAP_MS = 4_000;
/** An order that nobody carries out within this is taken back. */
const ORDER_MS = 5_000;
/** A process that was about to freeze itself when it was frozen does that after its thaw, as soon as it gets the processor. */
const RELAPSES = 10;
const RELAPSE_MS = 300;
/** After the last blow everything must come to its end within this. */
const END_MS = 120_000;
/** At once active per business. */
const RUNS_AT_ONCE = 2;

export async function drill(t: Scope, options: DrillOptions): Promise<DrillResult> {
  const { seed, leads, kills, say } = options;
  const scope = lastFirst(t);
  rmSync(options.folder, { recursive: true, force: true });
  const plan = planScenario(seed, leads);
  const stage = await setStage(scope, { seed, limits: plan.limits, folder: options.folder });
  const conductor = new Conductor(stage, say);
  scope.after(() => conductor.close());
  await conductor.open();
  const sampler = new Sampler(stage.db, 100);
  const since = performance.now();
  const playing = conductor.play(plan.runs);
  const struck = await conductor.strike(planBlows(seed, kills), leads);
  await conductor.calm();
  const finished = await Promise.race([playing, sleep(END_MS, "late" as const, { ref: false })]);
  await stage.carrier
    .waitFor((r) => r.liveNow === 0 && r.callbacks.pending === 0, 20_000)
    .catch(() => say("callbacks are still pending"));
  await sampler.stop();
  const { failures, figures } = await judge(stage, conductor.people.runs);
  if (finished === "late") failures.unshift(`not everything ended within ${END_MS} ms of the last blow`);
  for (const [rule, found] of sampler.broken) failures.push(`while it ran, ${rule}: ${JSON.stringify(found)}`);
  failures.push(...conductor.faults());
  const numbers = numbersInLogs(
    options.folder,
    conductor.people.runs.flatMap((run) => run.numbers),
  );
  if (numbers.length > 0) failures.push(`phone numbers in the logs: ${JSON.stringify(numbers.slice(0, 5))}`);
  const seconds = Math.round((performance.now() - since) / 1000);
  const { stopped, resumed } = conductor.people;
  return {
    held: failures.length === 0,
    failures,
    figures: `seed ${seed}: ${struck} blows in ${seconds} s, ${figures}, ${stopped} stopped, ${resumed} resumed, ${sampler.samples} samples`,
  };
}

class Conductor {
  readonly people: People;
  readonly #stage: Stage;
  readonly #say: (line: string) => void;
  readonly #members: Map<string, Member>;
  readonly #reapers: Member[] = [];
  readonly #since = performance.now();
  /** What goes on beside the blows: thaws and restarts. */
  readonly #pending = new Set<Promise<void>>();
  #busy = new Set<string>();
  #dark = false;
  #ended = 0;
  #over = false;

  constructor(stage: Stage, say: (line: string) => void) {
    this.#stage = stage;
    this.#say = say;
    this.people = new People(stage);
    this.#members = new Map(
      [...WORKERS, "api"].map((name) => [name, new Member(name === "api" ? "api" : "worker", name, stage)]),
    );
  }

  async open(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.startAgain()));
  }

  async close(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#pending);
    await Promise.all([...this.#members.values(), ...this.#reapers].map((member) => member.kill()));
  }

  faults(): string[] {
    return [...this.#members.values(), ...this.#reapers].flatMap((member) => member.faults);
  }

  /** Starts the runs, a few per business at once, ends some of them, resumes what failed, until all have ended. */
  async play(plans: ReturnType<typeof planScenario>["runs"]): Promise<"ended"> {
    const waiting = [...plans];
    const going: StartedRun[] = [];
    const endings = new Map<StartedRun, Promise<void>>();
    const failed = (error: unknown) => this.#note(`a person could not: ${String(error)}`);
    while (!this.#over) {
      const progress = await this.people.progress().catch(() => undefined);
      if (progress) {
        this.#ended = [...progress.values()].reduce((sum, run) => sum + run.ended, 0);
        for (const run of going.slice()) {
          const now = progress.get(run.runId);
          if (!now) continue;
          const due = run.plan.ending && now.ended >= run.plan.ending.atShare * now.total;
          if (due && !endings.has(run)) endings.set(run, this.people.end(run).catch(failed));
          if (["completed", "cancelled", "stopped"].includes(now.status)) going.splice(going.indexOf(run), 1);
        }
        if (!this.#dark) await this.people.resumeFailed().catch(() => {});
        for (const plan of waiting.slice()) {
          if (going.filter((run) => run.plan.business === plan.business).length >= RUNS_AT_ONCE) continue;
          waiting.splice(waiting.indexOf(plan), 1);
          going.push(await this.people.start(plan));
        }
        const live = [...progress.values()].some((run) => run.ended < run.total);
        if (waiting.length === 0 && going.length === 0 && !live) break;
      }
      await sleep(150);
    }
    await Promise.all(endings.values());
    return "ended";
  }

  /** @returns how many blows were struck: fewer than planned when the leads run out before */
  async strike(blows: readonly Blow[], leads: number): Promise<number> {
    let struck = 0;
    for (const [n, blow] of blows.entries()) {
      const due = (n * leads) / (blows.length + 5);
      const latest = performance.now() + MOST_GAP_MS;
      await sleep(LEAST_GAP_MS);
      while (this.#ended < due && performance.now() < latest) await sleep(50);
      if (this.#ended >= leads) break;
      this.#note(`blow ${n}: ${JSON.stringify(blow)}`);
      await this.#deal(blow);
      struck++;
    }
    return struck;
  }

  /** No more blows: everybody is up and awake. */
  async calm(): Promise<void> {
    await Promise.all(this.#pending);
    for (const member of this.#members.values()) if (!member.ready) await member.startAgain();
    this.#note("calm");
  }

  #note(line: string): void {
    this.#say(`${((performance.now() - this.#since) / 1000).toFixed(1).padStart(6)} ${this.#ended} ${line}`);
  }

  #beside(work: () => Promise<void>): void {
    const going: Promise<void> = work()
      .catch((error: unknown) => this.#note(`failed: ${String(error)}`))
      .finally(() => this.#pending.delete(going));
    this.#pending.add(going);
  }

  async #deal(blow: Blow): Promise<void> {
    switch (blow.kind) {
      case "kill":
      case "terminate":
      case "freeze":
      case "killAt":
      case "freezeAt": {
        const member = await this.#free(blow.who);
        this.#busy.add(member.name);
        return this.#beside(async () => {
          await this.#hurt(member, blow).finally(() => this.#busy.delete(member.name));
        });
      }
      case "postgres":
        if (blow.how === "fast") return await this.#stage.postgres.restart();
        await this.#stage.postgres.stopImmediate();
        return await this.#stage.postgres.start();
      case "postgresFreeze":
        await this.#stage.postgres.pause();
        await sleep(blow.forMs);
        return this.#stage.postgres.resume();
      case "disconnect":
        return void (await rows(
          this.#stage.db,
          sql`select pg_terminate_backend(pid) from pg_stat_activity
               where application_name like 'ringpost%' order by random() limit ${blow.connections}`,
        ).catch(() => {}));
      case "reap":
        return this.#beside(() => this.#reap(blow.killAt));
      case "blackout":
        return await this.#blackout();
    }
  }

  /** Somebody who is not being hurt already: the one asked for, or else another worker. */
  async #free(who: string): Promise<Member> {
    const alike = WORKERS.includes(who) ? [who, ...WORKERS] : [who];
    for (;;) {
      const free = alike.find((name) => !this.#busy.has(name));
      if (free) return this.#members.get(free)!;
      await sleep(20);
    }
  }

  async #hurt(member: Member, blow: Extract<Blow, { who: string }>): Promise<void> {
    const { folder } = this.#stage;
    if (!member.ready) await member.startAgain();
    if (blow.kind === "kill") await member.kill();
    if (blow.kind === "terminate") await member.terminate();
    if (blow.kind === "freeze") member.freeze();
    if (blow.kind === "killAt" || blow.kind === "freezeAt") {
      const signal = blow.kind === "killAt" ? "SIGKILL" : "SIGSTOP";
      if (signal === "SIGKILL") member.expectEnd();
      give(folder, member.name, { moment: blow.moment, nth: blow.nth, signal });
      const until = performance.now() + ORDER_MS;
      while (!wasCarriedOut(folder, member.name) && performance.now() < until) await sleep(20);
      takeBack(folder, member.name);
      if (signal === "SIGKILL") await member.kill();
      else if (!wasCarriedOut(folder, member.name)) member.freeze();
    }
    if (blow.kind === "freeze" || blow.kind === "freezeAt") {
      await sleep(blow.forMs);
      member.thaw();
      for (let n = 0; n < RELAPSES; n++) {
        await sleep(RELAPSE_MS);
        member.thaw();
      }
      return;
    }
    await sleep(blow.restartMs);
    await member.startAgain();
  }

  async #reap(killAt: Moment | null): Promise<void> {
    const reaper = new Member("reap", `reap${this.#reapers.length}`, this.#stage);
    this.#reapers.push(reaper);
    if (killAt) {
      reaper.expectEnd();
      give(this.#stage.folder, reaper.name, { moment: killAt, nth: 1, signal: "SIGKILL" });
    }
    await reaper.start();
    await reaper.ended();
    if (reaper.output) this.#note(`reaped: ${reaper.output.trim()}`);
  }

  async #blackout(): Promise<void> {
    this.#dark = true;
    for (const name of WORKERS) {
      while (this.#busy.has(name)) await sleep(20);
      this.#busy.add(name);
    }
    await Promise.all(WORKERS.map((name) => this.#members.get(name)!.kill()));
    await sleep(TTL_MS + 1_500);
    // One that dies on the way, then two at once, as two machines' cron would.
    await this.#reap("reap.reclaiming");
    await Promise.all([this.#reap(null), this.#reap(null)]);
    this.#dark = false;
    for (const name of WORKERS) {
      await this.#members.get(name)!.startAgain();
      this.#busy.delete(name);
    }
  }
}
