import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { eq } from "drizzle-orm";
import { business } from "../../db/schema.ts";
import { anApi, as, AUTH_TOKEN } from "./harness.ts";
import { aBusiness } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const NOTHING = { max_calls: null, caller_id: null, message_he: null, message_en: null, locale: null, voice_url: null };
const DEFAULTS = { max_calls: 3, caller_id: "+97231234567", locale: "he" };

describe("settings", () => {
  it("start empty, beside the defaults", async () => {
    const me = await as(anApi(db).app, { business: (await aBusiness(db)).id });
    const { json } = await me.get("/api/outbound/settings");
    assert.deepEqual(json, { ...NOTHING, updated_at: null, defaults: DEFAULTS });
  });

  it("change what is named, keep the rest, and go back to the default with null", async () => {
    const me = await as(anApi(db).app, { business: (await aBusiness(db)).id });
    const all = {
      max_calls: 50,
      caller_id: "+972501234567",
      message_he: "שלום",
      message_en: "Hello\nthere",
      locale: "en",
      voice_url: "https://voice.example.test/a?b=c",
    };
    const { json } = await me.put("/api/outbound/settings", all);
    const { updated_at, ...rest } = json;
    assert.deepEqual(rest, { ...all, defaults: DEFAULTS });
    assert.match(updated_at, /Z$/);
    await me.put("/api/outbound/settings", { max_calls: null, message_en: "  " });
    const { updated_at: _, ...left } = (await me.get("/api/outbound/settings")).json;
    assert.deepEqual(left, { ...all, max_calls: null, message_en: null, defaults: DEFAULTS });
  });

  it("refuse a voice URL that the carrier cannot reach, except where nothing is public", async () => {
    const business = (await aBusiness(db)).id;
    const me = await as(anApi(db).app, { business });
    const hosts = [
      "localhost",
      "127.1",
      "[::1]",
      "10.0.0.9",
      "192.168.1.1:8080",
      "169.254.169.254",
      "twiml",
      "[fe80::1]",
    ];
    for (const host of hosts) {
      const { status, json } = await me.put("/api/outbound/settings", { voice_url: `http://${host}/x` });
      assert.deepEqual([status, json.code], [400, "settings.voice_url_not_public"], host);
    }
    for (const voice_url of ["https://voice.example.test/", "http://8.8.8.8/x", "https://[2606:4700::1]/"])
      assert.equal((await me.put("/api/outbound/settings", { voice_url })).status, 200, voice_url);
    const carrier = { authToken: AUTH_TOKEN, publicUrl: () => "http://127.0.0.1:3000" };
    const local = await as(anApi(db, { deps: { carrier } }).app, { business });
    assert.equal((await local.put("/api/outbound/settings", { voice_url: "http://localhost:9/" })).status, 200);
  });

  it("refuse a number that another business has or shows, however it is written, and keep one's own", async () => {
    const [mine, theirs] = [await aBusiness(db, { phoneNumber: "03-555-0001" }), await aBusiness(db)];
    const { app } = anApi(db);
    const me = await as(app, { business: mine.id });
    const put = async (caller_id: string, who = me, query = "") => {
      const { status, json } = await who.put(`/api/outbound/settings${query}`, { caller_id });
      return status === 200 ? json.caller_id : [status, json.code];
    };
    const refused = [409, "settings.caller_id_taken"];
    for (const written of ["050-777-1234", "972507771234", "+972 (0)50-7771234", "00972507771234", "+972507771234"]) {
      await db.update(business).set({ phoneNumber: written }).where(eq(business.id, theirs.id));
      assert.deepEqual(await put("+972507771234"), refused, written);
      assert.equal(await put("+972507771235"), "+972507771235", written);
    }
    const they = await as(app, { business: theirs.id });
    assert.equal(await put("+972507771236", they), "+972507771236");
    assert.deepEqual(await put("+972507771236"), refused, "their caller id");
    assert.equal(await put("+97235550001"), "+97235550001", "my own number");
    assert.equal(await put(DEFAULTS.caller_id, they), DEFAULTS.caller_id);
    assert.equal(await put(DEFAULTS.caller_id), DEFAULTS.caller_id, "the number of all");
    const admin = await as(app, { role: "system_admin" });
    assert.equal(await put("+972507771234", admin, `?business_id=${mine.id}`), "+972507771234");
    assert.equal(await put("+972507771234"), "+972507771234", "as it is already");
  });

  it("let one of two businesses have a number that both choose at once", async () => {
    const { app } = anApi(db);
    const both = [await aBusiness(db), await aBusiness(db)];
    const put = async ({ id }: { id: number }) =>
      (await (await as(app, { business: id })).put("/api/outbound/settings", { caller_id: "+97235550009" })).status;
    assert.deepEqual((await Promise.all(both.map(put))).toSorted(), [200, 409]);
  });

  it("of a business that does not exist are 404", async () => {
    const me = await as(anApi(db).app, { business: 2_000_000_000 });
    assert.equal((await me.put("/api/outbound/settings", { max_calls: 1 })).json.code, "business.not_found");
  });
});
