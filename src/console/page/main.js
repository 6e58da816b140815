// The page: who is signed in, which view the address names (#runs, #run/12, #leads, #calls, #settings), and in which language.
import { callsView } from "./calls.js";
import { h, put } from "./dom.js";
import { leadsView } from "./leads.js";
import { lang, setLang, t } from "./locale.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";
import { signOut, token, who } from "./session.js";
import { settingsView } from "./settings.js";
import { signInView } from "./signIn.js";

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
/** Kept: asked for again at every step, it would be missing when the server is away. */
const icon = h("img", { src: "console/icon.svg", alt: "", width: 28, height: 28 });
/** @type {{ node: HTMLElement, close: () => void } | undefined} */
let view;
/** By the server: every view would be refused again. */
let refused = false;

function viewOf(/** @type {string} */ hash) {
  const id = /^#run\/(\d+)$/.exec(hash)?.[1];
  if (id) return runView(Number(id));
  if (hash === "#leads") return leadsView();
  if (hash === "#calls") return callsView();
  if (hash === "#settings") return settingsView();
  return runsView();
}

/** @param {string} message the server's */
const refusedView = (message) => ({
  node: h(
    "div",
    { class: "narrow" },
    h("h1", { tabindex: -1 }, t().refused),
    h("p", { class: "note bad", role: "alert" }, message),
  ),
  close() {},
});

/**
 * @param {object} [how]
 * @param {string} [how.message] why the user has to sign in
 * @param {string} [how.refusal] why there is nothing to see for this token
 * @param {boolean} [how.focus] the user went somewhere, so the heading is read out
 */
function show({ message = "", refusal = "", focus = true } = {}) {
  view?.close();
  refused = refusal !== "";
  if (refused) view = refusedView(refusal);
  else view = token() ? viewOf(location.hash) : signInView(message, () => show());
  const main = h("main", { id: "main", tabindex: -1 }, view.node);
  put(app, h("a", { class: "skip", href: "#main", onclick: skipTo(main) }, t().skip), header(), main);
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent ?? ""} · Ringpost`;
  if (focus) heading?.focus();
}

/** The address stays: it names the view. @param {HTMLElement} main */
const skipTo = (main) => (/** @type {Event} */ event) => {
  event.preventDefault();
  main.focus();
};

function header() {
  const other = lang() === "he" ? "en" : "he";
  const switchTo = () => {
    setLang(other);
    show({ focus: false });
    document.getElementById("lang")?.focus();
  };
  const here = location.hash.startsWith("#run/") || location.hash === "" ? "#runs" : location.hash;
  const link = (/** @type {string} */ href, /** @type {string} */ text) =>
    h("a", { href, "aria-current": href === here && "page" }, text);
  const me = who();
  return h(
    "header",
    {},
    h("span", { class: "brand", dir: "ltr" }, icon, "Ringpost"),
    token() &&
      !refused &&
      h(
        "nav",
        { "aria-label": t().nav },
        link("#runs", t().runs),
        link("#leads", t().leads),
        link("#calls", t().calls),
        link("#settings", t().settings),
      ),
    h(
      "div",
      { class: "me" },
      token() && h("span", { class: "muted" }, `${t().business} ${me.business} · ${t().roles[me.role] ?? me.role}`),
      h(
        "button",
        { type: "button", class: "quiet", id: "lang", lang: other, onclick: switchTo },
        { he: "עברית", en: "English" }[other],
      ),
      token() && h("button", { type: "button", class: "quiet", onclick: () => (signOut(), show()) }, t().signOut),
    ),
  );
}

addEventListener("hashchange", () => show());
addEventListener("signed-out", (event) => show({ message: /** @type {CustomEvent<string>} */ (event).detail }));
addEventListener("refused", (event) => {
  // Every part of the view has asked, and each was refused.
  if (!refused) show({ refusal: /** @type {CustomEvent<string>} */ (event).detail });
});
// A file dropped beside the box would replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
show({ focus: false });
