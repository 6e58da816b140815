// Whose address TWILIO_API_URL is.

export const isTwilio = (apiUrl: string) => /(^|\.)twilio\.com$/.test(URL.parse(apiUrl)?.hostname ?? "");

/** True for what is no URL too: that is a fault of its own. */
export function isThisMachine(url: string): boolean {
  const host = URL.parse(url)?.hostname ?? "localhost";
  // URL writes an address in one way only: 127.1 and 0x7f000001 are 127.0.0.1 here.
  return /^127\.|^\[::1\]$|(^|\.)localhost$/.test(host);
}
