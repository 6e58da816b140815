// Postgres goes away in every way it can: no process ends, dialling goes on when it is back, and nothing is lost.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import pg from "pg";
import { row } from "../../db/client.ts";
import { DISPATCH_CLASS } from "../../db/locks.ts";
import { sized } from "../support/sizes.ts";
import { until } from "../support/until.ts";
import type { Member } from "./fleet.ts";
import type { StartedRun } from "./people.ts";
import { theatre, wholeFile, type Theatre } from "./theatre.ts";

/** How long Postgres is away. */
const AWAY_MS = sized(2_500, 30_000);

describe("with a run under way", () => {
  let play: Theatre;
  let members: Member[];
  const scope = wholeFile();

  before(async () => {
    const settings = { max_connections: "70" };
    play = await theatre(scope, { settings });
    members = [
      await play.member("api", "api"),
      await play.member("worker", "worker1"),
      await play.member("worker", "worker2"),
    ];
  });

  /** Lets `hurt` loose on a run in full swing, and holds everybody to having survived it. */
  async function survives(hurt: (run: StartedRun) => Promise<unknown>): Promise<number> {
    const pids = members.map((member) => member.pid);
    const run = await play.run(25);
    await play.stage.carrier.waitForEvent(
      (e) => e.kind === "call.answered" && run.numbers.includes(e.to ?? ""),
      15_000,
    );
    await hurt(run);
    const since = performance.now();
    assert.equal(await play.ended(run, 60_000), "completed");
    assert.deepEqual(
      members.map((member) => member.pid),
      pids,
    );
    await play.assertAll();
    return performance.now() - since;
  }

  const terminate = async (whose: string) => {
    const killed = await row<{ n: number }>(
      play.stage.db,
      sql`select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
           where pid <> pg_backend_pid() and (application_name like ${whose} or query ilike ${whose})`,
    );
    assert.ok(killed!.n > 0, `nobody to terminate: ${whose}`);
  };

  it("restarts", async () => void (await survives(() => play.stage.postgres.restart())));

  it("crashes and recovers", async () => {
    await survives(async () => {
      await play.stage.postgres.stopImmediate();
      await play.stage.postgres.start();
    });
  });

  it(`stays down for ${AWAY_MS} ms`, async (t) => {
    const ms = await survives(async () => {
      await play.stage.postgres.stopImmediate();
      await sleep(AWAY_MS);
      await play.stage.postgres.start();
    });
    t.diagnostic(`25 leads were done ${Math.round(ms)} ms after it came back`);
  });

  it(`does not answer for ${AWAY_MS} ms`, async () => {
    await survives(async () => {
      await play.stage.postgres.pause();
      await sleep(AWAY_MS);
      play.stage.postgres.resume();
    });
  });

  for (const [name, whose] of [
    ["the heartbeats'", "ringpost heartbeat%"],
    ["the workers'", "ringpost worker%"],
    ["the API's", "ringpost api%"],
    ["the listeners'", "listen %"],
    ["everybody's", "ringpost%"],
  ] as const) {
    it(`breaks ${name} connections`, async () => void (await survives(() => terminate(whose))));
  }

  it("has no connection left for us", async () => {
    await survives(async () => {
      const hogs: pg.Client[] = [];
      const hog = async () => {
        const client = new pg.Client({ connectionString: play.stage.postgres.url, application_name: "hog" });
        client.on("error", () => {});
        await client.connect();
        hogs.push(client);
        return client;
      };
      const first = await hog();
      // Breaks ours and takes their places, until nobody else gets in.
      const full = async () => {
        await first.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'ringpost%'",
        );
        for (;;) await hog();
      };
      await assert.rejects(full(), { code: "53300" });
      await sleep(AWAY_MS);
      await Promise.all(hogs.map((client) => client.end()));
    });
  });

  it("crashes while a dispatch runs, whose failure then cannot be stored", async () => {
    await survives(async () => {
      const { postgres, db, businesses } = play.stage;
      const blocker = new pg.Client({ connectionString: postgres.url });
      blocker.on("error", () => {});
      await blocker.connect();
      await blocker.query("begin");
      await blocker.query("select pg_advisory_xact_lock($1, $2)", [DISPATCH_CLASS, businesses[0]!.id]);
      const waits = sql`select 1 from pg_stat_activity where query ilike '%pg_advisory_xact_lock%' and wait_event = 'advisory'`;
      await until(async () => (await row(db, waits)) !== undefined, "a dispatch that waits for the lock");
      await postgres.stopImmediate();
      await sleep(1_000);
      await postgres.start();
    });
  });
});
