// Every sentence the API says to people, in both languages, and for each problem its status. A code never changes its
// meaning: other programs branch on it.
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { SkipReason } from "../runs/enqueue.ts";
import type { Both, Locale } from "./locale.ts";

interface ProblemText extends Both {
  status: ContentfulStatusCode;
  /** RFC 9457 `title`: the kind of problem, for developers. */
  title: string;
}

const problem = (status: ContentfulStatusCode, title: string, en: string, he: string): ProblemText => ({
  status,
  title,
  en,
  he,
});

export const PROBLEMS = {
  "auth.token_missing": problem(401, "Token missing", "Please sign in.", "יש להתחבר למערכת."),
  "auth.token_invalid": problem(
    401,
    "Token invalid",
    "Your sign-in is not valid. Please sign in again.",
    "ההתחברות אינה תקפה. יש להתחבר מחדש.",
  ),
  "auth.token_expired": problem(
    401,
    "Token expired",
    "Your sign-in has expired. Please sign in again.",
    "תוקף ההתחברות פג. יש להתחבר מחדש.",
  ),
  "auth.keys_unavailable": problem(
    503,
    "Signing keys unavailable",
    "Sign-in cannot be checked right now. Please try again shortly.",
    "לא ניתן לאמת את ההתחברות כרגע. נסו שוב בעוד רגע.",
  ),
  "auth.role_missing": problem(403, "Role missing", "You are not allowed to do this.", "אין לך הרשאה לפעולה זו."),
  "auth.page_missing": problem(
    403,
    "Page missing",
    "You do not have access to outbound calls.",
    "אין לך גישה לשיחות יוצאות.",
  ),
  "business.required": problem(
    400,
    "Business required",
    "Name a business (business_id).",
    "יש לציין עסק (business_id).",
  ),
  "business.not_found": problem(404, "Business not found", "The business was not found.", "העסק לא נמצא."),
  "business.calls_disabled": problem(
    409,
    "Calls disabled",
    "Calls are switched off for this business.",
    "השיחות מושבתות עבור עסק זה.",
  ),
  "lead.not_found": problem(404, "Lead not found", "One of the leads was not found.", "אחד הלידים לא נמצא."),
  "lead.not_imported": problem(
    403,
    "Lead not imported",
    "Only imported leads can be deleted here.",
    "ניתן למחוק כאן רק לידים שיובאו.",
  ),
  "lead.has_calls": problem(
    409,
    "Lead has calls",
    "A lead that has been called, or waits to be, cannot be deleted.",
    "לא ניתן למחוק ליד שבוצעו אליו שיחות או שממתין לשיחה.",
  ),
  "list.not_found": problem(404, "List not found", "The list was not found.", "הרשימה לא נמצאה."),
  "run.not_found": problem(404, "Run not found", "The call run was not found.", "ריצת השיחות לא נמצאה."),
  "run.none_active": problem(404, "No active run", "No call run is active.", "אין ריצת שיחות פעילה."),
  "run.nothing_to_call": problem(
    409,
    "Nothing to call",
    "None of the leads can be called.",
    "אין אף ליד שניתן להתקשר אליו.",
  ),
  "run.already_ended": problem(400, "Run already ended", "The call run has already ended.", "ריצת השיחות כבר הסתיימה."),
  "run.legacy": problem(
    409,
    "Run of the old system",
    "This call run still belongs to the old system, and can only be stopped or resumed there.",
    "ריצת שיחות זו עדיין שייכת למערכת הישנה, וניתן לעצור או לחדש אותה רק שם.",
  ),
  "run.not_resumable": problem(
    409,
    "Run not resumable",
    "Only a failed run can be resumed.",
    "ניתן לחדש רק ריצה שנכשלה.",
  ),
  "run.not_cancelled": problem(
    409,
    "Run not cancelled",
    "Only a stopped or cancelled call run leaves leads to call.",
    "רק ריצה שנעצרה או בוטלה משאירה לידים שאפשר להתקשר אליהם.",
  ),
  "settings.caller_id_taken": problem(
    409,
    "Caller id taken",
    "This number belongs to another business.",
    "מספר זה שייך לעסק אחר.",
  ),
  "settings.voice_url_not_public": problem(
    400,
    "Voice URL not public",
    "The voice URL must be an address on the internet.",
    "כתובת ה-Voice URL חייבת להיות זמינה באינטרנט.",
  ),
  "cleanup.too_soon": problem(
    429,
    "Cleaned up just now",
    "Stuck calls were cleaned up a moment ago. Please try again in a minute.",
    "הניקוי בוצע ממש עכשיו. נסו שוב בעוד דקה.",
  ),
  "events.too_many": problem(
    429,
    "Too many event streams",
    "Too many pages are watching calls. Close some of them.",
    "יותר מדי חלונות עוקבים אחר שיחות. סגרו חלק מהם.",
  ),
  "events.unavailable": problem(
    503,
    "Event streams unavailable",
    "Live updates are not available right now.",
    "עדכונים חיים אינם זמינים כרגע.",
  ),
  "request.invalid": problem(400, "Request invalid", "Some of the details are not valid.", "חלק מהפרטים אינם תקינים."),
  "request.malformed": problem(400, "Request malformed", "The request cannot be read.", "לא ניתן לקרוא את הבקשה."),
  "request.too_deep": problem(
    400,
    "Request nested too deeply",
    "The request cannot be read.",
    "לא ניתן לקרוא את הבקשה.",
  ),
  "request.media_type": problem(
    415,
    "Unsupported media type",
    "This kind of content is not accepted here.",
    "סוג התוכן אינו נתמך.",
  ),
  "request.too_large": problem(413, "Request too large", "The request is too large.", "הבקשה גדולה מדי."),
  "request.too_many_at_once": problem(
    429,
    "Too many requests at once",
    "Earlier requests are still being worked on. Please try again shortly.",
    "בקשות קודמות עדיין בטיפול. נסו שוב בעוד רגע.",
  ),
  "request.too_many": problem(
    429,
    "Too many requests",
    "Too many requests. Please try again shortly.",
    "יותר מדי בקשות. נסו שוב בעוד רגע.",
  ),
  "idempotency.in_flight": problem(
    409,
    "Still in flight",
    "The same request is still being worked on. Please wait a moment.",
    "אותה בקשה עדיין בטיפול. המתינו רגע.",
  ),
  "idempotency.key_reused": problem(
    422,
    "Idempotency key reused",
    "This request was already sent with other details. Please start again.",
    "בקשה זו כבר נשלחה עם פרטים אחרים. יש להתחיל מחדש.",
  ),
  "cursor.invalid": problem(
    400,
    "Cursor invalid",
    "This page is not valid. Start again.",
    "העמוד אינו תקין. התחילו מחדש.",
  ),
  "route.not_found": problem(404, "Not found", "There is nothing here.", "אין כאן דבר."),
  "webhook.forbidden": problem(403, "Signature invalid", "The signature is not valid.", "החתימה אינה תקפה."),
  "import.empty": problem(400, "Nothing to import", "The file has no rows.", "הקובץ ריק."),
  "import.no_phone_column": problem(
    400,
    "No phone column",
    "No column with phone numbers was found.",
    "לא נמצאה עמודה עם מספרי טלפון.",
  ),
  "import.too_large": problem(413, "Import too large", "The file is too large.", "הקובץ גדול מדי."),
  "import.unreadable": problem(
    400,
    "File unreadable",
    "The file cannot be read. Save it as CSV or XLSX.",
    "לא ניתן לקרוא את הקובץ. שמרו אותו כ-CSV או XLSX.",
  ),
  "import.nothing_imported": problem(
    400,
    "Nothing imported",
    "None of the rows has a valid phone number.",
    "באף שורה אין מספר טלפון תקין.",
  ),
  "database.unavailable": problem(
    503,
    "Database unavailable",
    "The service is not available right now. Please try again shortly.",
    "השירות אינו זמין כרגע. נסו שוב בעוד רגע.",
  ),
  "database.outdated": problem(503, "Migrations pending", "The service is being updated.", "השירות בעדכון."),
  internal: problem(500, "Internal error", "Something went wrong. Please try again.", "משהו השתבש. נסו שוב."),
} satisfies Record<string, ProblemText>;

