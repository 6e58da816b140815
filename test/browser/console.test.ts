// The console in a real browser, against the whole program: a file dropped, a bar that moves, a run that is stopped, in
// English and in Hebrew.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Locator } from "playwright-core";
import { cli } from "../commands/cli.ts";
import { until } from "../support/until.ts";
import { findChromium, openBrowser, type Tab } from "./chromium.ts";

const chromium = findChromium();
const skip = chromium ? false : "no Chromium found: install one (apt-get install chromium), or name it in $CHROMIUM";

const LEADS = 60;
/** A name that would do harm if it were ever read as markup. */
const HOSTILE = `<img src=x onerror="alert(1)">`;
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

interface Words {
  dir: string;
  signIn: string;
  token: string;
  start: string;
  atOnce: string;
  leftOut: RegExp;
  run: RegExp;
  progress: string;
  stop: string;
  keep: string;
  hangUp: string;
  stopped: string;
  audit: string;
  created: string;
  endedIt: string;
  runs: string;
  calls: string;
  settings: string;
  save: string;
  saved: string;
}

const EN: Words = {
  dir: "ltr",
  signIn: "Sign in",
  token: "Access token",
  start: "Start calling",
  atOnce: "Calls at the same time",
  leftOut: /2 rows were left out/,
  run: /^Run \d+$/,
  progress: "Progress",
  stop: "Stop now",
  keep: "Keep calling",
  hangUp: "Also hang up live calls",
  stopped: "Stopped",
  audit: "Who did what, and when",
  created: "Created the run",
  endedIt: "Stopped the run",
  runs: "Runs",
  calls: "Calls",
  settings: "Settings",
  save: "Save",
  saved: "Saved.",
};
const HE: Words = {
  dir: "rtl",
  signIn: "כניסה",
  token: "אסימון גישה",
  start: "התחלת חיוג",
  atOnce: "שיחות בו-זמנית",
  leftOut: /2 שורות לא יובאו/,
  run: /^ריצה \d+$/,
  progress: "התקדמות",
  stop: "עצירה מיידית",
  keep: "להמשיך לחייג",
  hangUp: "לנתק גם שיחות פעילות",
  stopped: "נעצרה",
  audit: "מי עשה מה, ומתי",
  created: "יצירת הריצה",
  endedIt: "עצירת הריצה",
  runs: "ריצות",
  calls: "שיחות",
  settings: "הגדרות",
  save: "שמירה",
  saved: "נשמר.",
};

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
async function campaign(tab: Tab, ...rest: [Words, string, string, string]): Promise<void> {
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
  await until(async () => (await done(bar)) > 0, "the bar never moved");
  assert.equal(await page.evaluate(BAR_FILLED), true, "the parts of the bar do not fill it side by side");
  await calmly(tab, name, "runs");
  const before = await done(bar);
  await until(async () => (await done(bar)) > before, "the bar stood still");

  await page.getByRole("link", { name: w.run }).first().click();
  await page.locator(".live .phone").first().waitFor();
  await page.locator("td.who", { hasText: HOSTILE }).waitFor();
  assert.equal(await page.locator("[onerror]").count(), 0);
  await page.locator(".charts svg").first().waitFor();
  await calmly(tab, name, "run");

  await stop(tab, w, name);
  assert.equal(await page.evaluate(() => "here" in globalThis), true, "the page was reloaded");

  await page.getByRole("link", { name: w.calls, exact: true }).click();
  await page.locator("tbody tr").first().waitFor();
  await calmly(tab, name, "calls");
  await page.getByRole("link", { name: w.settings }).click();
  await page.locator("textarea").first().waitFor();
  await page.locator("input[type=number]").fill("9");
  await page.getByRole("button", { name: w.save }).click();
  await page.getByText(w.saved).waitFor();
  await calmly(tab, name, "settings");
  assert.deepEqual(tab.faults, []);
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

describe("the console", { skip }, () => {
  it("starts, watches and stops a run, in English and in Hebrew", { timeout: 120_000 }, async (t) => {
    const started = cli(t).start(["run"], { MAX_CALLS_PER_BUSINESS: "10", LOG_LEVEL: "warn" });
    const browser = await openBrowser(t, chromium ?? "");
    await started.says(/Ctrl-C/, 60_000);
    const url = /console +(http\S+)\/console/.exec(started.text())?.[1] ?? "";
    const tokens = [...started.text().matchAll(/, token:\s+(\S+)/g)].map((match) => match[1] ?? "");
    const [en, he] = [
      await browser.tab({ locale: "en-GB" }),
      await browser.tab({ locale: "he-IL", colorScheme: "light" }),
    ];
    await Promise.all([campaign(en, EN, "en", url, tokens[0] ?? ""), campaign(he, HE, "he", url, tokens[1] ?? "")]);

    await en.page.emulateMedia({ colorScheme: "dark" });
    await en.page.getByRole("link", { name: "Runs" }).click();
    await en.page.locator(".run").first().waitFor();
    assert.deepEqual(await en.axe(), [], "axe, dark");
    await en.shoot("en-dark");
    // The language is remembered.
    await en.page.getByRole("button", { name: "עברית" }).click();
    await en.page.reload();
    await en.page.getByRole("link", { name: HE.run }).first().waitFor();
    assert.equal(await en.page.getAttribute("html", "dir"), "rtl");
    assert.deepEqual([...en.faults, ...he.faults], []);

    // A stream that breaks off is taken up again where it was left.
    const lastIds: (string | undefined)[] = [];
    await he.page.route("**/events", async (route) => {
      lastIds.push(route.request().headers()["last-event-id"]);
      await route.fulfill({ contentType: "text/event-stream", body: "retry: 50\nid: 7-abc\n\n" });
    });
    await he.page.getByRole("link", { name: HE.runs, exact: true }).click();
    await he.page.getByRole("link", { name: HE.run }).first().click();
    await until(() => lastIds.length > 2, "the stream was not taken up again");
    assert.deepEqual(lastIds.slice(0, 3), [undefined, "7-abc", "7-abc"]);

    // Refused: the server's own words, and the question for a token.
    const stranger = await browser.tab({ locale: "en-GB" });
    await stranger.page.goto(`${url}/console`);
    await stranger.page.getByLabel(EN.token).fill("not.a.token");
    await stranger.page.getByRole("button", { name: EN.signIn }).click();
    await stranger.page.getByRole("alert").getByText("Your sign-in is not valid").waitFor();
    await stranger.page.getByLabel(EN.token).waitFor();
  });
});
