// Why nothing is dialling, in words for people.
import type { Waiting } from "../runs/waiting.ts";
import type { Both } from "./locale.ts";

const CONFIGURATION: Record<Extract<Waiting, { reason: "configuration" }>["code"], Both> = {
  "business.calls_disabled": { en: "Calls are switched off for this business.", he: "השיחות מושבתות עבור עסק זה." },
  "business.no_caller_id": {
    en: "The business has no phone number to call from. Set a caller id in the settings.",
    he: "לעסק אין מספר לחייג ממנו. יש להגדיר מספר יוצא בהגדרות.",
  },
  "carrier.configuration": {
    en: "The phone carrier refuses our settings, for example the caller id. We try again by ourselves.",
    he: "ספק הטלפוניה מסרב להגדרות, למשל למספר היוצא. ננסה שוב אוטומטית.",
  },
};

/** Too many requests, in Twilio's words and HTTP's, or a pause for that without a code; and an answer that came too late. */
const PATIENCE = new Set(["throttled", "20429", "http_429", "too_slow"]);

/** Five answers in a row by which it says of itself that it fails, in Twilio's words and HTTP's. */
const FAILS = /^(20500|20503|http_5\d\d)$/;

/** The carrier's own codes help whoever looks them up; ours are for programs. */
function carrierWords(code: string): Both {
  if (code === "unreachable")
    return {
      en: "The phone carrier cannot be reached. We try again by ourselves.",
      he: "אין חיבור לספק הטלפוניה. ננסה שוב אוטומטית.",
    };
  if (PATIENCE.has(code))
    return {
      en: "The phone carrier asks us to wait a moment. The calls then go on by themselves.",
      he: "ספק הטלפוניה ביקש להמתין רגע. השיחות יימשכו מעצמן.",
    };
  if (FAILS.test(code))
    return {
      en: `The phone carrier has a fault of its own (${code}). We try again by ourselves.`,
      he: `אצל ספק הטלפוניה יש תקלה (${code}). ננסה שוב אוטומטית.`,
    };
  return {
    en: `The phone carrier refuses calls (${code}). We try again by ourselves.`,
    he: `ספק הטלפוניה מסרב לבצע שיחות (${code}). ננסה שוב אוטומטית.`,
  };
}

/** Why nothing is dialling, for people. */
export function waitingWords(waiting: Waiting): Both {
  switch (waiting.reason) {
    case "worker":
      return { en: "No worker is running, so nobody is being called.", he: "אין תהליך חיוג פעיל, ולכן אין שיחות." };
    case "old_system":
      return { en: "The old system is calling these leads.", he: "המערכת הישנה מתקשרת ללידים אלה." };
    case "slot":
      if (waiting.limit === 1)
        return {
          en: "The only line is busy; the next call starts when it ends.",
          he: "הקו היחיד תפוס; השיחה הבאה תצא כשהוא יתפנה.",
        };
      return {
        en: `All ${waiting.limit} lines are busy; the next call starts when one ends.`,
        he: `כל ${waiting.limit} הקווים תפוסים; השיחה הבאה תצא כשאחד מהם יתפנה.`,
      };
    case "outcome_unknown":
      if (waiting.calls === 1)
        return {
          en: "The phone carrier has not said what became of one call. Its line stays taken until it does, so that nobody is called twice.",
          he: "ספק הטלפוניה לא מסר מה עלה בגורל שיחה אחת. הקו שלה נשאר תפוס עד שיימסר, כדי שאיש לא יקבל שתי שיחות.",
        };
      return {
        en: `The phone carrier has not said what became of ${waiting.calls} calls. Their lines stay taken until it does, so that nobody is called twice.`,
        he: `ספק הטלפוניה לא מסר מה עלה בגורלן של ${waiting.calls} שיחות. הקווים שלהן נשארים תפוסים עד שיימסר, כדי שאיש לא יקבל שתי שיחות.`,
      };
    case "pacing":
      return { en: "Waiting for its turn: calls are started at a limited pace.", he: "ממתין לתור: קצב השיחות מוגבל." };
    case "carrier":
      return carrierWords(waiting.code);
    case "configuration":
      break;
  }
  return CONFIGURATION[waiting.code];
}