export type ProblemCode = keyof typeof PROBLEMS;

/** As people write it: 19,972. */
const figure = (n: number): string => n.toLocaleString("en");

/** Nothing where there was none: `0 waiting calls` would only make people wonder. */
function cancelledCalls(n: number): Both {
  if (n === 0) return { en: "", he: "" };
  if (n === 1) return { en: " 1 waiting call was cancelled.", he: " שיחה ממתינה אחת בוטלה." };
  return { en: ` ${figure(n)} waiting calls were cancelled.`, he: ` ${figure(n)} שיחות ממתינות בוטלו.` };
}

const deleted = (n: number): Both => ({
  en: n === 1 ? "1 lead was deleted." : `${figure(n)} leads were deleted.`,
  he: n === 1 ? "ליד אחד נמחק." : `${figure(n)} לידים נמחקו.`,
});

/** What went well, in words. */
export const SAY = {
  stopped: (n: number): Both => ({ en: `Stopped.${cancelledCalls(n).en}`, he: `התור נעצר.${cancelledCalls(n).he}` }),
  cancelled: (n: number): Both => ({
    en: `Cancelled.${cancelledCalls(n).en}`,
    he: `הריצה בוטלה.${cancelledCalls(n).he}`,
  }),
  cancelRequested: { en: "Cancelling: no further calls will be made.", he: "מבטל: לא יבוצעו שיחות נוספות." },
  cancelAlreadyRequested: { en: "It is being cancelled already.", he: "הביטול כבר בתהליך." },
  alreadyEnded: { en: "The call run has already ended.", he: "ריצת השיחות כבר הסתיימה." },
  placed: (n: number): Both => ({
    en: n === 1 ? "1 call is on its way." : `${n} calls are on their way.`,
    he: n === 1 ? "שיחה אחת יצאה לדרך." : `${n} שיחות יצאו לדרך.`,
  }),
  nonePlaced: { en: "No call could be placed.", he: "לא ניתן היה לבצע אף שיחה." },
  queued: (n: number): Both => ({
    en: n === 1 ? "1 call was queued." : `${figure(n)} calls were queued.`,
    he: n === 1 ? "שיחה אחת נכנסה לתור." : `${figure(n)} שיחות נכנסו לתור.`,
  }),
  resumed: (n: number): Both => ({
    en: n === 1 ? "Resumed. 1 lead is waiting to be called." : `Resumed. ${figure(n)} leads are waiting to be called.`,
    he: n === 1 ? "הריצה חודשה. ליד אחד ממתין לשיחה." : `הריצה חודשה. ${figure(n)} לידים ממתינים לשיחה.`,
  }),
  cleanedUp: (n: number): Both =>
    n === 0
      ? { en: "Nothing was stuck.", he: "לא נמצאו ריצות תקועות." }
      : { en: `Stuck runs cleaned up: ${figure(n)}.`, he: `ריצות תקועות שנוקו: ${figure(n)}.` },
  deleted,
  deletedSome: (n: number, kept: number): Both => ({
    en: `${deleted(n).en} ${kept === 1 ? "1 stays, because it has calls." : `${figure(kept)} stay, because they have calls.`}`,
    he: `${deleted(n).he} ${kept === 1 ? "ליד אחד נשאר כי יש לו שיחות." : `${figure(kept)} נשארו כי יש להם שיחות.`}`,
  }),
  listName: (day: string): Both => ({ en: `Import ${day}`, he: `ייבוא ${day}` }),
} satisfies Record<string, Both | ((...args: never[]) => Both)>;

