// Which of our two languages a person reads: RFC 9110's Accept-Language, else the deployment's default.

export type Locale = "he" | "en";
/** One sentence in both languages. */
export type Both = Record<Locale, string>;

/** The best of he and en that the header accepts; `fallback` when it names neither (or `*`). */
export function localeFrom(header: string | undefined, fallback: Locale): Locale {
  let best: { locale: Locale; q: number } | undefined;
  for (const part of (header ?? "").split(",")) {
    const [tag = "", ...parameters] = part.split(";").map((s) => s.trim().toLowerCase());
    const locale = localeOf(tag);
    const weight = parameters.find((p) => p.startsWith("q="));
    const q = weight === undefined ? 1 : Number(weight.slice(2));
    // Of equal weights the first counts; a weight of zero means "not this one".
    if (locale && q > (best?.q ?? 0)) best = { locale, q };
  }
  return best?.locale ?? fallback;
}

function localeOf(tag: string): Locale | undefined {
  const language = tag.split("-")[0];
  if (language === "en") return "en";
  // iw: what Java and old Android still call Hebrew.
  return language === "he" || language === "iw" ? "he" : undefined;
}
