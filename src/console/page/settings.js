// What the business chose for its calls. Everybody may look; owners and admins may change.
import { get } from "./api.js";
import { h, put } from "./dom.js";
import { busy, faultBox } from "./fault.js";
import { field, select } from "./fields.js";
import { figure, t } from "./locale.js";
import { who } from "./session.js";

export function settingsView() {
  const inside = h("div", { class: "card" }, h("p", { class: "muted" }, t().loading));
  const fault = faultBox();
  async function load() {
    try {
      put(inside, form(await get("outbound/settings")));
    } catch (error) {
      put(inside, fault.node);
      fault.show(error, load);
    }
  }
  void load();
  return { node: h("div", { class: "narrow" }, h("h1", { tabindex: -1 }, t().settings), inside), close() {} };
}

/** @param {any} now */
function form(now) {
  const { manages } = who();
  const max = { type: "number", min: 1, max: 50, inputmode: "numeric", placeholder: now.defaults.max_calls };
  const languages = /** @type {const} */ ([
    ["", t().localeDefault],
    ["he", "עברית"],
    ["en", "English"],
  ]);
  const message = { rows: 3, maxlength: 4000 };
  const caller = { pattern: "\\+[1-9][0-9]{6,14}", placeholder: now.defaults.caller_id ?? "+97231234567" };
  const inputs = {
    max_calls: h("input", max),
    caller_id: h("input", { type: "tel", dir: "ltr", ...caller }),
    locale: select(languages.map(([value, text]) => [value, text])),
    message_he: h("textarea", { ...message, lang: "he", dir: "rtl" }),
    message_en: h("textarea", { ...message, lang: "en", dir: "ltr" }),
    voice_url: h("input", { type: "url", dir: "ltr", maxlength: 2048, placeholder: "https://" }),
  };
  const entries = Object.entries(inputs);
  /** What was read last, as the fields have it: they write line breaks in their own way. @type {Map<string, string>} */
  const shown = new Map();
  /** @param {any} settings */
  function show(settings) {
    for (const [name, input] of entries) {
      input.value = String(settings[name] ?? "");
      shown.set(name, input.value);
    }
  }
  show(now);
  for (const [, input] of entries) input.disabled = !manages;
  const fault = faultBox();
  const said = h("span", { class: "good-text", role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, t().save);

  async function save() {
    said.textContent = "";
    // Only what was changed here: the rest may have been changed by somebody else since it was read.
    const changed = entries.filter(([name, input]) => input.value !== shown.get(name));
    /** Empty: back to the default. */
    const json = Object.fromEntries(
      changed.map(([name, input]) => {
        const text = input.value.trim();
        return [name, text && name === "max_calls" ? Number(text) : text || null];
      }),
    );
    show(await get("outbound/settings", { method: "PUT", json }));
    said.textContent = t().saved;
  }
  return h(
    "form",
    { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), void busy(button, fault, save)) },
    h("p", { class: "muted" }, manages ? t().settingsHint : t().readOnly),
    field(t().maxCalls, inputs.max_calls, t().maxCallsHint(figure(now.defaults.max_calls))),
    field(t().callerId, inputs.caller_id, t().callerIdHint),
    field(t().locale, inputs.locale),
    field(t().messageHe, inputs.message_he, t().messageHint),
    field(t().messageEn, inputs.message_en, t().messageHint),
    field(t().voiceUrl, inputs.voice_url, t().voiceUrlHint),
    fault.node,
    manages && h("div", { class: "actions" }, button, said),
  );
}
