import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LeadsReader } from "../../src/api/deps.ts";
import { CodedError } from "../../src/errors.ts";
import { anApi, as, plainReader } from "./harness.ts";
import { aBusiness, aLead } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const PATH = "/api/outbound/import-leads";

const upload = (text: string, name = "leads.csv", listName?: string) => {
  const form = new FormData();
  form.append("file", new File([text], name));
  if (listName !== undefined) form.append("list_name", listName);
  return form;
};

async function shopWith(readLeads: LeadsReader = plainReader) {
  const shop = await aBusiness(db);
  const { app } = anApi(db, { deps: { readLeads } });
  return { shop, me: await as(app, { business: shop.id }) };
}

describe("import", () => {
  it("takes a file into a list, and says what was left out", async () => {
    const { me } = await shopWith();
    const { status, json } = await me.post(PATH, upload("+972501111111\nnonsense\n+972502222222\n"));
    assert.equal(status, 200);
    const { list_id, ...rest } = json;
    assert.deepEqual(rest, {
      success: true,
      list_name: "leads",
      imported_count: 2,
      skipped_count: 1,
      errors: ["Row 2: not a valid phone number (nonsense)"],
      mapping: { phone: 1 },
    });

    const { json: lists } = await me.get("/api/outbound/import-lists");
    const { created_at, ...list } = lists.lists[0];
    assert.match(created_at, /Z$/);
    assert.deepEqual(list, { id: list_id, name: "leads", file_name: "leads.csv", total_leads: 2, current_leads: 2 });

    const { json: found } = await me.get(`${PATH}?list_id=${list_id}&page_size=1`);
    const { items, ...page } = found;
    assert.deepEqual(page, { total: 2, limit: 200_000, current_count: 2, page: 1, page_size: 1 });
    const { id, created_at: at, ...lead } = items[0];
    assert.equal(typeof id, "number");
    assert.match(at, /Z$/);
    assert.deepEqual(lead, {
      name: "Noa Levi",
      first_name: "Noa",
      last_name: "Levi",
      phone: "+972502222222",
      status: "new",
      notes: null,
      list_id,
    });
  });

  it("takes JSON rows, bare or with a name", async () => {
    const { me } = await shopWith();
    const rows = [{ phone: "+972501111111" }];
    assert.match((await me.post(PATH, rows)).json.list_name, /^Import \d{4}-\d\d-\d\d$/);
    assert.equal((await me.post(PATH, { rows, list_name: " July " })).json.list_name, "July");
  });

  it("names a list after the day it is in Israel", async (t) => {
    const rows = [{ phone: "+972501111111" }];
    t.mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-07-15T21:30:00Z") }); // half past midnight
    const { me } = await shopWith();
    assert.equal((await me.post(PATH, rows)).json.list_name, "Import 2026-07-16");
  });

  it("names the list as told, and survives odd file names", async () => {
    const { me } = await shopWith();
    const good = "+972501111111";
    assert.equal((await me.post(PATH, upload(good, "a.csv", "רשימה"))).json.list_name, "רשימה");
    assert.equal((await me.post(PATH, upload(good, "C:\\x\\לידים.xlsx"))).json.list_name, "לידים");
    assert.equal((await me.post(PATH, upload(good, `${"x".repeat(300)}.csv`))).json.list_name.length, 255);
  });

  it("shows twenty faults at most", async () => {
    const { me } = await shopWith();
    const { json } = await me.post(PATH, upload(`${"x\n".repeat(30)}+972501111111`));
    assert.deepEqual([json.errors.length, json.skipped_count, json.imported_count], [20, 30, 1]);
  });

  it("keeps nothing when no row is good, or the file breaks half-way", async () => {
    const { me } = await shopWith();
    const answer = await me.post(PATH, upload("x\ny"));
    assert.deepEqual([answer.status, answer.json.code, answer.json.skipped_count], [400, "import.nothing_imported", 2]);
    assert.equal(answer.json.errors.length, 2);

    for (const [code, status] of [
      ["import.too_large", 413],
      ["import.unreadable", 400],
      ["import.empty", 400],
      ["import.no_phone_column", 400],
    ] as const) {
      const breaking: LeadsReader = async (source) => {
        const table = await plainReader(source);
        async function* batches() {
          yield* table.batches;
          throw new CodedError(code, "bad");
        }
        return { ...table, batches: batches() };
      };
      const { me: them } = await shopWith(breaking);
      const broken = await them.post(PATH, upload("+972501111111"));
      assert.deepEqual([broken.status, broken.json.code], [status, code]);
      assert.deepEqual((await them.get("/api/outbound/import-lists")).json, { lists: [] });
      assert.equal((await them.get(PATH)).json.current_count, 0);
    }
  });

  it("takes a batch larger than one INSERT can", async () => {
    const many: LeadsReader = async (source) => {
      const table = await plainReader(source);
      const lead = {
        phone_e164: "+972501111111",
        name: null,
        first_name: null,
        last_name: null,
        notes: null,
        city: null,
      };
      async function* batches() {
        yield await Promise.resolve({ leads: Array.from({ length: 12_000 }, () => lead), errors: [] });
      }
      return { ...table, batches: batches() };
    };
    const { me } = await shopWith(many);
    assert.equal((await me.post(PATH, upload("+972501111111"))).json.imported_count, 12_000);
  });

  it("takes a file with a long stretch that has no lead in it", async () => {
    const barren: LeadsReader = async (source) => {
      const table = await plainReader(source);
      async function* batches() {
        yield* table.batches;
        // Longer than a connection may idle in any other transaction.
        await sleep(6_000);
      }
      return { ...table, batches: batches() };
    };
    const { me } = await shopWith(barren);
    const { status, json } = await me.post(PATH, upload("+972501111111"));
    assert.deepEqual([status, json.imported_count], [200, 1]);
  });

  it("of a business that does not exist is 404", async () => {
    const me = await as(anApi(db).app, { business: 2_000_000_000 });
    assert.equal((await me.post(PATH, upload("+972501111111"))).json.code, "business.not_found");
  });
});

