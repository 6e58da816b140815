// What the business chose for its calls. Everybody may look; owners and admins may change.
import { get } from "./api.js";
import { busy, faultNote } from "./dialog.js";
import { h, newId, put } from "./dom.js";
import { figure, t } from "./locale.js";
import { who } from "./session.js";

export function settingsView() {
  const inside = h("div", { class: "card" }, h("p", { class: "muted" }, t().loading));
  async function load() {
    try {
      put(inside, form(await get("outbound/settings")));
    } catch (error) {
      put(
        inside,
        faultNote(error, () => void load()),
      );
    }
  }
  void load();
  return { node: h("div", { class: "narrow" }, h("h1", { tabindex: -1 }, t().settings), inside), close() {} };
}

/** @param {any} now */
function form(now) {
  const { manages } = who();
  const max = { type: "number", min: 1, max: 50, inputmode: "numeric", placeholder: now.defaults.max_calls };
  const fields = {
    max_calls: field(t().maxCalls, t().maxCallsHint(figure(now.defaults.max_calls)), h("input", max)),
    caller_id: field(
      t().callerId,
      t().callerIdHint,
      h("input", {
        type: "tel",
        dir: "ltr",
        pattern: "\\+[1-9][0-9]{6,14}",
        placeholder: now.defaults.caller_id ?? "+97231234567",
      }),
    ),
    locale: field(
      t().locale,
      "",
      h(
        "select",
        {},
        ...["", "he", "en"].map((value) =>
          h("option", { value }, { "": t().localeDefault, he: "עברית", en: "English" }[value]),
        ),
      ),
    ),
    message_he: field(
      t().messageHe,
      t().messageHint,
      h("textarea", { rows: 3, maxlength: 4000, lang: "he", dir: "rtl" }),
    ),
    message_en: field(
      t().messageEn,
      t().messageHint,
      h("textarea", { rows: 3, maxlength: 4000, lang: "en", dir: "ltr" }),
    ),
    voice_url: field(
      t().voiceUrl,
      t().voiceUrlHint,
      h("input", { type: "url", dir: "ltr", maxlength: 2048, placeholder: "https://" }),
    ),
  };
  const entries = Object.entries(fields);
  for (const [name, { input }] of entries) {
    input.value = String(now[name] ?? "");
    input.disabled = !manages;
  }
  const fault = h("div");
  const said = h("span", { class: "good-text", role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, t().save);

  async function save() {
    said.textContent = "";
    /** Empty: back to the default. */
    const wish = Object.fromEntries(entries.map(([name, { input }]) => [name, input.value.trim() || null]));
    const json = { ...wish, max_calls: wish["max_calls"] ? Number(wish["max_calls"]) : null };
    await get("outbound/settings", { method: "PUT", json });
    said.textContent = t().saved;
  }
  return h(
    "form",
    { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), void busy(button, fault, save)) },
    h("p", { class: "muted" }, manages ? t().settingsHint : t().readOnly),
    ...entries.map(([, { node }]) => node),
    fault,
    manages && h("div", { class: "actions" }, button, said),
  );
}

/**
 * @template {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} I
 * @param {string} label @param {string} hint @param {I} input
 */
function field(label, hint, input) {
  input.id = newId();
  const note = hint && h("p", { class: "hint", id: newId() }, hint);
  if (note) input.setAttribute("aria-describedby", note.id);
  return { input, node: h("div", { class: "field" }, h("label", { for: input.id }, label), input, note) };
}
