// Bad requests: every one a 4xx with a stable code, none a 500, and none quoted back.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { anApi, as } from "./harness.ts";
import { aBusiness } from "./rows.ts";
import { freshDatabase } from "./support.ts";

const db = await freshDatabase({ after });
const shop = await aBusiness(db);
const { app, lines, asked } = anApi(db);
const me = await as(app, { business: shop.id });

const ENQUEUE = "/api/outbound/bulk-enqueue";
const STOP = "/api/outbound/stop-queue";
const SETTINGS = "/api/outbound/settings";
const IMPORT = "/api/outbound/import-leads";
const METHOD: Record<string, string> = { [ENQUEUE]: "POST", [STOP]: "POST", [SETTINGS]: "PUT", [IMPORT]: "POST" };
/** Found in an answer, it was echoed. */
const CANARY = "c4n4ry";

/** Ids that are none, as they stand in JSON. */
const NOT_IDS = [
  "0",
  "-1",
  "1.5",
  "1e400",
  "2147483648",
  "9007199254740993",
  `"1"`,
  `"${CANARY}"`,
  "true",
  "{}",
  "[1]",
];
/** Bodies that are not JSON objects, or not JSON. */
const NOT_OBJECTS = [
  "",
  " ",
  "null",
  "true",
  "0",
  `"${CANARY}"`,
  "{",
  "}",
  "{]",
  `{"${CANARY}":}`,
  "{'a':1}",
  "undefined",
  "NaN",
  `{"a":1}{"b":2}`,
  '{"a":1,}',
  "// x\n{}",
  "\u0000",
  '{"a":"\u0000"}',
  "[".repeat(100_000),
  '{"a":'.repeat(100_000),
  `${"[".repeat(50)}${"]".repeat(50)}`,
  "<xml/>",
  "lead_ids=1",
];

