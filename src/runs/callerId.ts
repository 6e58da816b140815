// Which number a business's calls show.
import { normalisePhone, type NormalisedPhone } from "../leads/phone.ts";

/** The phone numbers of businesses, read before: each dispatch asks, and reading one takes as long as the claim itself. */
const known = new Map<string | null, NormalisedPhone>();
const MOST_KNOWN = 10_000;

function businessPhone(written: string | null): NormalisedPhone {
  let phone = known.get(written);
  if (phone) return phone;
  phone = normalisePhone(written);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(written, phone);
  return phone;
}

/**
 * The business's own setting, else its phone number in the CRM when that is a valid number, else the installation's
 * TWILIO_FROM. Null: nothing may be dialled, which is a fault of the configuration.
 */
export function callerIdOf(setting: string | null, phone: string | null, fallback: string | undefined): string | null {
  if (setting) return setting;
  const own = businessPhone(phone);
  return own.ok ? own.e164 : (fallback ?? null);
}
