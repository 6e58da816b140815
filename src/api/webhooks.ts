// What Twilio tells us, and asks us: a call's news, and the words for an answered call. Signed requests only.
import { Hono, type Context } from "hono";
import { placeOfCall } from "../../db/system.ts";
import { forTenant } from "../../db/tenant.ts";
import { isSigned } from "../dialling/signature.ts";
import { sayAndHangUp } from "../dialling/twiml.ts";
import { CodedError } from "../errors.ts";
import { limitBody, whole } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import type { Locale } from "./locale.ts";
import { DEFAULT_WORDS } from "./messages.ts";
import type { Metrics } from "./metrics.ts";

/** A callback has some thirty short parameters. */
const WEBHOOK_BYTES = 64 * 1024;
const NAME = /^[\w-]{1,64}$/;

type Spoken = Partial<Record<Locale, string>>;
const LOCALES: readonly Locale[] = ["he", "en"];

export function webhookRoutes(deps: ApiDeps, metrics: Metrics) {
  const { log, queue, carrier, config, webhookDb: db = deps.db } = deps;
  /** The form, and whose call it is about. Throws webhook.forbidden before anything of it is believed. */
  const signed = async (c: Context<ApiEnv>) => {
    const fields = new URLSearchParams(await whole(c.req.text()));
    const form = Object.fromEntries([...new Set(fields.keys())].map((name) => [name, fields.getAll(name)]));
    // As it came over the wire: URL would normalise characters that Twilio signed.
    const place = c.req.url.replace(/^[a-z]+:\/\/[^/]+/i, "");
    const signature = c.req.header("x-twilio-signature");
    if (!carrier || !isSigned(carrier.authToken, signature, carrier.publicUrl() + place, form)) {
      log.warn({ route: c.req.path }, "[SECURITY] A webhook without a valid signature");
      throw new CodedError("webhook.forbidden", "signature");
    }
    const token = c.req.query("token");
    const sid = fields.get("CallSid");
    return {
      fields,
      token: token !== undefined && NAME.test(token) ? token : null,
      sid: sid !== null && NAME.test(sid) ? sid : null,
    };
  };

  return new Hono<ApiEnv>()
    .use(limitBody(WEBHOOK_BYTES))
    .post("/status", async (c) => {
      const { fields, token, sid } = await signed(c);
      const status = fields.get("CallStatus");
      if (sid === null || status === null || !NAME.test(status))
        throw new CodedError("request.malformed", "a callback without CallSid or CallStatus");
      const seconds = fields.get("CallDuration") ?? "";
      const durationSeconds = /^\d{1,9}$/.test(seconds) ? Number(seconds) : null;
      try {
        const what = await queue.applyNews(db, { token, sid, status, durationSeconds, from: "callback" });
        // Unknown calls get the same 204: the signature proves that it is a call of our account (another program's, or
        // one whose run was deleted), Twilio repeats nothing for an error, and only fills the account's alerts with it.
        metrics.callback(fields.get("Timestamp"));
        if (what === "unknown") log.warn({ sid, status }, "A callback about a call that is not ours");
      } catch (error) {
        // Whatever it was, it did not commit: reconcile will fetch the call's state. 503 says so in Twilio's debugger.
        log.error({ err: error, sid, status }, "A callback could not be applied");
        throw new CodedError("database.unavailable", "the news was not stored");
      }
      return c.body(null, 204);
    })
    .post("/voice", async (c) => {
      const { token, sid } = await signed(c);
      const words = await wordsOf(token, sid);
      const locale = LOCALES.find((l) => l === words?.locale) ?? config.defaultLocale;
      const texts = chosen(words?.run, locale) ?? chosen(words?.business, locale) ?? bothDefaults(locale);
      return c.body(sayAndHangUp(texts), 200, { "Content-Type": "text/xml; charset=utf-8" });
    });

  /** What the call may say. Someone is listening: without a database they hear the default, not Twilio's apology. */
  async function wordsOf(token: string | null, sid: string | null) {
    try {
      const place = await placeOfCall(db, { token, sid });
      if (!place) return undefined;
      return await forTenant(db, { businessId: place.businessId, actor: "carrier", userId: null }, log).wordsOf(
        place.runId,
      );
    } catch (error) {
      log.error({ err: error, sid }, "The words of a call could not be read");
      return undefined;
    }
  }
}

/** In the business's language if there are words in it, else in the other one. */
function chosen(spoken: Spoken | undefined, locale: Locale) {
  const language = [locale, ...LOCALES].find((l) => spoken?.[l]?.trim());
  const words = language && spoken?.[language];
  return language && words ? [{ language, words }] : undefined;
}

function bothDefaults(first: Locale) {
  return LOCALES.toSorted((a) => (a === first ? -1 : 1)).map((language) => ({
    language,
    words: DEFAULT_WORDS[language],
  }));
}
