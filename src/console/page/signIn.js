// Asks for a token. It is checked here only for its shape: whether it is good, the first request tells.
import { h, newId, put } from "./dom.js";
import { t } from "./locale.js";
import { claimsOf, signIn } from "./session.js";

/** @param {string} message why the user is here again; "" at first @param {() => void} done */
export function signInView(message, done) {
  const [tokenId, businessId, faultId] = [newId(), newId(), newId()];
  const input = h("textarea", {
    id: tokenId,
    rows: 4,
    dir: "ltr",
    required: true,
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": faultId,
  });
  const business = h("input", { id: businessId, inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off" });
  const businessField = h(
    "div",
    { class: "field", hidden: true },
    h("label", { for: businessId }, t().adminBusiness),
    business,
  );
  const fault = h("div", { id: faultId, role: "alert" }, message && h("p", { class: "note bad" }, message));
  input.addEventListener("input", () => {
    business.required = claimsOf(input.value)["role"] === "system_admin";
    businessField.hidden = !business.required;
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
    h("div", { class: "field" }, h("label", { for: tokenId }, t().token), input),
    businessField,
    h("button", { type: "submit", class: "primary" }, t().signIn),
    h("p", { class: "hint" }, t().signInHelp),
  );
  return { node, close() {} };
}
