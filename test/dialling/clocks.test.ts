// A look-up for a lost call, while the clock that dates its mark and the carrier's disagree: a call that was made must not
// be left out as too old, or its lead is called again.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { twilioDialler } from "../../src/dialling/twilio.ts";
import { startStandIn } from "../../src/dev/twilio/standIn.ts";

const MINUTES = 60_000;

it("finds a call whose mark is of a clock far ahead of the carrier's, or far behind it", async (t) => {
  const carrier = await startStandIn({ preset: "instant" });
  t.after(() => carrier.close());
  const { accountSid, authToken, url: apiUrl } = carrier;
  const dialler = twilioDialler({ accountSid, authToken, apiUrl, timeoutMs: 5_000 });
  const [from, to] = ["+97231234567", "+972521234567"] as const;
  const request = { from, to, statusCallbackUrl: `${apiUrl}/none`, voiceUrl: `${apiUrl}/none` };
  const placed = await dialler.dial({ ...request, ringTimeoutSeconds: 5, timeLimitSeconds: 5 }, () => true);
  assert.equal(placed.kind, "placed");
  const found = async (since: number, now: number) =>
    (await dialler.find({ from, to, since: new Date(since), now: new Date(now) })).length;
  const now = Date.now();
  assert.equal(await found(now, now), 1);
  assert.equal(await found(now + 10 * MINUTES, now + 10 * MINUTES), 1, "the asker is ten minutes ahead");
  assert.equal(await found(now + 10 * MINUTES, now), 1, "it was, and has been put right");
  assert.equal(await found(now - 10 * MINUTES, now - 10 * MINUTES), 1, "it is behind");
  assert.equal(await found(now - 10 * MINUTES, now), 1);
});

it("leaves out a call from long before the mark, by the carrier's own clock", async (t) => {
  const carrierNow = Date.now() - 60 * MINUTES;
  const rfc2822 = (ms: number) => new Date(ms).toUTCString().replace("GMT", "+0000");
  const madeAgo = [1 * MINUTES, 10 * MINUTES];
  const calls = madeAgo.map((ms, n) => ({
    sid: `CA${n}`,
    status: "completed",
    date_created: rfc2822(carrierNow - ms),
  }));
  const server = createServer((_, response) => {
    response.setHeader("Date", new Date(carrierNow).toUTCString());
    response.end(JSON.stringify({ calls }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dialler = twilioDialler({ accountSid: `AC${"0".repeat(32)}`, authToken: "secret", apiUrl, timeoutMs: 5_000 });
  const now = new Date();
  const found = await dialler.find({ from: "+97231234567", to: "+972521234567", since: now, now });
  assert.deepEqual(
    found.map((call) => call.sid),
    ["CA0"],
  );
});
