// A run's results as a CSV file that opens right in Excel: UTF-8 with its mark, CRLF, and no text that a spreadsheet
// would run as a formula. Streamed page by page, so that a run of 200,000 leads costs one page of memory.
import { stringify } from "csv-stringify/sync";
import { Hono } from "hono";
import type { ResultRow, Tenant } from "../../db/tenant.ts";
import type { Access } from "./access.ts";
import { valid } from "./body.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import type { Both } from "./locale.ts";
import { runParam } from "./schemas.ts";
import { shownJobStatus } from "../runs/states.ts";
import { iso } from "./views.ts";

const PAGE = 1_000;
/** Excel takes a file without it for the machine's own code page, and Hebrew for gibberish. */
const BYTE_ORDER_MARK = "\uFEFF";

interface Column {
  title: Both;
  of(row: ResultRow): string | number | null;
}

/** What people typed: it could begin like a formula. */
const text = (en: string, he: string, of: (row: ResultRow) => string | null): Column => ({
  title: { en, he },
  of: (row) => plain(of(row)),
});
/** What we made ourselves; a number such as +972... stays as it is dialled. */
const own = (en: string, he: string, of: Column["of"]): Column => ({ title: { en, he }, of });

const COLUMNS: Column[] = [
  own("Lead", "מזהה ליד", (r) => r.leadId),
  text("Name", "שם", (r) => r.leadName),
  own("Phone", "טלפון", (r) => phone(r.toNumber)),
  own("Status", "סטטוס", shownJobStatus),
  text("Outcome", "תוצאה", (r) => r.outcome),
  text("Error", "שגיאה", (r) => r.errorMessage),
  own("Duration (seconds)", "משך (שניות)", (r) => r.duration),
  own("Attempts", "ניסיונות", (r) => r.attempts),
  own("Started", "התחלה", (r) => iso(r.startedAt)),
  own("Ended", "סיום", (r) => iso(r.completedAt)),
  text("Call SID", "מזהה שיחה", (r) => r.callSid),
];

export function resultRoutes({ log }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>().get("/runs/:run_id/results.csv", valid("param", runParam), async (c) => {
    const { tenant, run } = await access.run(c, c.req.valid("param").run_id);
    const locale = c.get("locale");
    const head = BYTE_ORDER_MARK + csv([COLUMNS.map((column) => column.title[locale])]);
    const pages = pagesOf(tenant, run.id);
    // Before the headers go out: a database that does not answer is a problem, not half a file.
    const first = await pages.next();
    const cut = (error: unknown) =>
      log.error({ err: error, runId: run.id }, "results: a page could not be read, the answer is cut off");
    return c.body(streamOf(head, first, pages, cut), 200, {
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Disposition": `attachment; filename="run-${run.id}-results.csv"`,
      "Content-Language": locale,
    });
  });
}

async function* pagesOf(tenant: Tenant, runId: number): AsyncGenerator<string, void> {
  let after: number | undefined;
  do {
    const page = await tenant.listResults(runId, PAGE, after);
    yield csv(page.items.map((row) => COLUMNS.map((column) => column.of(row))));
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/**
 * Reads the next page only when the client has taken the one before. A fault half-way cuts the connection, with an error
 * that says nothing: the server below us would write its message, the statement with its values, into the answer.
 */
function streamOf(
  head: string,
  first: IteratorResult<string, void>,
  pages: AsyncGenerator<string, void>,
  cut: (error: unknown) => void,
) {
  const bytes = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    start: (out) => out.enqueue(bytes.encode(head + (first.value ?? ""))),
    async pull(out) {
      try {
        const page = await pages.next();
        if (page.done) out.close();
        else out.enqueue(bytes.encode(page.value));
      } catch (error) {
        cut(error);
        out.error(new Error("the answer was cut off"));
      }
    },
    cancel: async () => void (await pages.return()),
  });
}

const csv = (rows: (string | number | null)[][]): string => stringify(rows, { record_delimiter: "windows" });

/** What may begin a formula: full-width too, as Hebrew and Japanese Excel take them. */
const FORMULA = "=+\\-@＝＋－＠";
const BEGINS = new RegExp(`^[\\s\\p{Cc}]*[${FORMULA}]|^[\\t\\r\\n]`, "u");
/**
 * What may stand between two cells where Excel splits at semicolons or tabs, as its country has it. Taken as a whole, from
 * its first character: from each of them, a long one would be read over and over.
 */
const BETWEEN = String.raw`[;\s\p{Cc}"']`;
const BEFORE_FORMULA = new RegExp(`(?<!${BETWEEN})${BETWEEN}+(?=[${FORMULA}])`, "gu");
const SPLITS = /[;\t]/;

/** An apostrophe makes a spreadsheet show the text instead of calculating it; blanks before it don't help it. */
function plain(value: string | null): string | null {
  if (value === null) return null;
  const behind = value.replace(BEFORE_FORMULA, (between) => (SPLITS.test(between) ? `${between}'` : between));
  return BEGINS.test(value) ? `'${behind}` : behind;
}

/** E.164 as it is; anything else that the old system left is text. */
const phone = (value: string | null): string | null =>
  value !== null && /^\+?\d{3,15}$/.test(value) ? value : plain(value);
