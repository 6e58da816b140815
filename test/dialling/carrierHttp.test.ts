// What is on its way when the time is up is taken back: the carrier's end of the connection sees a reset, not a close, after
// which the kernel would go on delivering what was written.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { after, describe, it } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { CarrierHttp, sendGate } from "../../src/dialling/carrierHttp.ts";
import { until } from "../support/until.ts";

const pem = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
/** Of nobody: for localhost, and for this test. */
const IDENTITY = { key: pem("localhost-key.pem"), cert: pem("localhost-cert.pem") };

const before = getCACertificates("default");
setDefaultCACertificates([...before, IDENTITY.cert]);
after(() => setDefaultCACertificates(before));

for (const scheme of ["http", "https"] as const)
  describe(`a request over ${scheme}`, () => {
    const asked: string[] = [];
    const errors: (string | undefined)[] = [];
    let silent = false;
    const answer = (request: http.IncomingMessage, response: http.ServerResponse) => {
      asked.push(request.url ?? "");
      if (!silent) response.end("{}");
    };
    const server = scheme === "http" ? http.createServer(answer) : https.createServer(IDENTITY, answer);
    let connections = 0;
    let accepted = 0;
    server.on("connection", () => accepted++);
    server.on(scheme === "http" ? "connection" : "secureConnection", (socket: Socket) => {
      connections++;
      socket.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code));
      socket.on("end", () => errors.push("a mere end"));
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    it("is answered over a connection that is kept, and reset when no answer comes", async () => {
      server.listen(0, "localhost");
      await once(server, "listening");
      const apiUrl = `${scheme}://localhost:${(server.address() as AddressInfo).port}`;
      const carrier = new CarrierHttp({ apiUrl, timeoutMs: 1_500 });
      const ask = (path: string) =>
        carrier.request({ method: "post", uri: `https://api.twilio.com${path}`, data: { a: "b" } });
      // Asked when nothing is in the way of the write any more: with TLS the other end has greeted us.
      const ready: number[] = [];
      const gate = () => ready.push(accepted) > 0;
      const first = (await sendGate.run(gate, () => ask("/1"))) as unknown as { statusCode: number; body: string };
      assert.deepEqual([first.statusCode, first.body], [200, "{}"]);
      assert.deepEqual(ready, [1]);
      await ask("/2");
      assert.equal(connections, 1);
      silent = true;
      await assert.rejects(ask("/3"), /no answer from the carrier \(ETIMEDOUT\)/);
      assert.deepEqual(asked, ["/1", "/2", "/3"]);
      await until(() => Promise.resolve(errors.length > 0), "the other end hears of it");
      assert.deepEqual(errors, ["ECONNRESET"]);
    });
  });
