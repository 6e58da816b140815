// Twilio's request signature, from its published description: HMAC-SHA1 over the exact URL and the sorted parameters.

import { createHmac } from "node:crypto";

/** The value of `X-Twilio-Signature`, base64. `url` exactly as it was given to Twilio, query included. */
export function signatureOf(authToken: string, url: string, params: Record<string, string>): string {
  const data = Object.keys(params)
    .sort()
    .reduce((text, key) => text + key + params[key], url);
  return createHmac("sha1", authToken).update(data, "utf8").digest("base64");
}
