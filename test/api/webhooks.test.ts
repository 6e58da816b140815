// Webhooks: only what Twilio signed counts, and the words an answered call hears.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { attempts } from "../../db/schema.ts";
import type { Queue } from "../../src/api/deps.ts";
import { anApi, answerOf, AUTH_TOKEN, PUBLIC_URL } from "./harness.ts";
import { aBusiness, aJob, aRun } from "./rows.ts";
import { signatureOf as sign } from "./signed.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });

const signatureOf = (url: string, form: Record<string, string>, authToken = AUTH_TOKEN) => sign(url, form, authToken);

const STATUS = "/webhooks/twilio/status?token=t-1";
const NEWS = { CallSid: "CA1", CallStatus: "completed", CallDuration: "12", To: "+972501234567" };

async function send(
  app: ReturnType<typeof anApi>["app"],
  path: string,
  form: Record<string, string>,
  signature: string | undefined = signatureOf(PUBLIC_URL + path, form),
) {
  const headers = { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature };
  // Another host than PUBLIC_URL: what a proxy makes of it must not matter.
  const url = `http://10.0.0.7:3000${path}`;
  return await answerOf(await app.request(url, { method: "POST", headers, body: String(new URLSearchParams(form)) }));
}

describe("status callbacks", () => {
  it("pass on the news", async () => {
    const { app, asked } = anApi(db);
    const answer = await send(app, STATUS, NEWS);
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assert.deepEqual(asked, [
      ["applyNews", { token: "t-1", sid: "CA1", status: "completed", durationSeconds: 12, from: "callback" }],
    ]);
    const plain = "/webhooks/twilio/status";
    await send(app, plain, { CallSid: "CA1", CallStatus: "ringing" });
    assert.deepEqual(asked[1]?.[1], {
      token: null,
      sid: "CA1",
      status: "ringing",
      durationSeconds: null,
      from: "callback",
    });
  });

  it("answer 204 to repeated and unknown ones: Twilio would repeat nothing", async () => {
    for (const what of ["ignored", "unknown"] as const) {
      const { app } = anApi(db, { queue: { applyNews: () => Promise.resolve(what) } });
      assert.equal((await send(app, STATUS, NEWS)).status, 204);
    }
  });

  it("answer 503 when the news could not be stored", async () => {
    const throwing: Partial<Queue> = { applyNews: () => Promise.reject(new Error("down")) };
    const { app, lines } = anApi(db, { queue: throwing });
    assert.equal((await send(app, STATUS, NEWS)).status, 503);
    assert.ok(lines.some((line) => line.level === "error"));
  });

  it("are refused without the right signature", async () => {
    const { app, asked, security } = anApi(db);
    const good = signatureOf(PUBLIC_URL + STATUS, NEWS);
    const rows: [string, string, Record<string, string>, string][] = [
      ["none", STATUS, NEWS, ""],
      ["garbage", STATUS, NEWS, "x"],
      ["non-ASCII of the same length", STATUS, NEWS, "ÿ".repeat(good.length)],
      ["another secret", STATUS, NEWS, signatureOf(PUBLIC_URL + STATUS, NEWS, "other")],
      ["the request's own host", STATUS, NEWS, signatureOf(`http://10.0.0.7:3000${STATUS}`, NEWS)],
      ["another token in the URL", STATUS.replace("t-1", "t-2"), NEWS, good],
      ["another path", STATUS.replace("status", "voice"), NEWS, good],
      ["a changed parameter", STATUS, { ...NEWS, CallStatus: "failed" }, good],
      ["a parameter more", STATUS, { ...NEWS, CallStatu: "s" }, good],
    ];
    for (const [what, path, form, signature] of rows) {
      const answer = await send(app, path, form, signature);
      assert.deepEqual([answer.status, answer.json.code], [403, "webhook.forbidden"], what);
    }
    const bare = await app.request(`${PUBLIC_URL}${STATUS}`, { method: "POST", body: new URLSearchParams(NEWS) });
    assert.equal(bare.status, 403);
    assert.deepEqual(asked, []);
    assert.equal(security().length, rows.length + 1);
    const off = anApi(db, { deps: { carrier: undefined } });
    assert.equal((await send(off.app, STATUS, NEWS)).status, 403);
  });

  it("are refused when they say nothing, or too much", async () => {
    const { app, asked } = anApi(db);
    const rows = [
      {},
      { CallSid: "CA1" },
      { CallStatus: "completed" },
      { CallSid: "", CallStatus: "x" },
      { CallSid: "a\0", CallStatus: "x" },
      { CallSid: "CA1", CallStatus: "x".repeat(65) },
    ] as Record<string, string>[];
    for (const form of rows) assert.equal((await send(app, STATUS, form)).status, 400, JSON.stringify(form));
    assert.equal((await send(app, STATUS, { ...NEWS, Big: "x".repeat(70_000) })).status, 413);
    assert.deepEqual(asked, []);
    await send(app, STATUS, { ...NEWS, CallDuration: "-1" });
    assert.equal((asked[0]![1] as { durationSeconds: unknown }).durationSeconds, null);
  });
});

