// The public API, as any client calls it: token in a header, the user's language in Accept-Language, problems as errors.
import { lang, t } from "./locale.js";
import { signOut, token, who } from "./session.js";

/** What the server refused, in its own words (RFC 9457's `error`), or why it could not be reached. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {any} [body] */
  constructor(status, code, message, body = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/**
 * @typedef {object} Wish
 * @property {string} [method]
 * @property {Record<string, string | number | undefined>} [query]
 * @property {unknown} [json]
 * @property {FormData} [form]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/** @param {string} path below /api/ @param {Wish} [wish] @returns {Promise<Response>} throws Problem */
export async function open(path, { method = "GET", query = {}, json, form, headers = {}, signal } = {}) {
  const asked = Object.entries({ ...query, business_id: who().named }).filter(([, v]) => v !== undefined && v !== "");
  const search = new URLSearchParams(asked.map(([k, v]) => [k, String(v)]));
  const init = {
    method,
    headers: {
      Authorization: `Bearer ${token() ?? ""}`,
      "Accept-Language": lang(),
      ...(json !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    body: json === undefined ? (form ?? null) : JSON.stringify(json),
    signal: signal ?? null,
    cache: /** @type {const} */ ("no-store"),
  };
  const response = await fetch(`api/${path}${asked.length > 0 ? `?${search}` : ""}`, init).catch(
    (/** @type {Error} */ error) => {
      throw error.name === "AbortError" ? error : new Problem(0, "offline", t().offline);
    },
  );
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const problem = new Problem(response.status, body.code ?? "", body.error ?? `HTTP ${response.status}`, body);
  if (problem.status === 401) {
    signOut();
    dispatchEvent(new CustomEvent("signed-out", { detail: problem.message }));
  }
  // Not even looking is allowed: the token's role or its pages are none of ours, and no part of the page would work.
  if (problem.status === 403 && method === "GET")
    dispatchEvent(new CustomEvent("refused", { detail: problem.message }));
  throw problem;
}

/** @param {string} path @param {Wish} [wish] @returns {Promise<any>} */
export const get = async (path, wish) => await (await open(path, wish)).json();
/** @param {string} path @param {unknown} [json] @param {Wish} [wish] @returns {Promise<any>} */
export const post = async (path, json, wish) => await get(path, { ...wish, method: "POST", json });

/** Idempotency-Keys of wishes that have no answer yet: sent again after a lost answer, they call nobody twice. */
export function keyring() {
  /** @type {Map<string, string>} */
  const keys = new Map();
  /** @param {unknown} wish */
  const keyOf = (wish) => {
    const print = JSON.stringify(wish);
    const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
    const key = keys.get(print) ?? bytes.map((b) => b.toString(16).padStart(2, "0")).join("");
    keys.set(print, key);
    return { "Idempotency-Key": key };
  };
  return Object.assign(keyOf, { forget: () => keys.clear() });
}

/** A file of the API's, saved by the browser: a plain link could not carry the token. @param {string} path @param {string} name */
export async function download(path, name) {
  const url = URL.createObjectURL(await (await open(path)).blob());
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
