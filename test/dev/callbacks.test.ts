// Status callbacks and the voice webhook: order, fields, signatures, and every way of losing or garbling them.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import twilio from "twilio";
import type { CallbackFault } from "../../src/dev/twilio/faults.ts";
import type { CallView } from "../../src/dev/twilio/observer.ts";
import type { ScriptRule } from "../../src/dev/twilio/scripts.ts";
import { aReceiver, aStandIn, FROM, number, quiet, sdk, type Received } from "./support.ts";

const ALL = ["initiated", "ringing", "answered", "completed"];

/** One call to number(1) with all events asked for; resolves when everything about it is over. */
async function oneCall(t: Parameters<typeof aStandIn>[0], script: Partial<ScriptRule>, faults: CallbackFault[] = []) {
  const receiver = await aReceiver(t);
  const standIn = await aStandIn(t, { scripts: [script], faults });
  const statusCallback = `${receiver.url}/status?token=a%20b&x=1`;
  const call = await sdk(standIn).calls.create({
    to: number(1),
    from: FROM,
    twiml: "<Response/>",
    statusCallback,
    statusCallbackEvent: ALL,
  });
  await quiet(standIn);
  return { standIn, call, requests: receiver.requests, statusCallback };
}

const statuses = (requests: Received[]) => requests.map((request) => request.params["CallStatus"]);

describe("status callbacks", () => {
  it("come in order, numbered, signed, with Twilio's fields", async (t) => {
    const { standIn, call, requests, statusCallback } = await oneCall(t, { talkMs: 600 });
    assert.deepEqual(statuses(requests), ["initiated", "ringing", "in-progress", "completed"]);
    assert.deepEqual(
      requests.map((request) => request.params["SequenceNumber"]),
      ["0", "1", "2", "3"],
    );
    for (const { signature, params, url } of requests) {
      assert.equal(url, statusCallback);
      assert.ok(twilio.validateRequest(standIn.authToken, signature, statusCallback, params));
      assert.equal(params["CallSid"], call.sid);
      assert.equal(params["AccountSid"], standIn.accountSid);
      assert.deepEqual([params["To"], params["From"]], [number(1), FROM]);
      assert.deepEqual([params["ApiVersion"], params["Direction"]], ["2010-04-01", "outbound-api"]);
      assert.equal(params["CallbackSource"], "call-progress-events");
      assert.match(params["Timestamp"] ?? "", /\+0000$/);
    }
    const last = requests.at(-1)?.params;
    // Seconds, rounded, and minutes that have begun: of the call as it was, which a busy machine may have drawn out.
    const [{ answerMs, endMs }] = (await standIn.calls()) as [CallView];
    const seconds = Math.round((endMs! - answerMs!) / 1000);
    assert.ok(seconds >= 1);
    assert.deepEqual([last?.["CallDuration"], last?.["Duration"]], [String(seconds), String(Math.ceil(seconds / 60))]);
    assert.equal(requests[2]?.params["CallDuration"], undefined);
  });

  it("fire `completed` for every end", async (t) => {
    assert.deepEqual(statuses((await oneCall(t, { outcome: "busy" })).requests), ["initiated", "ringing", "busy"]);
    const unanswered = await oneCall(t, { outcome: "no-answer" });
    assert.deepEqual(statuses(unanswered.requests), ["initiated", "ringing", "no-answer"]);
    const failed = await oneCall(t, { outcome: "failed" });
    assert.deepEqual(statuses(failed.requests), ["initiated", "failed"]);
    assert.equal(failed.requests[1]?.params["CallDuration"], "0");
  });

  it("are only those asked for, `completed` alone unless said, and GET if asked", async (t) => {
    const receiver = await aReceiver(t);
    const standIn = await aStandIn(t);
    const base = { to: number(1), from: FROM, twiml: "<Response/>" };
    await sdk(standIn).calls.create({ ...base, statusCallback: `${receiver.url}/default` });
    await quiet(standIn);
    assert.deepEqual(statuses(receiver.requests), ["completed"]);
    assert.equal(receiver.requests[0]?.params["SequenceNumber"], "0");
    const got = { statusCallback: `${receiver.url}/got?token=1`, statusCallbackMethod: "GET" };
    await sdk(standIn).calls.create({ ...base, ...got, statusCallbackEvent: ["ringing"] });
    await quiet(standIn);
    const request = receiver.requests[1];
    assert.equal(request?.method, "GET");
    assert.match(request?.url ?? "", /token=1&CallSid=CA.*CallStatus=ringing/);
    assert.ok(twilio.validateRequest(standIn.authToken, request?.signature ?? "", request?.url ?? "", {}));
  });

  it("are tried again only if no connection came about", async (t) => {
    const refusing = await aReceiver(t, () => ({ status: 500, body: "" }));
    const standIn = await aStandIn(t);
    const base = { to: number(1), from: FROM, twiml: "<Response/>" };
    await sdk(standIn).calls.create({ ...base, statusCallback: refusing.url });
    await quiet(standIn);
    assert.equal(refusing.requests.length, 1);
    assert.deepEqual((await standIn.report()).callbacks, { sent: 1, failed: 1, retried: 0, dropped: 0, pending: 0 });
    await standIn.resetReport();
    await sdk(standIn).calls.create({ ...base, statusCallback: "http://127.0.0.1:9/" });
    await quiet(standIn);
    assert.deepEqual((await standIn.report()).callbacks, { sent: 1, failed: 1, retried: 1, dropped: 0, pending: 0 });
  });
});

