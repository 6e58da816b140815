// What a person does in the console, from the sign-in to the settings, in either language; each view is looked at by axe,
// on a phone too, and photographed.
import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import { until } from "../support/until.ts";
import type { Tab } from "./chromium.ts";
import type { Words } from "./words.ts";

const LEADS = 60;
/** A name that would do harm if it were ever read as markup. */
const HOSTILE = `<img src=x onerror="alert(1)">`;
/** Calls of the stand-in take up to ten seconds, on a machine that has nothing else to do. */
const CALLS_MS = 30_000;
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

/** In the page: what sticks out at the side, if the page can be scrolled there. */
const TOO_WIDE = `document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *, header *")]
  .filter((e) => e.getBoundingClientRect().left < -0.5 || e.getBoundingClientRect().right > innerWidth + 0.5)
  .map((e) => e.outerHTML.slice(0, 120))`;

/** In the page: the parts of the bar stand side by side, and together are as long as it. */
const BAR_FILLED = `(() => {
  const parts = [...document.querySelector(".bar").children].map((part) => part.getBoundingClientRect());
  const bar = document.querySelector(".bar").getBoundingClientRect();
  const length = parts.reduce((sum, part) => sum + part.width, 0);
  return Math.abs(length - bar.width) < 2 && parts.every((part) => part.height === bar.height);
})()`;

/** Distinct numbers per language: the stand-in rings nobody. */
function csv(n: number, prefix: string): string {
  const rows = Array.from({ length: n }, (_, i) => `Lead ${i + 1},${prefix}${String(i).padStart(4, "0")}`);
  return ["name,phone", `"${HOSTILE.replaceAll('"', '""')}",${prefix}9999`, ...rows, "Nobody,123", "No number,"].join(
    "\n",
  );
}

