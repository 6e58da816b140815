// A thousand requests of twenty businesses over four connections: no answer, and no row, is of another business.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { openDoor, through } from "../../db/door.ts";
import { requestCancel } from "../../src/runs/cancel.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { forceCancelRun, stopRun } from "../../src/runs/stop.ts";
import { anApi, as } from "../api/harness.ts";
import { aBusiness, aLead, aRun } from "../api/rows.ts";
import { freshDatabase } from "../api/support.ts";
import { seeded } from "../support/random.ts";

const SEED = Number(process.env["SEED"] ?? 20);
const REQUESTS = 1_000;
const CONNECTIONS = 4;
/** At once: more than there are connections, so that they are handed around. */
const CLIENTS = 16;

const admin = await freshDatabase({ after });
const db = openDatabase({ url: admin.$client.options.connectionString!, name: "mixing", max: CONNECTIONS });
after(() => db.$client.end());

describe("1,000 requests of 20 businesses on 4 connections", () => {
  it(`never mix (SEED=${SEED})`, async () => {
    const { app, lines } = anApi(db, { queue: { enqueueRun, stopRun, forceCancelRun, requestCancel } });
    const shops = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { id } = await aBusiness(admin);
        const leads = await Promise.all(
          Array.from({ length: 5 }, (_, k) => aLead(admin, id, { phoneE164: `+97250${1_000_000 + n * 100 + k}` })),
        );
        return {
          id,
          me: await as(app, { business: id, sub: String(id) }),
          leads: leads.map((lead) => lead.id),
          run: (await aRun(admin, id)).id,
        };
      }),
    );
    const random = seeded(SEED);
    const work = Array.from({ length: REQUESTS }, () => ({
      shop: random.pick(shops),
      other: random.pick(shops),
      kind: random.below(9),
    }));
    const ask = async ({ shop, other, kind }: (typeof work)[number]) => {
      const { me, id } = shop;
      switch (kind) {
        case 0: {
          const { json } = await me.get("/api/outbound/runs?limit=100");
          for (const run of json.items) owner.push([run.run_id, id]);
          return;
        }
        case 1:
          return assert.equal((await me.get(`/api/outbound/runs/${shop.run}`)).status, 200);
        case 2:
          return assert.equal((await me.get(`/api/outbound/runs/${other.run}`)).status, other === shop ? 200 : 404);
        case 3: {
          const { status, json } = await me.post("/api/outbound/bulk-enqueue", { lead_ids: shop.leads });
          assert.ok([201, 409].includes(status));
          if (status === 201) owner.push([json.run_id, id]);
          return;
        }
        case 4: {
          const { status } = await me.post("/api/outbound/bulk-enqueue", { lead_ids: [...shop.leads, other.leads[0]] });
          return assert.ok((other === shop ? [201, 409] : [404]).includes(status));
        }
        case 5: {
          const { json } = await me.put("/api/outbound/settings", { message_en: `of ${id}` });
          return assert.equal(json.message_en, `of ${id}`);
        }
        case 6: {
          const { json } = await me.get("/api/outbound/settings");
          return assert.ok([null, `of ${id}`].includes(json.message_en));
        }
        case 7:
          return assert.equal(
            (await me.post("/api/outbound/stop-queue", { run_id: other.run })).status,
            other === shop ? 200 : 404,
          );
        default: {
          const door = openDoor(db, { businessId: id, actor: "user:7", userId: null });
          // No filter at all: what a bug in a handler would do.
          const { rows } = await through(door, (tx) =>
            tx.execute<{ b: number }>(
              "select business_id as b from outbound_call_jobs union select tenant_id from leads",
            ),
          );
          return assert.deepEqual(rows, [{ b: id }]);
        }
      }
    };
    const owner: [run: number, business: number][] = [];
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let next = work.pop(); next; next = work.pop()) await ask(next);
      }),
    );
    const { rows } = await admin.execute<{ id: number; b: number }>(
      "select id, business_id as b from outbound_call_runs",
    );
    const businessOf = new Map(rows.map(({ id, b }) => [id, b]));
    assert.ok(owner.length > 50);
    for (const [run, business] of owner) assert.equal(businessOf.get(run), business);
    assert.deepEqual(
      lines.filter(({ level }) => level === "error"),
      [],
    );
    const { rows: left } = await db.execute(
      "select current_user = session_user as me, current_setting('app.business_id', true) as b",
    );
    assert.deepEqual(left, [{ me: true, b: "" }]);
  });
});
