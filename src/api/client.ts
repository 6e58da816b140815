// A typed client of this API, for the console, scripts and tests: every path, parameter and answer is checked by the
// compiler against the routes themselves.
import { hc } from "hono/client";
import type { AppType } from "./app.ts";
import type { Locale } from "./locale.ts";

/** @param token goes into the Authorization header, never into a URL */
export function apiClient(url: string, token: string, locale?: Locale) {
  return hc<AppType>(url, {
    headers: { Authorization: `Bearer ${token}`, ...(locale && { "Accept-Language": locale }) },
  });
}
