import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
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

  it("of a business that does not exist are 404", async () => {
    const me = await as(anApi(db).app, { business: 2_000_000_000 });
    assert.equal((await me.put("/api/outbound/settings", { max_calls: 1 })).json.code, "business.not_found");
  });
});
