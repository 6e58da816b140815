// A question before something that cannot be undone. The browser's own modal dialog: it keeps the focus inside, closes on
// Escape, and gives the focus back to the button that asked.
import { h, newId } from "./dom.js";
import { choice } from "./fields.js";

/**
 * @param {object} wish
 * @param {string} wish.title
 * @param {(string | Node)[]} wish.lines what will happen
 * @param {string} wish.yes
 * @param {string} wish.no
 * @param {Node | false} [wish.extra]
 * @param {string} [wish.pledge] to be ticked before "yes" can be pressed
 * @param {boolean} [wish.danger]
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, lines, yes, no, extra, pledge, danger = false }) {
  const [titleId, textId] = [newId(), newId()];
  const dialog = h("dialog", { "aria-labelledby": titleId, "aria-describedby": textId });
  // The harmless answer is at hand first: Enter on a dialog that surprised somebody does nothing.
  const refuse = h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, no);
  const tone = danger ? "danger" : "primary";
  const agree = h("button", { type: "button", class: tone, onclick: () => dialog.close("yes") }, yes);
  agree.disabled = pledge !== undefined;
  const box = h("input", { type: "checkbox", onchange: () => (agree.disabled = !box.checked) });
  dialog.append(
    h("h2", { id: titleId }, title),
    h("div", { id: textId }, ...lines.map((line) => h("p", {}, line))),
    ...(extra ? [extra] : []),
    ...(pledge ? [choice(pledge, box)] : []),
    h("div", { class: "actions end" }, refuse, agree),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }),
  );
}
