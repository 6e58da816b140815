// What a client sends that is no client: addresses and hosts that cannot be, forms made to be slow, words made to be run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, describe, it } from "node:test";
import { openDatabase } from "../../db/client.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import { readLeads } from "../../src/leads/import.ts";
import { testLogger } from "../support/log.ts";
import { until } from "../support/until.ts";
import { anApi, as, AUTH_TOKEN, PUBLIC_URL, SECRET } from "./harness.ts";
import { aBusiness, aRun } from "./rows.ts";
import { signatureOf } from "./signed.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const { deps, app, lines } = anApi(db, { deps: { readLeads } });
const api = await startApi({ ...deps, listen: { host: "127.0.0.1", port: 0 } });
after(() => api.close(0));
const shop = await aBusiness(db);
const run = await aRun(db, shop.id);
const token = await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: shop.id });
const RUN = `/api/outbound/runs/${run.id}`;

/** Exactly these bytes, on a connection of their own. */
async function said(head: string, body = ""): Promise<{ status: number; head: string; body: string }> {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  const length = body && `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  socket.write(`${head}\r\nAuthorization: Bearer ${token}\r\n${length}Connection: close\r\n\r\n${body}`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  const [top = "", ...rest] = text.split("\r\n\r\n");
  return { status: Number(top.split(" ")[1]), head: top, body: rest.join("\r\n\r\n") };
}
const get = (target: string, host = "x", method = "GET") => said(`${method} ${target} HTTP/1.1\r\nHost: ${host}`);

describe("addresses", () => {
  it("are what they say: no slash, case, dot or second address leads elsewhere or around the door", async () => {
    const rows: [string, number][] = [
      [RUN, 200],
      [RUN.replace("api", "%61pi"), 200],
      ["/api/outbound/runs/%2e%2e/settings", 200],
      [`http://evil.example.test${RUN}`, 200],
      [`/${RUN}`, 404],
      [RUN.replace("/out", "//out"), 404],
      [RUN.replace("/out", "%2Fout"), 404],
      [RUN.replace("/api", "/API"), 404],
      [`${RUN}/`, 404],
      [RUN.replace(/(\d+)$/, "0$1"), 400],
      [`${RUN};x=1`, 400],
      [`${RUN}%00`, 400],
      [`${RUN}%0d%0aX:%20y`, 400],
      ["/api/outbound/runs/%E0%A4%A", 400],
      ["/api/outbound/runs?cursor=%E0%A4%A", 400],
      ["/api/outbound/runs?limit=%", 400],
      ["/docs/../package.json", 404],
      ["/docs/%2e%2e%2fpackage.json", 404],
      ["/docs/__proto__", 404],
      ["/console/..%2f..%2fconfig.ts", 404],
      ["/console/__proto__", 404],
    ];
    for (const [target, status] of rows) {
      const answer = await get(target);
      assert.equal(answer.status, status, `${target}: ${answer.body}`);
      const anonymous = await fetch(`${api.url}${target.replace(/^http:\/\/[^/]+/, "")}`);
      assert.ok(anonymous.status >= 400, `${target} without a token: ${anonymous.status}`);
    }
  });

  it("with a host that is none get a problem as well", async () => {
    for (const host of ["a/b@c?d#e", "a@b", "[::1", "", "a b"]) {
      const { status, head, body } = await get(RUN, host);
      assert.equal(status, 400, host);
      assert.match(head, /application\/problem\+json/i);
      assert.match(body, /"code":"request\.malformed"/);
    }
    assert.equal((await get("*", "x", "OPTIONS")).status, 400);
  });

  it("take no other method for the one that is allowed", async () => {
    for (const method of ["TRACE", "PROPFIND", "PUT", "PATCH", "DELETE", "POST"])
      assert.equal((await get(RUN, "x", method)).status, 404, method);
    const overridden = await said(`POST ${RUN} HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: GET`);
    assert.equal(overridden.status, 404);
    for (const path of [RUN, `${RUN}/results.csv`, `${RUN}/events`]) {
      const { status, body } = await get(path, "x", "HEAD");
      assert.deepEqual([status, body], [200, ""], path);
    }
  });

  it("two lengths, two tokens, or a body that is packed are refused", async () => {
    const post = "POST /api/outbound/stop-queue HTTP/1.1\r\nHost: x\r\nContent-Type: application/json";
    assert.equal((await said(`${post}\r\nTransfer-Encoding: chunked`, "0\r\n\r\n")).status, 400);
    assert.equal((await said(`${post}\r\nContent-Encoding: gzip`, "\u001f{}")).status, 400);
    assert.equal((await said(`GET ${RUN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x`)).status, 401);
  });

  it("too much is refused, whether its length was announced or not", async () => {
    const url = `${api.url}/webhooks/twilio/status`;
    const large = `a=${"x".repeat(70_000)}`;
    assert.equal((await fetch(url, { method: "POST", body: large })).status, 413);
    const unannounced = () => new Response(large).body;
    assert.equal((await fetch(url, { method: "POST", body: unannounced(), duplex: "half" })).status, 413);
    // Within the limit both come through to the signature.
    assert.equal((await fetch(url, { method: "POST", body: "a=b" })).status, 403);
    assert.equal((await fetch(url, { method: "POST", body: new Response("a=b").body, duplex: "half" })).status, 403);
  });
});

