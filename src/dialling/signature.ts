// Whether a webhook really comes from Twilio. Source: https://www.twilio.com/docs/usage/security#validating-requests
// From the SDK's own file: the API checks signatures, and needs neither its HTTP client nor its thousand resources.
import { validateRequest } from "twilio/lib/webhooks/webhooks.js";

/**
 * `url` is the address that Twilio was given, character for character: PUBLIC_URL + path + query, never the request's
 * own host, which a proxy rewrites and a forger chooses. `form` are the body's decoded parameters.
 */
export function isSigned(
  authToken: string,
  signature: string | undefined,
  url: string,
  form: Record<string, string[]>,
): boolean {
  return signature !== undefined && validateRequest(authToken, signature, url, form);
}
