// The API with a real database and a queue core that only notes what it was asked.
import pino from "pino";
import type { Database } from "../../db/client.ts";
import { buildApp } from "../../src/api/app.ts";
import type { ApiDeps, LeadsReader, Queue, ReadLead } from "../../src/api/deps.ts";
import type { Role } from "../../src/api/auth.ts";
import { signToken } from "../../src/api/token.ts";
import { testLogger } from "../support/log.ts";

export const SECRET = "a secret for tests, long enough for HS256";
export const AUTH_TOKEN = "carrier-auth-token";
export const PUBLIC_URL = "https://calls.example.test";

/** One line of the log, read again. */
export interface Line {
  level: string;
  fields: Record<string, unknown>;
  message: string;
}

/** Notes each call in `asked`, and answers with something harmless. */
export function notingQueue(asked: unknown[][], overrides: Partial<Queue> = {}): Queue {
  const note = <T>(name: string, args: unknown[], answer: T): Promise<T> => {
    asked.push([name, ...args]);
    return Promise.resolve(answer);
  };
  return {
    enqueueRun: (door, input) => note("enqueueRun", [door, input], { runId: 1, queued: 1, skipped: [] }),
    callCancelled: (door, id) => note("callCancelled", [door, id], { runId: 2, queued: 1, skipped: [] }),
    stopRun: (door, id, o) => note("stopRun", [door, id, o], { stopped: true, cancelledJobs: 2 }),
    forceCancelRun: (door, id) => note("forceCancelRun", [door, id], { cancelled: true, cancelledJobs: 1 }),
    requestCancel: (door, id) => note("requestCancel", [door, id], "requested" as const),
    resumeRun: (door, id) => note("resumeRun", [door, id], { status: "running" as const, queued: 1, skipped: 0 }),
    cleanUpBusiness: (door) => note("cleanUpBusiness", [door], { reclaimedRuns: 1, endedRuns: 0 }),
    waitingFor: (door, id) => note("waitingFor", [door, id], null),
    applyNews: (_db, news) => note("applyNews", [news], "applied" as const),
    ...overrides,
  };
}

/** One lead for each line of a file (or row) that starts with +; the others are faults. */
export const plainReader: LeadsReader = (source) => {
  const values =
    source.kind === "file"
      ? new TextDecoder().decode(source.bytes).split("\n").filter(Boolean)
      : source.rows.map((row) => JSON.stringify((row as { phone?: unknown } | null)?.phone ?? "").replaceAll('"', ""));
  const lead = (phone_e164: string): ReadLead => ({
    phone_e164,
    name: null,
    first_name: "Noa",
    last_name: "Levi",
    notes: null,
    city: null,
  });
  // oxlint-disable-next-line typescript/require-await
  async function* batches() {
    for (const [at, value] of values.entries()) {
      const good = /^\+\d+$/.test(value);
      yield {
        leads: good ? [lead(value)] : [],
        errors: good ? [] : [{ row: at + 1, code: "invalid_phone", value: value.slice(0, 20).replaceAll("\0", "") }],
      };
    }
  }
  return Promise.resolve({ mapping: { phone: 1 }, batches: batches() });
};

export function anApi(db: Database, overrides: { queue?: Partial<Queue>; deps?: Partial<ApiDeps> } = {}) {
  const lines: Line[] = [];
  const asked: unknown[][] = [];
  const deps: ApiDeps = {
    db,
    log: testLogger((line) => lines.push(read(line))),
    queue: notingQueue(asked, overrides.queue),
    readLeads: plainReader,
    config: {
      jwt: { secret: SECRET, jwksUrl: undefined, issuer: undefined, audience: undefined },
      corsOrigins: ["https://crm.example.test"],
      defaultLocale: "he",
      callerId: "+97231234567",
      maxCallsPerBusiness: 3,
      requestsPerMinute: 1_000_000,
      postStartBudgetMs: 100,
      postTimeoutMs: 100,
    },
    carrier: { authToken: AUTH_TOKEN, publicUrl: () => PUBLIC_URL },
    ...overrides.deps,
  };
  const app = buildApp(deps);
  return {
    app,
    deps,
    lines,
    /** What the queue core was asked: [function, ...arguments]. */
    asked,
    security: () => lines.filter((line) => line.message.startsWith("[SECURITY]")),
  };
}

function read(line: string): Line {
  const { level, time: _, pid: __, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  return { level: pino.levels.labels[Number(level)] ?? "", fields, message: String(msg) };
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // Tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any;
}

/** Requests as one user. */
export async function as(
  app: ReturnType<typeof buildApp>,
  who: { business?: number; role?: Role; sub?: string; language?: string },
) {
  const token = await signToken({
    secret: SECRET,
    sub: who.sub ?? "7",
    role: who.role ?? "owner",
    businessId: who.business,
  });
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const isForm = body instanceof FormData;
    const response = await app.request(path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        "accept-language": who.language ?? "en",
        ...(body !== undefined && !isForm && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isForm || typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return await answerOf(response);
  };
  return {
    send,
    get: (path: string) => send("GET", path),
    post: (path: string, body?: unknown, headers?: Record<string, string>) => send("POST", path, body, headers),
    delete: (path: string) => send("DELETE", path),
    put: (path: string, body?: unknown) => send("PUT", path, body),
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}