describe("the voice webhook", () => {
  it("is asked for TwiML with a signed POST when the call is answered", async (t) => {
    const receiver = await aReceiver(t, () => ({ status: 200, body: "<Response><Say>Shalom</Say></Response>" }));
    const standIn = await aStandIn(t);
    const url = `${receiver.url}/voice?token=7`;
    const { sid } = await sdk(standIn).calls.create({ to: number(1), from: FROM, url });
    await standIn.waitFor((report) => report.twiml.fetched === 1);
    const [request] = receiver.requests;
    assert.ok(twilio.validateRequest(standIn.authToken, request!.signature, url, request!.params));
    assert.deepEqual([request?.params["CallStatus"], request?.params["CallSid"]], ["in-progress", sid]);
    assert.equal((await standIn.calls({ token: "none" })).length, 0);
    assert.equal((await standIn.calls())[0]?.twiml, "<Response><Say>Shalom</Say></Response>");
  });
});

describe("callback faults", () => {
  const fault = (kind: CallbackFault["kind"], ms?: number): CallbackFault => ({
    on: "callback",
    kind,
    event: "ringing",
    ...(ms === undefined ? {} : { ms }),
  });

  it("drop", async (t) => {
    const { standIn, requests } = await oneCall(t, {}, [fault("drop")]);
    assert.deepEqual(statuses(requests), ["initiated", "in-progress", "completed"]);
    assert.equal((await standIn.report()).callbacks.dropped, 1);
  });

  it("double", async (t) => {
    const { requests } = await oneCall(t, {}, [fault("double")]);
    assert.deepEqual(statuses(requests), ["initiated", "ringing", "ringing", "in-progress", "completed"]);
    assert.equal(requests[1]?.params["SequenceNumber"], requests[2]?.params["SequenceNumber"]);
  });

  it("reorder", async (t) => {
    const { requests } = await oneCall(t, {}, [fault("reorder")]);
    assert.deepEqual(statuses(requests), ["initiated", "in-progress", "ringing", "completed"]);
    const early = await oneCall(t, {}, [{ on: "callback", kind: "reorder", event: "answered" }]);
    assert.deepEqual(statuses(early.requests), ["initiated", "ringing", "completed", "in-progress"]);
  });

  it("delay", async (t) => {
    const { requests } = await oneCall(t, {}, [fault("delay", 1_000)]);
    assert.deepEqual(statuses(requests), ["initiated", "in-progress", "completed", "ringing"]);
  });

  it("bad signature", async (t) => {
    const { standIn, requests } = await oneCall(t, {}, [fault("bad-signature")]);
    const valid = requests.map(({ signature, url, params }) =>
      twilio.validateRequest(standIn.authToken, signature, url, params),
    );
    assert.deepEqual(valid, [true, false, true, true]);
  });
});