/** Why a lead is left out of a run. */
export const SKIPPED: Record<SkipReason, Both> = {
  missing_phone: { en: "The lead has no phone number.", he: "לליד אין מספר טלפון." },
  invalid_phone: { en: "The phone number is not valid.", he: "מספר הטלפון אינו תקין." },
  duplicate_phone: { en: "Another lead of this run has the number.", he: "לליד אחר בריצה זו יש אותו מספר." },
  already_queued: { en: "The number is being called already.", he: "כבר מתבצעת שיחה למספר זה." },
  already_called: { en: "The lead was called already.", he: "כבר התקשרו לליד זה." },
  missing_lead: { en: "The lead does not exist any more.", he: "הליד כבר אינו קיים." },
};

const ROW_FAULTS: Record<string, Both> = {
  missing_phone: { en: "no phone number", he: "אין מספר טלפון" },
  invalid_phone: { en: "not a valid phone number", he: "מספר טלפון לא תקין" },
  duplicate_phone: { en: "the number appears twice", he: "המספר מופיע פעמיים" },
};

/** A row that an import left out. `code` may be one that we have no words for: then the row is named alone. */
export function rowFault(locale: Locale, fault: { row: number; code: string; value?: string }): string {
  const words = ROW_FAULTS[fault.code]?.[locale] ?? { en: "left out", he: "לא יובאה" }[locale];
  const row = { en: "Row", he: "שורה" }[locale];
  return `${row} ${fault.row}: ${words}${fault.value ? ` (${fault.value})` : ""}`;
}

/** What an answered call says when neither the run nor the business has words of its own. */
export const DEFAULT_WORDS: Both = {
  en: "Hello, we called you and will get back to you soon. Thank you, and goodbye.",
  he: "שלום, התקשרנו אליכם ונחזור אליכם בהקדם. תודה ולהתראות.",
};