const badBodies: [string, string][] = [
  ...[ENQUEUE, STOP, SETTINGS].flatMap((path) => NOT_OBJECTS.map((body): [string, string] => [path, body])),
  ...[ENQUEUE, STOP, SETTINGS].map((path): [string, string] => [path, "[]"]),
  ...NOT_OBJECTS.map((body): [string, string] => [IMPORT, body]),
  ...NOT_IDS.map((id): [string, string] => [STOP, `{"run_id":${id}}`]),
  [STOP, '{"run_id":null}'],
  [STOP, "{}"],
  [STOP, '{"run_id":1,"hang_up":"yes"}'],
  [STOP, '{"run_id":1,"hang_up":1}'],
  [STOP, '{"run_id":1,"hang_up":null}'],
  [STOP, '{"__proto__":{"run_id":1}}'],
  ...NOT_IDS.map((id): [string, string] => [ENQUEUE, `{"lead_ids":[${id}]}`]),
  ...NOT_IDS.map((id): [string, string] => [ENQUEUE, `{"lead_ids":[1],"outbound_list_id":${id}}`]),
  ...NOT_IDS.map((id): [string, string] => [ENQUEUE, `{"lead_ids":[1],"project_id":${id}}`]),
  ...["0", "11", "-1", "2.5", `"3"`, "null", "[]", "true"].map((n): [string, string] => [
    ENQUEUE,
    `{"lead_ids":[1],"concurrency":${n}}`,
  ]),
  [ENQUEUE, "{}"],
  [ENQUEUE, '{"lead_ids":[]}'],
  [ENQUEUE, '{"lead_ids":null}'],
  [ENQUEUE, '{"lead_ids":1}'],
  [ENQUEUE, '{"lead_ids":"1,2"}'],
  [ENQUEUE, '{"lead_ids":{"0":1,"length":1}}'],
  [ENQUEUE, '{"lead_ids":[1,null]}'],
  [ENQUEUE, '{"LEAD_IDS":[1]}'],
  [ENQUEUE, '{"lead_ids":[1],"message":"hi"}'],
  [ENQUEUE, '{"lead_ids":[1],"message":{"he":1}}'],
  [ENQUEUE, '{"lead_ids":[1],"message":{"he":"\\u0000"}}'],
  [ENQUEUE, '{"lead_ids":[1],"message":{"en":"\\ud800"}}'],
  [ENQUEUE, JSON.stringify({ lead_ids: [1], message: { en: "x".repeat(4001) } })],
  [ENQUEUE, JSON.stringify({ lead_ids: Array(200_000).fill(CANARY) })],
  [SETTINGS, '{"max_calls":0}'],
  [SETTINGS, '{"max_calls":51}'],
  [SETTINGS, '{"max_calls":"5"}'],
  [SETTINGS, '{"max_calls":1.5}'],
  [SETTINGS, `{"${CANARY}":1}`],
  [SETTINGS, '{"caller_id":"0501234567"}'],
  [SETTINGS, '{"caller_id":"+972 50"}'],
  [SETTINGS, '{"caller_id":""}'],
  [SETTINGS, '{"caller_id":5}'],
  [SETTINGS, '{"message_he":"a\\u0000b"}'],
  [SETTINGS, '{"message_en":"\\udfff"}'],
  [SETTINGS, JSON.stringify({ message_en: "x".repeat(4001) })],
  [SETTINGS, '{"locale":"fr"}'],
  [SETTINGS, '{"locale":""}'],
  [SETTINGS, '{"voice_url":"not a url"}'],
  [SETTINGS, '{"voice_url":"javascript:alert(1)"}'],
  [SETTINGS, '{"voice_url":"ftp://x/y"}'],
  [SETTINGS, JSON.stringify({ voice_url: `https://x/${"y".repeat(2048)}` })],
  [SETTINGS, '{"business_id":1}'],
  [IMPORT, "{}"],
  [IMPORT, "[]"],
  [IMPORT, '{"rows":[]}'],
  [IMPORT, '{"rows":{}}'],
  [IMPORT, '{"rows":"x"}'],
  [IMPORT, '{"rows":[null]}'],
  [IMPORT, '{"rows":[1,"2",[3]]}'],
  [IMPORT, `{"rows":[{"phone":"${CANARY.slice(0, 3)}"}],"list_name":5}`],
  [IMPORT, '{"rows":[{"phone":"+1"}],"list_name":"\\u0000"}'],
  [IMPORT, JSON.stringify({ rows: [{ phone: "+1" }], list_name: "x".repeat(256) })],
  [IMPORT, JSON.stringify({ rows: Array(200_001).fill(1) })],
];