describe("names of a prototype", () => {
  it("in JSON are names like any other", async () => {
    const me = await as(app, { business: shop.id });
    for (const field of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const settings = await me.send("PUT", "/api/outbound/settings", `{"${field}":{"max_calls":9}}`);
      assert.deepEqual([settings.status, settings.json.code], [400, "request.invalid"], field);
      const stop = await me.send("POST", "/api/outbound/stop-queue", `{"${field}":{"run_id":${run.id}}}`);
      assert.equal(stop.status, 400, field);
    }
    assert.equal(({} as Record<string, unknown>)["max_calls"], undefined);
  });
});

describe("webhooks", () => {
  const form = { CallSid: "CA1", CallStatus: "ringing" };
  const status = async (path: string, host: string, signedUrl: string) => {
    const signature = signatureOf(signedUrl, form, AUTH_TOKEN);
    const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Twilio-Signature: ${signature}\r\nX-Forwarded-Host: evil.example.test`;
    return (await said(head, String(new URLSearchParams(form)))).status;
  };

  it("are signed over PUBLIC_URL and what came over the wire, whatever host a proxy or a forger names", async () => {
    for (const path of ["", "?token=a%20b", "?token=%e4", "?a=1&&b=%", "?"].map((q) => `/webhooks/twilio/status${q}`)) {
      for (const host of ["x", "calls.example.test:99", "evil.example.test"])
        assert.equal(await status(path, host, PUBLIC_URL + path), 204, `${host}${path}`);
      assert.equal(await status(path, "evil.example.test", `https://evil.example.test${path}`), 403, path);
    }
  });

  it("are signed over a PUBLIC_URL with a port and a path that the proxy takes away", async () => {
    const publicUrl = "https://calls.example.test:8443/ringpost";
    const behind = anApi(db, { deps: { carrier: { authToken: AUTH_TOKEN, publicUrl: () => publicUrl } } });
    const path = "/webhooks/twilio/status?token=t";
    const sent = async (url: string) => {
      const headers = { "x-twilio-signature": signatureOf(url, form, AUTH_TOKEN) };
      return await behind.app.request(path, { method: "POST", headers, body: new URLSearchParams(form) });
    };
    assert.equal((await sent(publicUrl + path)).status, 204);
    assert.equal((await sent(`https://calls.example.test:8443${path}`)).status, 403);
  });
});

describe("a form", () => {
  const IMPORT = "/api/outbound/import-leads";
  const part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n';
  const file =
    '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\n0501234567\n\r\n--x--\r\n';

  it("of parts or header lines without end is refused before it is read, while the others wait", async () => {
    const me = await as(app, { business: shop.id });
    const bombs = {
      parts: part.repeat(270_000) + file,
      headers: `${part.replace("\r\n\r\n", `\r\n${"A: b\r\n".repeat(2_000_000)}\r\n`)}${file}`,
    };
    for (const [what, body] of Object.entries(bombs)) {
      const answer = await me.send("POST", IMPORT, body, { "content-type": "multipart/form-data; boundary=x" });
      assert.deepEqual([answer.status, answer.json.code], [400, "request.malformed"], what);
    }
  });

  it("may have a few fields more, and its boundary in quotes; but one boundary only", async () => {
    const send = async (body: string, type: string) =>
      (await as(app, { business: (await aBusiness(db)).id })).send("POST", IMPORT, body, { "content-type": type });
    assert.equal((await send(part.repeat(5) + file, "multipart/form-data; boundary=x")).status, 200);
    assert.equal((await send(file, 'multipart/form-data;boundary="x"')).status, 200);
    for (const type of [
      'multipart/form-data; a="; boundary=y"; boundary=x',
      "multipart/form-data; boundary=x; boundary=y",
    ])
      assert.equal((await send(file, type)).json.code, "request.malformed", type);
  });
});

