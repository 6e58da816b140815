// What the OpenAPI document allows is sent to a real server, and every answer is what the document says. Runs in all
// states, a worker half of the time, every role. FULL=1: many more. SEED=n: another set.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { openApiDocument } from "../../src/api/openapi.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import type { RunStatus } from "../../src/runs/states.ts";
import { seeded } from "../support/random.ts";
import { sized } from "../support/sizes.ts";
import { world, type Business } from "../support/world.ts";
import { aRealApi } from "../tenancy/realApi.ts";
import { allowedRequests, type Ids } from "./allowed.ts";
import { conformance, type Operation } from "./conformance.ts";
import { AUTH_TOKEN, PUBLIC_URL, SECRET } from "./harness.ts";
import { signedForm } from "./signed.ts";

const SEED = Number(process.env["SEED"] ?? 5);
/** How often each operation is asked. */
const ROUNDS = sized(8, 200);
/** Fresh rows now and then: ended runs and deleted leads make dull targets. */
const REFRESH = 4;
/** Roles, ids and chance refuse many a request, nine in ten of a resume; not so many in a row. */
const MOST_TRIES = 300;

const w = await world({ after: (close) => after(close as () => Promise<void>) });
const { deps, lines } = aRealApi(w.db, { after });
const api = await startApi({ ...deps, listen: { host: "127.0.0.1", port: 0 } });
after(() => api.close(0));
const random = seeded(SEED);
const spec = conformance(await openApiDocument());

/** Runs in every state, and leads that nobody has called. */
async function rowsOf(business: Business): Promise<Ids> {
  const live = { queued: 2, calling: 1, completed: 1, failed: 1 };
  const states: [RunStatus, object][] = [
    ["pending", { queued: 2 }],
    ["running", live],
    ["failed", { queued: 1, failed: 1 }],
    ["completed", { completed: 2 }],
    ["stopped", { cancelled: 1, calling: 1 }],
    ["cancelled", { cancelled: 1 }],
  ];
  const run = [];
  for (const [status, jobs] of states) run.push((await w.aRun({ business, status, jobs })).runId);
  const list = await w.db.execute<{ id: number }>(
    sql`insert into outbound_lead_lists (tenant_id, name) values (${business.id}, 'רשימה') returning id`,
  );
  const lead = await w.leads(business, 12);
  await w.db.execute(
    sql`update leads set source = 'imported_outbound', outbound_list_id = ${list.rows[0]!.id}
         where id = any (${sql.param(lead.slice(4))}::int[])`,
  );
  return { run, lead, list: [list.rows[0]!.id], business: [business.id] };
}

const [mine, theirs] = [await w.business({ limit: 50 }), await w.business()];
const foreign = await rowsOf(theirs);
let ids = foreign;
const refresh = async () => {
  const own = await rowsOf(mine);
  const mix = (of: keyof Ids) => [...own[of], ...own[of], ...own[of], foreign[of][0]!];
  ids = { run: mix("run"), lead: mix("lead"), list: mix("list"), business: own.business };
};
const make = allowedRequests(random, spec, () => ids);

const token = (role: "owner" | "admin" | "agent") => signToken({ secret: SECRET, sub: "7", role, businessId: mine.id });
const owner = await token("owner");
const callers = [
  owner,
  owner,
  owner,
  await token("admin"),
  await token("agent"),
  await signToken({ secret: SECRET, sub: "1", role: "system_admin" }),
  await signToken({ secret: SECRET, sub: "7", role: "owner", businessId: mine.id, hours: -1 }),
  undefined,
];

/** A callback of a call that exists, or of none. */
async function webhook({ path }: Operation) {
  const { rows } = await w.db.execute<{ sid: string }>(
    sql`select call_sid as sid from outbound_call_jobs where call_sid is not null order by random() limit 1`,
  );
  const sid = random.pick([rows[0]?.sid ?? "CA1", "CAnone"]);
  const form = { CallSid: sid, CallStatus: random.pick(["ringing", "completed", "busy", "x"]), CallDuration: "3" };
  const { headers, body } = signedForm(random.below(5) ? AUTH_TOKEN : "wrong", PUBLIC_URL + path, form);
  return { method: "POST", path, headers, body };
}

/** What a stream says within a moment; all of it when it ends by itself. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const silence = setTimeout(() => void reader.cancel(), 100);
  // Asked once, not for each chunk: how a stream comes in pieces must not change what is sent after it.
  const leaves = random.below(2) === 0;
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    if (/^event: progress/m.test(text) && leaves) await reader.cancel();
  }
  clearTimeout(silence);
  return text;
}

async function ask(operation: Operation): Promise<string> {
  const isSigned = operation.path.startsWith("/webhooks/");
  const sent = isSigned ? await webhook(operation) : make(operation);
  const caller = random.pick(callers);
  const response = await fetch(api.url + sent.path, {
    method: sent.method,
    headers: { ...(caller && !isSigned && { authorization: `Bearer ${caller}` }), ...sent.headers },
    ...(sent.body !== undefined && { body: sent.body }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const text = isStream ? await beginningOf(response) : await response.text();
  const what = `${sent.method} ${sent.path} ${typeof sent.body === "string" ? sent.body.slice(0, 200) : ""}`;
  try {
    spec.check(operation, { status: response.status, headers: response.headers, text });
    assert.ok(response.status < 500, text);
    const isCounted = sent.path.startsWith("/api/") && ![401, 403].includes(response.status);
    assert.ok(!isCounted || response.headers.has("ratelimit"), "no RateLimit");
    // The document says all that is asked for: whoever keeps to it is never told that a field is wrong.
    assert.ok(response.status < 400 || !/"code":"request\.(invalid|media_type|too_deep)"/.test(text), "refused");
  } catch (error) {
    throw new Error(`${what}: ${text.slice(0, 300)}`, { cause: error });
  }
  return `${operation.operationId} ${response.status}`;
}

describe(`what the document allows (SEED=${SEED})`, () => {
  it(`is answered as the document says, ${ROUNDS} times each`, async (t) => {
    const seen = new Map<string, number>();
    const tryIt = async (operation: Operation) => {
      const answer = await ask(operation);
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
    };
    const working = Math.floor(ROUNDS / 2);
    for (let round = 0; round < ROUNDS; round++) {
      if (round % REFRESH === 0) await refresh();
      if (round === working) await w.worker();
      for (const operation of spec.operations) {
        // Waits ten seconds for calls that nobody would place.
        if (operation.operationId !== "startCalls" || round >= working) await tryIt(operation);
      }
    }
    // Not everything may be refused at the door: each operation is asked until it has been good once.
    const isGood = ({ operationId }: Operation) =>
      [...seen.keys()].some((answer) => answer.startsWith(`${operationId} 2`));
    for (const operation of spec.operations)
      for (let more = 0; more < MOST_TRIES && !isGood(operation); more++) {
        if (more % 10 === 0) await refresh();
        await tryIt(operation);
      }
    const refused = spec.operations.filter((operation) => !isGood(operation));
    assert.deepEqual(
      refused.map((operation) => operation.operationId),
      [],
    );
    const count = (status: string) =>
      [...seen].reduce((sum, [answer, times]) => (answer.includes(` ${status}`) ? sum + times : sum), 0);
    t.diagnostic(`${count("2")} good answers, ${count("4")} problems, ${seen.size} kinds`);
    assert.deepEqual(
      lines.filter((line) => line.level === "error"),
      [],
    );
  });
});