/** Drops a file as the mouse would: with a DataTransfer made in the page. */
async function drop(tab: Tab, name: string, text: string): Promise<void> {
  const data = await tab.page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: "text/csv" }));
    return transfer;
  })()`);
  await tab.page.dispatchEvent(".drop", "dragenter", { dataTransfer: data });
  await tab.page.dispatchEvent(".drop", "drop", { dataTransfer: data });
}

const done = async (bar: Locator) => Number(await bar.getAttribute("aria-valuenow"));

async function calmly(tab: Tab, name: string, where: string): Promise<void> {
  assert.deepEqual(await tab.axe(), [], `axe, ${name} ${where}`);
  await tab.page.setViewportSize(PHONE);
  await tab.shoot(`${name}-${where}-phone`);
  const wide = await tab.page.evaluate(TOO_WIDE);
  assert.deepEqual(wide, [], `wider than a phone, ${name} ${where}`);
  await tab.page.setViewportSize(DESKTOP);
  await tab.shoot(`${name}-${where}`);
}

/** As below; what the page showed when it went wrong is kept as a picture. */
export async function campaign(tab: Tab, ...rest: [Words, string, string, string]): Promise<void> {
  await play(tab, ...rest).catch(async (error: unknown) => {
    await tab.shoot(`${rest[1]}-failed`);
    throw error;
  });
}

async function play(tab: Tab, w: Words, name: string, url: string, token: string): Promise<void> {
  const { page } = tab;
  await page.goto(`${url}/console`);
  assert.equal(await page.getAttribute("html", "dir"), w.dir);
  await tab.shoot(`${name}-sign-in`);
  assert.deepEqual(await tab.axe(), [], "axe, sign-in");
  await page.getByLabel(w.token).fill(token);
  await page.getByRole("button", { name: w.signIn }).click();

  await drop(tab, "leads.csv", csv(LEADS, w.dir === "rtl" ? "052611" : "052622"));
  await page.getByLabel(w.atOnce).selectOption("10");
  await page.getByRole("button", { name: w.start }).click();
  await page.getByText(w.leftOut).waitFor();

  const bar = page.getByRole("progressbar", { name: w.progress }).first();
  // Nobody reloads: the mark would be gone.
  await page.evaluate(() => Object.assign(globalThis, { here: true }));
  await until(async () => (await done(bar)) > 0, "the bar never moved", CALLS_MS);
  assert.equal(await page.evaluate(BAR_FILLED), true, "the parts of the bar do not fill it side by side");
  await calmly(tab, name, "runs");
  const before = await done(bar);
  await until(async () => (await done(bar)) > before, "the bar stood still", CALLS_MS);

  await page.getByRole("link", { name: w.run }).first().click();
  await page.locator(".live .phone").first().waitFor();
  await page.locator("td.who", { hasText: HOSTILE }).first().waitFor();
  assert.equal(await page.locator("[onerror]").count(), 0);
  await page.locator(".charts svg").first().waitFor();
  await calmly(tab, name, "run");

  await cleanUp(tab, w);
  await stop(tab, w, name);
  assert.equal(await page.evaluate(() => "here" in globalThis), true, "the page was reloaded");

  await leads(tab, w, name);

  await page.getByRole("link", { name: w.calls, exact: true }).click();
  await page.locator("tbody tr").first().waitFor();
  await calmly(tab, name, "calls");
  await page.getByRole("link", { name: w.settings }).click();
  await page.locator("textarea").first().waitFor();
  await page.locator("input[type=number]").fill("9");
  await page.getByRole("button", { name: w.save }).click();
  await page.getByText(w.saved).waitFor();
  await calmly(tab, name, "settings");
  // The browser notes each refusal; the page says the two in words, above.
  assert.deepEqual(
    tab.faults.splice(0).map((fault) => /status of (\d+)/.exec(fault)?.[1] ?? fault),
    ["429", "409"],
  );
}

async function stop({ page, shoot, axe }: Tab, w: Words, name: string): Promise<void> {
  const button = page.getByRole("button", { name: w.stop });
  await button.press("Enter");
  const dialog = page.getByRole("dialog");
  // The harmless answer has the focus; Escape closes, and gives the focus back.
  assert.equal(await page.locator(":focus").textContent(), w.keep);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(":focus").textContent(), w.stop);
  await button.click();
  await dialog.getByLabel(w.hangUp).check();
  await shoot(`${name}-stop`);
  assert.deepEqual(await axe(), [], "axe, dialog");
  await dialog.getByRole("button", { name: w.stop }).click();
  await page.locator("h1 + .pill", { hasText: w.stopped }).waitFor();
  await button.waitFor({ state: "hidden" });

  const trail = page.getByRole("region", { name: w.audit });
  await trail.getByText(w.endedIt).waitFor();
  await trail.getByText(w.created).waitFor();
  await page.locator(".in_progress dd", { hasText: /^0$/ }).waitFor();
  await shoot(`${name}-stopped`);
}

/** Nothing is stuck, and asked again at once, the server says no in words. */
async function cleanUp({ page }: Tab, w: Words): Promise<void> {
  await page.getByRole("link", { name: w.runs, exact: true }).click();
  for (const answer of [w.nothingStuck, w.tooSoon]) {
    await page.getByRole("button", { name: w.cleanUp }).click();
    await page.getByRole("dialog").getByRole("button", { name: w.cleanUp }).click();
    await page.locator(".clean-up").getByText(answer).waitFor();
  }
  await page.goBack();
}

async function leads(tab: Tab, w: Words, name: string): Promise<void> {
  const { page } = tab;
  await page.getByRole("link", { name: w.leads, exact: true }).click();
  const rows = page.locator("tbody tr");
  await rows.first().waitFor();
  await calmly(tab, name, "leads");

  // One of the stopped run has a job: it stays, and the server says why.
  await page.getByLabel(w.search).fill("Lead 60");
  await until(async () => (await rows.count()) === 1, "the search found more, or nothing");
  await page.getByLabel(w.selectPage).check();
  await page.getByRole("button", { name: w.deleteThese }).click();
  const dialog = page.getByRole("dialog");
  await tab.shoot(`${name}-delete`);
  await dialog.getByRole("button", { name: w.delete, exact: true }).click();
  await page.getByRole("alert").getByText(w.hasCalls).waitFor();

  await page.getByRole("button", { name: w.callThese }).click();
  await dialog.getByRole("button", { name: w.start }).click();
  await page.getByRole("link", { name: w.openRun }).waitFor();
  assert.equal(await page.locator(":focus").textContent(), w.openRun);

  // Nobody has called the demo's own.
  await page.getByLabel(w.search).fill("Demo lead 7");
  await page.getByRole("button", { name: /Demo lead 7$/ }).click();
  await dialog.getByRole("button", { name: w.delete, exact: true }).click();
  await page.getByText(w.deleted).waitFor();
  await until(async () => (await rows.count()) === 0, "the lead is still there");

  await page.getByRole("button", { name: w.deleteAll }).click();
  assert.equal(await dialog.getByRole("button", { name: w.delete, exact: true }).isDisabled(), true);
  await dialog.getByRole("checkbox").check();
  assert.deepEqual(await tab.axe(), [], "axe, delete all");
  await page.keyboard.press("Escape");
}
