// Column titles as people write them, in English and Hebrew -> the field they mean.

export type TextField = "first_name" | "last_name" | "name" | "notes" | "city";
export type PhoneField = "mobile" | "phone";

/** Written as `plainHeader` leaves them: lower case, no punctuation, no quotes, single spaces. */
const TITLES: Record<TextField | PhoneField, string> = {
  mobile:
    "mobile, mobiles, mobile phone, mobile phone number, mobile number, mobile no, mobile num, mobile tel, mobile telephone, " +
    "phone mobile, tel mobile, mob, mob no, primary mobile, main mobile, personal mobile, work mobile, other mobile, " +
    "customer mobile, client mobile, lead mobile, cell, cell phone, cell phone number, cellphone, cellphone number, " +
    "cell number, cell no, cellular, gsm, " +
    "נייד, הנייד, ניידים, טלפון נייד, טל נייד, מספר נייד, מספר הנייד, מס נייד, מספר טלפון נייד, מס טלפון נייד, נייד ראשי, " +
    "נייד אישי, נייד נוסף, נייד לקוח, נייד הלקוח, פלאפון, פלפון, מספר פלאפון, מס פלאפון, סלולרי, סלולארי, סלולר, מספר סלולרי, " +
    "מספר סלולארי, מס סלולרי, טלפון סלולרי, טלפון סלולארי",
  phone:
    "phone, phones, phone number, phone numbers, phone no, phone num, phone e164, ph, ph no, tel, tel no, tel number, " +
    "telephone, telephone number, telephone no, contact number, primary phone, primary phone number, main phone, " +
    "main phone number, personal phone, preferred phone, direct phone, default phone, home phone, home phone number, " +
    "home tel, work phone, work phone number, work tel, office phone, business phone, business phone number, car phone, " +
    "other phone, other phone number, secondary phone, alternate phone, alternative phone, additional phone, daytime phone, " +
    "evening phone, phone home, phone work, phone main, phone other, customer phone, customer phone number, client phone, " +
    "client phone number, lead phone, lead phone number, whatsapp, whatsapp number, whatsapp phone, whatsapp phone number, " +
    "whats app, whats app number, whats app phone, whats app phone number, " + // WhatsApp, its two words taken apart
    "טלפון, הטלפון, טלפונים, טל, מספר טלפון, מס טלפון, מספר הטלפון, מספר הטלפון שלך, טלפון בית, טלפון בבית, טלפון עבודה, " +
    "טלפון בעבודה, טלפון עסקי, טלפון קווי, טלפון ראשי, טלפון אישי, טלפון נוסף, טלפון אחר, טלפון משני, טלפון לקוח, טלפון הלקוח, " +
    "טלפון של הלקוח, מספר טלפון של הלקוח, ווטסאפ, וואטסאפ",
  first_name: "first name, firstname, given name, fname, first, שם פרטי, פרטי",
  last_name: "last name, lastname, surname, family name, lname, last, שם משפחה, משפחה",
  name:
    "name, full name, fullname, contact, contact name, customer, customer name, client, client name, lead, lead name, " +
    "שם, שם מלא, שם לקוח, שם הלקוח, לקוח, איש קשר, שם איש קשר, שם ומשפחה, שם פרטי ומשפחה",
  notes: "notes, note, comment, comments, remark, remarks, description, הערות, הערה, הערות נוספות, תיאור, פרטים",
  city: "city, town, עיר, ישוב, יישוב, עיר מגורים, מקום מגורים",
};

const FIELD_OF = new Map(
  Object.entries(TITLES).flatMap(([field, titles]) =>
    titles.split(", ").map((title) => [title, field as TextField | PhoneField] as const),
  ),
);

/** Words that make a longer title one of a phone column, unless another word says that it is about something else. */
const MOBILE_WORDS = new Set("mobile cell cellphone cellular נייד הנייד פלאפון פלפון סלולרי סלולארי".split(" "));
const PHONE_WORDS = new Set("phone tel telephone טלפון הטלפון".split(" "));
const OTHER_WORDS = new Set([
  ..."type label kind model company provider notes note status date time verified valid".split(" "),
  ..."country code ext fax name".split(" "),
  ..."סוג דגם חברה ספק הערות הערה סטטוס תאריך שעה אומת תקין קידומת שלוחה פקס שם".split(" "),
]);
/** Words for people who are not the lead. */
const OTHER_PEOPLE = new Set([
  ..."agent assistant assistants asst emergency spouse wife husband partner relative guardian".split(" "),
  ..."mother father mom mum dad parent manager seller salesman salesperson rep representative".split(" "),
  ..."referrer referral reference secretary employer doctor lawyer adviser advisor broker driver".split(" "),
  ..."neighbor neighbour".split(" "),
  ..."סוכן הסוכן סוכנת נציג הנציג נציגה חירום זוג אמא האמא אם האם אבא האבא אב האב הורה הורים".split(" "),
  ..."בעל אישה אשתו בעלה אח אחות מנהל המנהל מנהלת מזכירה עוזר עוזרת מוכר מפנה ממליץ מעסיק".split(" "),
  ..."רופא יועץ מתווך נהג שכן".split(" "),
]);
/** A longer text is a sentence with the word in it, not a title. */
const MAX_TITLE_WORDS = 5;

/** `אין טלפון`, `no phone`: a note where a number should be, whatever words it has. */
const SAYS_NONE = /^(?:no|none|without|missing|unknown|אין|ללא|בלי|לא|חסר)(?: |$)/;

/** Whose number a column holds, as far as its title says: one's own has a title of the list above. Surest first. */
export const OWNERS = ["lead", "unsaid", "somebody else"] as const;
export type Title = { field: TextField | PhoneField; owner: (typeof OWNERS)[number] };

export function fieldOf(header: string): Title | undefined {
  const title = plainHeader(header);
  const exact = FIELD_OF.get(title) ?? FIELD_OF.get(withoutExportersWords(title));
  if (exact !== undefined) return { field: exact, owner: "lead" };

  const words = title.split(" ");
  if (words.length > MAX_TITLE_WORDS || words.some((word) => OTHER_WORDS.has(word))) return undefined;
  if (SAYS_NONE.test(title)) return undefined;
  const owner = words.some((word) => OTHER_PEOPLE.has(word)) ? "somebody else" : "unsaid";
  if (words.some((word) => MOBILE_WORDS.has(word))) return { field: "mobile", owner };
  return words.some((word) => PHONE_WORDS.has(word)) ? { field: "phone", owner } : undefined;
}

/** Words in a first row that are no title. */
export function saysNone(cell: string): boolean {
  return SAYS_NONE.test(plainHeader(cell));
}

/** `Phone 2`, Google's `Phone 1 - Value`, Pipedrive's `Person - Phone - Work`. */
function withoutExportersWords(title: string): string {
  return title.replace(/^person /, "").replace(/ ?\d+(?: value)?$/, "");
}

/** Case, spacing, punctuation, niqqud and quotes (also geresh and gershayim) do not tell titles apart; nor does camelCase. */
export function plainHeader(header: string): string {
  return header
    .slice(0, 200)
    .normalize("NFKC")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/[\p{Mn}\p{Cf}'"`׳״’‘“”]/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
    .toLowerCase();
}
