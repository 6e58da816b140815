// Column titles as people write them, in English and Hebrew -> the field they mean.

export type TextField = "first_name" | "last_name" | "name" | "notes" | "city";
export type PhoneField = "mobile" | "phone";

/** Written as `plainHeader` leaves them: lower case, no punctuation, no quotes, single spaces. */
const TITLES: Record<TextField | PhoneField, string> = {
  mobile:
    "mobile, mobile phone, mobile number, mobile no, cell, cell phone, cellphone, cell number, cellular, " +
    "נייד, טלפון נייד, מספר נייד, מס נייד, פלאפון, פלפון, מספר פלאפון, סלולרי, סלולארי, טלפון סלולרי, טלפון סלולארי",
  phone:
    "phone, phones, phone number, phone no, phone e164, tel, tel no, tel number, telephone, telephone number, " +
    "contact number, primary phone, home phone, work phone, whatsapp, whatsapp number, " +
    "טלפון, טל, מספר טלפון, מס טלפון, מספר הטלפון, טלפון בית, טלפון בבית, טלפון עבודה, טלפון קווי, טלפון ראשי, ווטסאפ, וואטסאפ",
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
  ..."type kind model company provider notes note status date time verified valid country code ext fax name".split(" "),
  ..."סוג דגם חברה ספק הערות הערה סטטוס תאריך שעה אומת תקין קידומת שלוחה פקס שם".split(" "),
]);
/** A longer text is a sentence with the word in it, not a title. */
const MAX_TITLE_WORDS = 5;

export function fieldOf(header: string): TextField | PhoneField | undefined {
  const title = plainHeader(header);
  const exact = FIELD_OF.get(title) ?? FIELD_OF.get(title.replace(/ ?\d+$/, ""));
  if (exact !== undefined) return exact;

  const words = title.split(" ");
  if (words.length > MAX_TITLE_WORDS || words.some((word) => OTHER_WORDS.has(word))) return undefined;
  if (words.some((word) => MOBILE_WORDS.has(word))) return "mobile";
  return words.some((word) => PHONE_WORDS.has(word)) ? "phone" : undefined;
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