describe("imported leads", () => {
  it("are found by name and number, status and page; others are not shown", async () => {
    const { shop, me } = await shopWith();
    const imported = { source: "imported_outbound" };
    await aLead(db, shop.id, { ...imported, name: "100% Dana", phoneE164: "+972501000001" });
    await aLead(db, shop.id, { ...imported, name: "Noa", phoneE164: "+972501000002", status: "won" });
    await aLead(db, shop.id, { ...imported, name: "דנה", phoneE164: "+972501000003", status: "lost" });
    await aLead(db, shop.id, { name: "From a form" });
    const names = async (query: string) =>
      (await me.get(`${PATH}?${query}`)).json.items.map((lead: { name: string }) => lead.name);
    assert.deepEqual(await names(""), ["דנה", "Noa", "100% Dana"]);
    assert.deepEqual(await names("search=dana"), ["100% Dana"]);
    assert.deepEqual(await names(`search=${encodeURIComponent("%")}`), ["100% Dana"]);
    assert.deepEqual(await names("search=_"), []);
    assert.deepEqual(await names(`search=${encodeURIComponent("\\")}`), []);
    assert.deepEqual(await names("search=000002"), ["Noa"]);
    const WRITTEN = [
      "050-1000002",
      "0501000002",
      "050 100 0002",
      "+972 50-100-0002",
      "00972501000002",
      "972-50-1000002",
    ];
    for (const written of [...WRITTEN, "+972 (0)50 1000002", "50-100-0002", "\u200e050-1000002\u200f"])
      assert.deepEqual(await names(`search=${encodeURIComponent(written)}`), ["Noa"], written);
    for (const part of ["050-100", "0501", "050", "50-1", "1000-00"])
      assert.deepEqual(await names(`search=${encodeURIComponent(part)}`), ["דנה", "Noa", "100% Dana"], part);
    for (const other of ["052", "02-100", "-", "0", "()"])
      assert.deepEqual(
        await names(`search=${encodeURIComponent(other)}`),
        other === "0" ? ["דנה", "Noa", "100% Dana"] : [],
        other,
      );
    assert.deepEqual(await names("search=&statuses[]="), ["דנה", "Noa", "100% Dana"], "empty is absent");
    assert.deepEqual(await names("statuses[]=&statuses[]=won"), ["Noa"]);
    assert.deepEqual(await names("statuses[]=won&statuses[]=lost"), ["דנה", "Noa"]);
    assert.deepEqual(await names("statuses[]=won"), ["Noa"]);
    assert.deepEqual(await names("page=2&page_size=2"), ["100% Dana"]);
    assert.deepEqual(await names("page=9"), []);
  });
});