describe("the voice webhook", () => {
  const { app } = anApi(db);

  async function aCall(message: Partial<Record<"he" | "en", string>> | null, settings = "") {
    const shop = await aBusiness(db);
    const run = await aRun(db, shop.id, { message });
    const job = await aJob(db, run);
    const token = randomUUID();
    await db.insert(attempts).values({
      token,
      jobId: job.id,
      runId: run.id,
      businessId: shop.id,
      workerId: randomUUID(),
      fromNumber: "+97231234567",
      toNumber: "+972501234567",
    });
    if (settings)
      await db.execute(`insert into outbound_business_settings ${settings.replace("$id", String(shop.id))}`);
    return token;
  }
  const hear = async (token: string, form: Record<string, string> = { CallSid: "CA9" }) =>
    await send(app, `/webhooks/twilio/voice?token=${token}`, form);
  const business = "(business_id, message_he, message_en, locale) values ($id, 'עסק', 'Business', 'en')";

  it("says the run's message, escaped, and hangs up", async () => {
    const answer = await hear(await aCall({ he: `<Dial>"א" & 'ב'\u0007</Dial>` }));
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/xml/);
    assert.equal(
      answer.text,
      '<?xml version="1.0" encoding="UTF-8"?><Response><Say language="he-IL" voice="Google.he-IL-Wavenet-A">' +
        `&lt;Dial&gt;"א" &amp; 'ב' &lt;/Dial&gt;</Say><Hangup/></Response>`,
    );
  });

  it("chooses the business's language, else the other one; the run's words before the business's", async () => {
    const rows: [Parameters<typeof aCall>, RegExp][] = [
      [[{ he: "ריצה", en: "Run" }, business], /en-US.*>Run</],
      [[{ he: "ריצה" }, business], /he-IL.*>ריצה</],
      [[null, business], /en-US.*>Business</],
      [[{}, "(business_id, message_en) values ($id, 'Only')"], /en-US.*>Only</],
      [[{ he: "ריצה", en: "Run" }], /he-IL.*>ריצה</],
    ];
    for (const [call, words] of rows) assert.match((await hear(await aCall(...call))).text, words);
  });

  it("is polite in both languages when nothing is configured, or the call is unknown", async () => {
    for (const token of [await aCall(null), "unknown"]) {
      const { status, text } = await hear(token);
      assert.equal(status, 200);
      assert.match(text, /<Say language="he-IL".*<Say language="en-US".*<Hangup\/>/);
    }
  });

  it("is polite without its database too", async (t) => {
    const gone = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", name: "test" });
    t.after(() => gone.$client.end());
    const { text } = await send(anApi(gone).app, "/webhooks/twilio/voice?token=t", { CallSid: "CA9" });
    assert.match(text, /<Say .*<Hangup\/>/);
  });

  it("knows a call by its SID alone", async () => {
    const token = await aCall({ en: "By SID" });
    await db.execute(`update outbound_call_attempts set call_sid = 'CAsid' where token = '${token}'`);
    const path = "/webhooks/twilio/voice";
    assert.match((await send(app, path, { CallSid: "CAsid" })).text, /By SID/);
    const run = await aRun(db, (await aBusiness(db)).id, { message: { en: "Old system" } });
    await aJob(db, run, { callSid: "CAold", twilioCallSid: "CAold" });
    assert.match((await send(app, path, { CallSid: "CAold" })).text, /Old system/);
  });

  it("is refused without a signature", async () => {
    const answer = await send(app, "/webhooks/twilio/voice", { CallSid: "CA9" }, "x");
    assert.equal(answer.status, 403);
  });
});