describe("bad bodies", () => {
  it(`gives each of ${badBodies.length} a 4xx with a code, and quotes none`, async () => {
    for (const [path, body] of badBodies) {
      const answer = await me.send(METHOD[path] ?? "POST", path, body);
      const what = `${path} ${body.slice(0, 60)}`;
      assert.ok(answer.status >= 400 && answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
      assert.match(answer.json.code, /^(request|import)\.\w+$/, what);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
      assert.ok(!answer.text.includes(CANARY), `${what} is echoed: ${answer.text}`);
      assert.ok(answer.text.length < 3_000, `${what}: a short answer`);
    }
    assert.deepEqual(asked, []);
    assert.deepEqual(
      lines.filter((line) => line.level === "error"),
      [],
    );
  });

  it("says which field breaks which rule", async () => {
    const { json } = await me.post(ENQUEUE, { lead_ids: [1, -5], concurrency: 11 });
    assert.deepEqual(json.errors, [
      { in: "json", field: "lead_ids.1", rule: "min_value", expected: ">=1" },
      { in: "json", field: "concurrency", rule: "max_value", expected: "<=10" },
    ]);
  });

  it("415 for content that is not JSON", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "multipart/mixed"])
      for (const path of [ENQUEUE, STOP, SETTINGS, IMPORT]) {
        const answer = await me.send(METHOD[path] ?? "POST", path, '{"run_id":1}', { "content-type": type });
        assert.deepEqual([answer.status, answer.json.code], [415, "request.media_type"], `${path} ${type}`);
      }
    const fine = await me.post(STOP, { run_id: 1 }, { "content-type": "Application/JSON; charset=utf-8" });
    assert.equal(fine.status, 404);
  });

  it("400 for multipart that is none, or has no file", async () => {
    const boundary = "multipart/form-data; boundary=x";
    const bodies: [string, string][] = [
      ["multipart/form-data", "x"],
      [boundary, ""],
      [boundary, "--x--"],
      [boundary, "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"],
      [boundary, '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n'],
      [boundary, '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n+97250'],
    ];
    for (const [type, body] of bodies) {
      const answer = await me.send("POST", IMPORT, body, { "content-type": type });
      assert.ok([400, 415].includes(answer.status), `${body}: ${answer.text}`);
    }
    const form = new FormData();
    form.append("file", new File(["+972501234567"], "a.csv"));
    form.append("list_name", "a\0b");
    assert.equal((await me.post(IMPORT, form)).json.code, "request.invalid");
  });

  it("413 above the limits", async () => {
    const large = `{"lead_ids":[${"1,".repeat(2_200_000)}1]}`;
    for (const path of [ENQUEUE, STOP, SETTINGS]) {
      const answer = await me.send(METHOD[path] ?? "POST", path, large);
      assert.deepEqual([answer.status, answer.json.code], [413, "request.too_large"]);
    }
    const form = new FormData();
    form.append("file", new File([new Uint8Array(17 * 1024 * 1024)], "a.csv"));
    assert.equal((await me.post(IMPORT, form)).status, 413);
  });
});

describe("bad paths and queries", () => {
  const bad = [
    ...["0", "-1", "1.5", "x", "2147483648", "1e3", "%00", "99999999999999999999", "1%20"].flatMap((id) => [
      `/api/outbound/runs/${id}`,
      `/api/outbound/runs/${id}/jobs`,
      `/api/outbound_calls/jobs/${id}/status`,
    ]),
    "/api/outbound/runs?limit=0",
    "/api/outbound/runs?limit=101",
    "/api/outbound/runs?limit=x",
    "/api/outbound/runs?limit=1&limit=2",
    "/api/outbound/runs?cursor=x",
    "/api/outbound/runs?cursor=",
    `/api/outbound/runs?cursor=${Buffer.from("jobs:5").toString("base64url")}`,
    `/api/outbound/runs?cursor=${Buffer.from("runs:9999999999").toString("base64url")}`,
    `/api/outbound/runs?cursor=${Buffer.from("runs:5:6").toString("base64url")}`,
    `/api/outbound/runs?cursor=${Buffer.from("runs:5").toString("base64url")}=`,
    `/api/outbound/runs?cursor=${"x".repeat(65)}`,
    "/api/outbound/runs/1/jobs?status=running",
    "/api/outbound/import-leads?page=0",
    "/api/outbound/import-leads?page_size=101",
    "/api/outbound/import-leads?list_id=x",
    "/api/outbound/import-leads?search=%00",
    `/api/outbound/import-leads?search=${"x".repeat(201)}`,
    "/api/outbound/import-leads?statuses[]=%00",
  ];
  it("are 400, never 500", async () => {
    for (const path of bad) {
      const answer = await me.get(path);
      // A cursor is looked at after the run it belongs to: on a run that is not there, 404 comes first.
      assert.equal(answer.status, 400, `${path}: ${answer.text}`);
      assert.match(answer.json.code, /^(request|cursor)\.invalid$/);
    }
  });
  it("an unknown path is a problem too", async () => {
    assert.equal((await me.get("/api/nothing")).json.code, "route.not_found");
    assert.equal((await me.send("DELETE", STOP)).json.code, "route.not_found");
  });
});