describe("a body that breaks off because the client hangs up", () => {
  /** Requests answered so far, by status. */
  const answered = async (status: number) => {
    const figures = await (await fetch(`${api.url}/metrics`)).text();
    const counts = figures.matchAll(/^ringpost_http_request_seconds_count\{.*status="(\d+)".*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, of, count]) => sum + (Number(of) === status ? Number(count) : 0), 0);
  };
  const hungUp = async (target: string, headers: string[], body: string) => {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    const head = [`POST ${target} HTTP/1.1`, "Host: x", `Authorization: Bearer ${token}`, ...headers];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    await once(socket, "ready");
    const before = await answered(400);
    socket.destroy();
    await until(async () => (await answered(400)) === before + 1, `${target} ${headers.join()} is answered with 400`);
  };

  it("is the client's fault, not the database's", async () => {
    const [announced, packed] = ["Content-Length: 50", "Transfer-Encoding: chunked"];
    const [json, form] = ["Content-Type: application/json", "Content-Type: multipart/form-data; boundary=x"];
    const unavailable = await answered(503);
    await hungUp("/webhooks/twilio/status", [announced], "a=b");
    await hungUp("/webhooks/twilio/status", [packed], "3\r\na=b\r\n");
    await hungUp("/webhooks/twilio/voice", [announced], "a=b");
    await hungUp("/api/outbound/stop-queue", [json, announced], '{"r');
    await hungUp("/api/outbound/stop-queue", [json, packed], '3\r\n{"r\r\n');
    await hungUp("/api/outbound/import-leads", [json, announced], '{"r');
    await hungUp("/api/outbound/import-leads", [form, announced], "--x");
    await hungUp("/api/outbound/import-leads", [form, packed], "3\r\n--x\r\n");
    assert.equal(await answered(503), unavailable);
  });

  it("is not what a connection to the database is that breaks off", async () => {
    const lost = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const away = anApi(db, { queue: { stopRun: () => Promise.reject(lost) } });
    const me = await as(away.app, { business: shop.id });
    const answer = await me.post("/api/outbound/stop-queue", { run_id: run.id });
    assert.deepEqual([answer.status, answer.json.code], [503, "database.unavailable"]);
    assert.equal(away.lines.at(-1)?.message, "Database unavailable");
  });
});

describe("an answer that breaks off half-way", () => {
  it("says nothing of the statement that failed, neither to the client nor past the log", async (t) => {
    const own = openDatabase({ url: db.$client.options.connectionString!, name: "test", max: 2 });
    t.after(() => own.$client.end());
    const long = await aRun(db, shop.id);
    // Three pages, each more than the kernel keeps for a client: the third is not read before the client reads on.
    await db.execute(`
      with l as (insert into leads (tenant_id, name) select ${shop.id}, 'L' from generate_series(1, 2001) returning id)
      insert into outbound_call_jobs (run_id, lead_id, business_id, lead_name, status, completed_at, error_message)
      select ${long.id}, id, ${shop.id}, 'L', 'failed', now(), repeat('x', 20000) from l`);
    const broken = anApi(own);
    const server = await startApi({ ...broken.deps, listen: { host: "127.0.0.1", port: 0 } });
    t.after(() => server.close(0));
    const printed = t.mock.method(console, "error", () => undefined);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}/api/outbound/runs/${long.id}/results.csv`, { headers });
    const reader = response.body!.getReader();
    let text = Buffer.from((await reader.read()).value ?? "").toString();
    await db.execute("alter table outbound_call_jobs rename to gone");
    t.after(() => db.execute("alter table gone rename to outbound_call_jobs"));
    await assert.rejects(async () => {
      for (let read = await reader.read(); !read.done; read = await reader.read())
        text += Buffer.from(read.value).toString();
    });
    const told = printed.mock.calls.map((call) => String(call.arguments[0])).join();
    for (const shown of [text, told]) assert.doesNotMatch(shown, /select|Failed query|relation/i);
    assert.match(JSON.stringify(broken.lines), /results: a page could not be read/);
  });
});

describe("the log", () => {
  it("is one line for each sentence, whatever is in it", () => {
    const written: string[] = [];
    const log = testLogger((line) => written.push(line));
    log.warn({ route: '/x\r\n{"level":50}\u001b[2J', err: new Error("a\nb\u0007") }, "one\ntwo");
    assert.equal(written.length, 1);
    // oxlint-disable-next-line no-control-regex -- those are what must not be there
    assert.doesNotMatch(written[0]!.trimEnd(), /[\u0000-\u001f\u007f]/);
  });

  it("has no error for any of the above", () => {
    assert.deepEqual(
      lines.filter(({ level }) => level === "error"),
      [],
    );
  });
});
