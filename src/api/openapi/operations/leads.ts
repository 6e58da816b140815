// Imported leads, and the settings of a business.
import { MAX_LEADS, WORDS } from "../../schemas.ts";
import * as answers from "../answers.ts";
import { EXAMPLES, SENT } from "../examples.ts";
import { BODY, ok, type Operation } from "../operation.ts";

const listName = { type: "string", maxLength: 255, pattern: WORDS.source };
const rows = { type: "array", minItems: 1, maxItems: MAX_LEADS };
const binary = { type: "string", contentMediaType: "application/octet-stream" };

export const LEADS: readonly Operation[] = [
  {
    route: "POST /api/outbound/import-leads",
    id: "importLeads",
    tag: "leads",
    summary: "Import leads from a file or as rows",
    description:
      "CSV or XLSX, UTF-8 or Windows-1255; only a column with phone numbers is required. All of it is kept, or nothing.",
    access: "managers",
    keyed: true,
    sends: SENT.rows,
    answers: ok("The list that was made", answers.Imported, EXAMPLES.imported),
    problems: [
      "import.empty",
      "import.no_phone_column",
      "import.too_large",
      "import.unreadable",
      "import.nothing_imported",
      "request.invalid",
      ...BODY,
    ],
    body: {
      "multipart/form-data": {
        type: "object",
        required: ["file"],
        properties: { file: binary, list_name: listName },
      },
      // A row is an object of cells by title, an array of cells, or a number alone; what it is not counts as blank.
      "application/json": {
        anyOf: [{ type: "object", required: ["rows"], properties: { rows, list_name: listName } }, rows],
      },
    },
  },
  {
    route: "GET /api/outbound/import-leads",
    id: "listLeads",
    tag: "leads",
    summary: "Imported leads",
    answers: ok("A page of leads", answers.Leads),
    problems: ["list.not_found", "request.invalid"],
  },
  {
    route: "GET /api/outbound/import-lists",
    id: "listLists",
    tag: "leads",
    summary: "Imported lists",
    answers: ok("All of them, newest first", answers.Lists),
  },
  {
    route: "GET /api/outbound/import-lists/:list_id/called",
    id: "getListCalls",
    tag: "leads",
    summary: "How many of a list's leads were called already, and when last",
    answers: ok("The figures", answers.ListCalls),
    problems: ["list.not_found", "request.invalid"],
  },
  {
    route: "DELETE /api/outbound/import-leads/:lead_id",
    id: "deleteLead",
    tag: "leads",
    summary: "Delete an imported lead",
    access: "managers",
    answers: ok("It is gone", answers.Said),
    problems: ["lead.not_found", "lead.not_imported", "lead.has_calls", "request.invalid"],
  },
  {
    route: "POST /api/outbound/import-leads/bulk-delete",
    id: "deleteLeads",
    tag: "leads",
    summary: "Delete imported leads",
    description:
      "Named leads: all of them, or none. With delete_all every imported lead without a call; the others stay.",
    access: "managers",
    sends: SENT.remove,
    answers: ok("They are gone", answers.Deleted),
    problems: ["lead.not_found", "lead.not_imported", "lead.has_calls", "request.invalid", ...BODY],
  },
  {
    route: "GET /api/outbound/settings",
    id: "getSettings",
    tag: "settings",
    summary: "What the business chose for its calls",
    answers: ok("Its choices, beside the defaults", answers.Settings),
  },
  {
    route: "PUT /api/outbound/settings",
    id: "changeSettings",
    tag: "settings",
    summary: "Change what is named; null goes back to the default",
    access: "managers",
    sends: SENT.settings,
    answers: ok("The choices as they are now", answers.Settings),
    problems: ["settings.caller_id_taken", "settings.voice_url_not_public", "request.invalid", ...BODY],
  },
];
