// Hebrew or English: the words, the direction, and how dates and figures are written. Remembered; else what the server
// made of Accept-Language.
import { en } from "./en.js";
import { he } from "./he.js";

/** @typedef {"he" | "en"} Lang */
/** @typedef {typeof en} Words */
const LANG = "ringpost.lang";
const WORDS = { en, he };

const kept = localStorage.getItem(LANG);
/** @type {Lang} */
let current = (kept ?? document.documentElement.lang) === "he" ? "he" : "en";
apply();

export const lang = () => current;
/** @returns {Words} */
export const t = () => WORDS[current];
export const isRtl = () => current === "he";

/** @param {Lang} wanted */
export function setLang(wanted) {
  current = wanted;
  localStorage.setItem(LANG, wanted);
  apply();
}

function apply() {
  document.documentElement.lang = current;
  document.documentElement.dir = current === "he" ? "rtl" : "ltr";
}

/** The user's own region where it speaks the chosen language (en-GB), else the language's. */
const region = () =>
  navigator.languages.find((l) => l.split("-")[0] === current) ?? { he: "he-IL", en: "en-GB" }[current];

/** @param {number} n */
export const figure = (n) => new Intl.NumberFormat(region()).format(n);

/** @param {number} share of 1 */
export const percent = (share) => new Intl.NumberFormat(region(), { style: "percent" }).format(share);

/** @param {string | null} iso @param {"short" | "medium"} [timeStyle] "short": without seconds */
export function when(iso, timeStyle = "medium") {
  if (!iso) return "—";
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(region(), { ...(!today && { dateStyle: "medium" }), timeStyle }).format(at);
}

/** Seconds as m:ss. @param {number | null} seconds */
export const talk = (seconds) =>
  seconds === null ? "—" : `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;
