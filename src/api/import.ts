// Importing leads: a file (multipart, field `file`) or rows (JSON: `{rows, list_name?}` or a bare array) becomes a list.
// All of it is kept, or nothing.
import { Hono, type Context } from "hono";
import * as v from "valibot";
import type { NewLead } from "../../db/tenant.ts";
import { CodedError } from "../errors.ts";
import { MANAGERS, onlyFor, type Access } from "./access.ts";
import { isJson, limitBody, parse, parseJson } from "./body.ts";
import type { ApiDeps, ApiEnv, LeadsReader } from "./deps.ts";
import { hashOf, markReplayed, onceOf } from "./idempotency.ts";
import { rowFault, SAY } from "./messages.ts";
import { isForm, parseForm } from "./multipart.ts";
import { MAX_LEADS, words } from "./schemas.ts";

/** A 10 MB file with the multipart around it, and rows as JSON, which says each column's name in every row. */
const IMPORT_BYTES = 16 * 1024 * 1024;
const ERRORS_SHOWN = 20;
/**
 * Today where the users are: in UTC it is still yesterday until three in the morning. The CRM's default time zone, as
 * requests have no right to read `business_settings`; Swedish, because it writes days as 2026-07-16.
 */
const DAY = new Intl.DateTimeFormat("sv", { timeZone: "Asia/Jerusalem", dateStyle: "short" });

const listName = v.optional(v.pipe(words(255), v.trim()));
const rows = v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(MAX_LEADS));
const Rows = v.union([
  v.pipe(
    rows,
    v.transform((list) => ({ rows: list, list_name: undefined })),
  ),
  v.object({ rows, list_name: listName }),
]);
const Form = v.object({ file: v.file(), list_name: listName });

interface Upload {
  source: Parameters<LeadsReader>[0];
  listName: string | undefined;
  fileName: string | null;
}

export function importRoutes({ readLeads }: ApiDeps, access: Access) {
  return new Hono<ApiEnv>().post("/import-leads", onlyFor(MANAGERS), limitBody(IMPORT_BYTES), async (c) => {
    const { source, listName, fileName } = await uploadOf(c);
    const tenant = await access.business(c);
    if (!(await tenant.business())) throw new CodedError("business.not_found", "no such business");
    const locale = c.get("locale");
    const name = listName || fileName?.replace(/\.\w+$/, "") || SAY.listName(DAY.format(new Date()))[locale];

    const errors: string[] = [];
    let skipped = 0;
    const once = onceOf(c, {
      listName,
      fileName,
      ...(source.kind === "file" ? { file: hashOf(source.bytes) } : source),
    });
    const table = await readLeads(source);
    async function* slices(): AsyncGenerator<NewLead[]> {
      for await (const batch of table.batches) {
        skipped += batch.errors.length;
        for (const fault of batch.errors.slice(0, ERRORS_SHOWN - errors.length)) errors.push(rowFault(locale, fault));
        yield batch.leads.map(({ phone_e164, first_name, last_name, name, notes, city }) => ({
          phone: phone_e164,
          name,
          firstName: first_name,
          lastName: last_name,
          notes,
          city,
        }));
      }
    }
    const report = () => ({ list_name: name, skipped_count: skipped, errors, mapping: table.mapping });
    const kept = await tenant.importLeads({ name, fileName }, slices(), report, once);
    if (!kept) throw new CodedError("import.nothing_imported", "no valid row", { skipped_count: skipped, errors });
    markReplayed(c, kept.replayed);
    return c.json({ success: true, list_id: kept.listId, imported_count: kept.imported, ...kept.report });
  });
}

async function uploadOf(c: Context<ApiEnv>): Promise<Upload> {
  if (isJson(c)) {
    const { rows, list_name } = parse(Rows, await parseJson(c));
    return { source: { kind: "rows", rows }, listName: list_name, fileName: null };
  }
  if (!isForm(c)) throw new CodedError("request.media_type", "neither multipart nor JSON");
  const form = parse(Form, await parseForm(c));
  const bytes = new Uint8Array(await form.file.arrayBuffer());
  return { source: { kind: "file", bytes }, listName: form.list_name, fileName: plainName(form.file.name) };
}

/** The file's own name, without the folders some browsers send and what cannot be stored; null when none is left. */
function plainName(name: string): string | null {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  return (
    last
      .replace(/[\p{Cc}\p{Cs}]/gu, "")
      .trim()
      .slice(0, 255)
      .toWellFormed() || null
  );
}
