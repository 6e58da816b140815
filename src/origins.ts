// Which web pages may call the API from a browser.
import * as v from "valibot";

/** As browsers send it: scheme, host and port, nothing behind. Compared byte by byte, so written their way. */
export const origins = v.pipe(
  v.string(),
  v.trim(),
  v.nonEmpty("must not be empty"),
  v.transform((list) =>
    list
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean),
  ),
  v.array(
    v.pipe(
      v.string(),
      v.check(isOrigin, "must be origins such as https://crm.example, with commas between them; there is no *"),
      v.transform((one) => new URL(one).origin),
    ),
  ),
);

function isOrigin(text: string): boolean {
  const at = URL.parse(text);
  return at !== null && /^https?:$/.test(at.protocol) && at.href === `${at.origin}/` && !/[?#]/.test(text);
}
