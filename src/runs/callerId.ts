// Which number a business's calls show.
import { normalisePhone } from "../leads/phone.ts";

/**
 * The business's own setting, else its phone number in the CRM when that is a valid number, else the installation's
 * TWILIO_FROM. Null: nothing may be dialled, which is a fault of the configuration.
 */
export function callerIdOf(setting: string | null, phone: string | null, fallback: string | undefined): string | null {
  if (setting) return setting;
  const own = normalisePhone(phone);
  return own.ok ? own.e164 : (fallback ?? null);
}
