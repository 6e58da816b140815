// What a business chose for its calls. PUT changes the fields it names; null goes back to the deployment's default.
import { Hono } from "hono";
import * as v from "valibot";
import type { Settings, SettingsChange } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import { MANAGERS, onlyFor, type Access } from "./access.ts";
import type { Role } from "./auth.ts";
import { jsonBody, valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { MAX_WORDS } from "./enqueue.ts";
import { isPublic } from "./publicHost.ts";
import { words } from "./schemas.ts";
import { iso } from "./views.ts";

/** Storable as `words` are, in one pattern with that: the document shows only one. */
// oxlint-disable-next-line no-control-regex
const WEB_ADDRESS = /^[hH][tT]{2}[pP][sS]?:\/\/[^\u0000\p{Cs}]*$/u;

const Change = v.strictObject({
  max_calls: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(50))),
  caller_id: v.nullish(v.pipe(v.string(), v.regex(/^\+[1-9]\d{6,14}$/))),
  message_he: v.nullish(words(MAX_WORDS)),
  message_en: v.nullish(words(MAX_WORDS)),
  locale: v.nullish(v.picklist(["he", "en"])),
  voice_url: v.nullish(v.pipe(v.string(), v.maxLength(2048), v.url(), v.regex(WEB_ADDRESS))),
});

export function settingsRoutes({ config, carrier }: ApiDeps, access: Access) {
  /** A deployment that is not public itself (`make run` with its stand-in) may be answered from beside it. */
  const mustReach = (voiceUrl: string | null | undefined) => {
    if (!voiceUrl || isPublic(voiceUrl) || !carrier || !isPublic(carrier.publicUrl())) return;
    throw new CodedError("settings.voice_url_not_public", "the carrier cannot reach the voice URL");
  };

  /** The number of a deployment that has one for all; and who runs the deployment knows whose a number is. */
  const mayShare = (role: Role, callerId: string | null | undefined) =>
    role === "system_admin" || callerId === config.callerId;

  /** The defaults stand beside the choices, so that a page can show what holds. */
  const view = (settings: Settings | undefined) => ({
    max_calls: settings?.maxCalls ?? null,
    caller_id: settings?.callerId ?? null,
    message_he: settings?.messageHe ?? null,
    message_en: settings?.messageEn ?? null,
    locale: settings?.locale ?? null,
    voice_url: settings?.voiceUrl ?? null,
    updated_at: iso(settings?.updatedAt ?? null),
    defaults: {
      max_calls: config.maxCallsPerBusiness,
      caller_id: config.callerId ?? null,
      locale: config.defaultLocale,
    },
  });

  return new Hono<ApiEnv>()
    .get("/settings", async (c) => {
      const tenant = await access.business(c);
      return c.json(view(await tenant.settings()));
    })
    .put("/settings", onlyFor(MANAGERS), jsonBody(), valid("json", Change), async (c) => {
      const tenant = await access.business(c);
      mustReach(c.req.valid("json").voice_url);
      if (!(await tenant.business())) throw new CodedError("business.not_found", "no such business");
      const change = changeOf(c.req.valid("json"));
      const changed = await tenant.changeSettings(change, mayShare(c.get("caller").role, change.callerId));
      if (changed === "caller_id_taken") throw new CodedError("settings.caller_id_taken", "another business's number");
      return c.json(view(changed));
    });
}

function changeOf(wish: v.InferOutput<typeof Change>): SettingsChange {
  return {
    ...(wish.max_calls !== undefined && { maxCalls: wish.max_calls }),
    ...(wish.caller_id !== undefined && { callerId: wish.caller_id }),
    // Blank words would be a silent call: they mean "none of my own".
    ...(wish.message_he !== undefined && { messageHe: wish.message_he?.trim() || null }),
    ...(wish.message_en !== undefined && { messageEn: wish.message_en?.trim() || null }),
    ...(wish.locale !== undefined && { locale: wish.locale }),
    ...(wish.voice_url !== undefined && { voiceUrl: wish.voice_url }),
  };
}
