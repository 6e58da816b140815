// Asks for a token. It is checked here only for its shape: whether it is good, the first request tells.
import { h, newId, put } from "./dom.js";
import { field } from "./fields.js";
import { t } from "./locale.js";
import { claimsOf, signIn } from "./session.js";

/** @param {string} message why the user is here again; "" at first @param {() => void} done */
export function signInView(message, done) {
  const faultId = newId();
  const input = h("textarea", { rows: 4, dir: "ltr", required: true, spellcheck: "false", autocomplete: "off" });
  const business = h("input", { inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off" });
  const [tokenField, businessField] = [field(t().token, input), field(t().adminBusiness, business)];
  businessField.hidden = true;
  input.setAttribute("aria-describedby", faultId);
  const fault = h("div", { id: faultId, role: "alert" }, message && h("p", { class: "note bad" }, message));
  input.addEventListener("input", () => {
    business.required = claimsOf(input.value)["role"] === "system_admin";
    businessField.hidden = !business.required;
  });

  // A token is one line, so Enter signs in as in any field of one line; Shift+Enter still breaks it.
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    node.requestSubmit();
  });

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!/^(bearer\s+)?[\w-]+\.[\w-]+\.[\w-]+$/i.test(input.value.trim())) {
      put(fault, h("p", { class: "note bad" }, t().tokenBad));
      input.focus();
      return;
    }
    signIn(input.value, business.value);
    done();
  };
  const node = h(
    "form",
    { class: "card sign-in", onsubmit: submit },
    h("h1", { tabindex: -1 }, t().signIn),
    h("p", { class: "muted" }, t().signInHint),
    fault,
    tokenField,
    businessField,
    h("button", { type: "submit", class: "primary" }, t().signIn),
    h("p", { class: "hint" }, t().signInHelp),
  );
  return { node, close() {} };
}
