// The request role on a cluster: made once by many, by a user without superuser rights, or by an administrator.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { openDoor, through } from "../../db/door.ts";
import { migrateDatabase } from "../../db/migrate.ts";
import { ensureRequestRole } from "../../db/requestRole.ts";
import { RequestRoleMissing } from "../../db/refused.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";
import { startOwnServer } from "../support/postgres.ts";
import { breaches } from "./breaches.ts";
import { aShop, connect } from "./shops.ts";

describe("the request role", () => {
  it("is made once when twenty migrators of different databases need it at once", async (t) => {
    const server = await startOwnServer(t);
    const admin = await connect(server.url);
    t.after(() => admin.end());
    const urls: string[] = [];
    for (let n = 0; n < 20; n++) {
      await admin.query(`create role owner_${n} login createrole password 'x'; `);
      await admin.query(`create database d${n} owner owner_${n} strategy file_copy`);
      urls.push(urlOf(server.url, `d${n}`, `owner_${n}`));
    }
    const clients = await Promise.all(urls.map(connect));
    t.after(() => Promise.all(clients.map((client) => client.end())));
    // Whoever made it may grant it. The others are told what an administrator has to run, and it is true.
    const done = await Promise.allSettled(clients.map(ensureRequestRole));
    const told = done.flatMap((d) => (d.status === "rejected" ? [d.reason as unknown] : []));
    for (const reason of told) {
      assert.ok(reason instanceof RequestRoleMissing, String(reason));
      await admin.query(reason.message.split("\n").at(-1)!);
    }
    await Promise.all(clients.map(ensureRequestRole));
    await Promise.all(urls.slice(0, 3).map((url) => migrateDatabase(url)));

    const superusers = await Promise.all(urls.map((url) => connect(urlOf(server.url, new URL(url).pathname.slice(1)))));
    t.after(() => Promise.all(superusers.map((client) => client.end())));
    await Promise.all(superusers.map(ensureRequestRole));
  });

  it("walls off a database whose owner is no superuser, and that owner's worker sees everything", async (t) => {
    const server = await startOwnServer(t);
    const admin = await connect(server.url);
    t.after(() => admin.end());
    await admin.query("create role app login password 'x'");
    await admin.query("create database app owner app");
    const url = urlOf(server.url, "app", "app");
    const refused = await migrateDatabase(url).then(
      () => assert.fail("it migrated"),
      (error: Error) => error,
    );
    assert.ok(refused instanceof RequestRoleMissing);
    // A plain grant, as an administrator would type it: the owner then inherits from the role.
    await admin.query("create role ringpost_request nologin; grant ringpost_request to app");
    assert.ok((await migrateDatabase(url)).applied.length > 3);
    assert.deepEqual((await migrateDatabase(url)).applied, []);

    const on = await connect(url);
    t.after(() => on.end());
    const [mine, theirs] = [await aShop(on), await aShop(on)];
    assert.deepEqual(await breaches(on, mine, theirs), []);
    const { rows } = await on.query("select business_id from outbound_call_runs order by id");
    assert.deepEqual(rows, [{ business_id: mine.business }, { business_id: theirs.business }]);

    const db = openDatabase({ url, name: "test", max: 2 });
    t.after(() => db.$client.end());
    const door = openDoor(db, { businessId: mine.business, actor: "user:7", userId: mine.user });
    const input = { leadIds: [mine.spare], concurrency: 3, outboundListId: mine.list, projectId: null, message: null };
    const { runId } = await enqueueRun(door, input);
    const ran = await through(door, (tx) =>
      tx.execute("select current_user as role, id from outbound_call_runs order by id desc limit 1"),
    );
    assert.deepEqual(ran.rows, [{ role: "ringpost_request", id: runId }]);
  });

  it("is refused when it has more rights than none", async (t) => {
    const server = await startOwnServer(t);
    const admin = await connect(server.url);
    t.after(() => admin.end());
    await admin.query("create role ringpost_request nologin bypassrls");
    await assert.rejects(ensureRequestRole(admin), RequestRoleMissing);
  });

  it("is nobody the CRM's own roles have to know", async (t) => {
    const server = await startOwnServer(t);
    await migrateDatabase(server.url);
    const admin = await connect(server.url);
    t.after(() => admin.end());
    const [one, two] = [await aShop(admin), await aShop(admin)];
    await admin.query(
      "create role crm login password 'x'; grant all on all tables in schema public to crm; grant all on all sequences in schema public to crm",
    );
    const crm = await connect(urlOf(server.url, new URL(server.url).pathname.slice(1), "crm"));
    t.after(() => crm.end());
    const { rows } = await crm.query(
      "with changed as (update outbound_call_runs set last_error = 'x' returning business_id) select * from changed order by 1",
    );
    assert.deepEqual(rows, [{ business_id: one.business }, { business_id: two.business }]);
    await crm.query("insert into outbound_call_jobs (run_id, lead_id, business_id) values ($1, $2, $3)", [
      one.run,
      one.spare,
      one.business,
    ]);
    await crm.query("delete from leads where id = $1", [two.spare]);
  });
});

function urlOf(base: string, database: string, user?: string): string {
  const url = new URL(base);
  url.pathname = `/${database}`;
  if (user) [url.username, url.password] = [user, "x"];
  return url.href;
}
