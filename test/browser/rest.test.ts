// What the console says and offers once a run was ended early, and before a list is called again, in a real browser.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "drizzle-orm";
import { until } from "../support/until.ts";
import { findChromium } from "./chromium.ts";
import { aShopWithConsole, ENDLESS, SLOW } from "./shop.ts";

const chromium = findChromium();
const skip = chromium ? false : "no Chromium found: install one (apt-get install chromium), or name it in $CHROMIUM";
const LEADS = 24;

describe("the console, when a run was ended early", { skip }, () => {
  it("calls the rest of a stopped run, and asks before a list is called again", { timeout: 120_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "");
    const { w } = shop;
    const list = await shop.list(LEADS);
    // Three calls end by themselves, and the next three not before the run is stopped.
    const quick = await w.numbersOf(list.leads.slice(0, 3));
    await w.carrier.setScripts([...quick.map((to) => ({ ...SLOW, to })), ENDLESS]);
    await w.worker();
    const tab = await shop.signedIn();
    const { page } = tab;
    const dialog = page.getByRole("dialog");
    const start = page.getByRole("button", { name: "Start calling" });

    // Nobody of the list was called: no question.
    await page.getByLabel("List").selectOption(String(list.id));
    await start.click();
    await page.getByRole("link", { name: "Open the run" }).click();
    const done = page.locator(".bar + p");
    await until(async () => Number(await page.getByRole("progressbar").getAttribute("aria-valuenow")) >= 3, "no call");
    await page.getByRole("button", { name: "Stop now" }).click();
    await dialog.getByRole("button", { name: "Stop now" }).click();
    await page.locator("h1 + .pill", { hasText: "Stopped" }).waitFor();
    const said = page.locator(".deeds [role=status]");
    await until(
      async () => /^Stopped\. \d+ waiting calls were cancelled\.$/.test((await said.textContent()) ?? ""),
      "?",
    );
    await until(
      async () => /^\d+ called, \d+ cancelled$/.test((await done.textContent()) ?? ""),
      "not called, cancelled",
    );
    const { cancelled } = await w.run(1);
    await shop.endCalls();
    await page.locator(".in_progress dd", { hasText: /^0$/ }).waitFor();
    assert.equal(await done.textContent(), `${LEADS - cancelled} called, ${cancelled} cancelled`);
    assert.match((await said.textContent()) ?? "", /^Stopped\./, "it is still so");

    const rest = page.getByRole("button", { name: `Call the ${cancelled} cancelled` });
    await rest.click();
    await dialog.getByText("Whoever was called meanwhile is left out.").waitFor();
    assert.deepEqual(await tab.axe(), [], "axe, the rest");
    await tab.shoot("en-rest");
    await dialog.getByRole("button", { name: "Start calling" }).click();
    await page.locator(".note", { hasText: `Run 2 has started: ${cancelled} leads are waiting` }).waitFor();
    assert.equal(await page.locator(":focus").textContent(), "Open the run");
    await rest.waitFor({ state: "hidden" });
    await page.getByRole("region", { name: "Who did what" }).getByText("Called the cancelled leads").waitFor();
    await w.untilRun(2, "completed");
    assert.equal((await w.carrier.report()).accepted, LEADS);

    // Another person's page still has the button: it calls nobody, and says why.
    await page.reload();
    await rest.click();
    await dialog.getByRole("button", { name: "Start calling" }).click();
    await page.getByRole("alert").getByText("None of the leads can be called.").waitFor();
    await page.getByText(`called already: ${cancelled}`).waitFor();

    // The whole list was called: only all of it again is left, and not now is at hand.
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByLabel("List").selectOption(String(list.id));
    await start.click();
    await dialog.getByText(/^24 of 24 leads were called already \(last: (.+, )?\d\d:\d\d\)\.$/).waitFor();
    assert.equal(await dialog.getByRole("radio").count(), 0);
    await dialog.getByRole("button", { name: "Not now" }).click();
    await page.locator("form button:focus", { hasText: "Start calling" }).waitFor();

    // With two new ones, those are called and nobody else.
    await shop.putInto(list.id, await w.leads(shop.business, 2));
    await start.click();
    await dialog.getByText(/^24 of 26 leads/).waitFor();
    assert.equal(await dialog.getByLabel("Only those not yet called (2)").isChecked(), true);
    assert.deepEqual(await tab.axe(), [], "axe, again");
    await tab.shoot("en-again");
    await dialog.getByRole("button", { name: "Start calling" }).click();
    await page.getByText("called already: 24").waitFor();
    const third = Number(/\d+$/.exec((await page.locator(".note.good a").getAttribute("href")) ?? "")?.[0]);
    assert.equal((await w.run(third)).total, 2);
    await w.untilRun(third, "completed");
    assert.equal((await w.carrier.report()).accepted, LEADS + 2);

    await page.getByLabel("List").selectOption(String(list.id));
    await start.click();
    await dialog.getByRole("button", { name: "All again (26)" }).click();
    await page.locator(".note", { hasText: /Run \d+ has started: 26 leads/ }).waitFor();
    assert.deepEqual(
      tab.faults.map((fault) => /status of (\d+)/.exec(fault)?.[1] ?? fault),
      ["409"],
    );
  });

  it("says in Hebrew too how many were called, with separators", { timeout: 60_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "");
    const { runId } = await shop.w.aRun({ business: shop.business, status: "stopped", jobs: { cancelled: 1 } });
    const counts = sql`completed_count = 20, failed_count = 8, cancelled_count = 19972, cursor_position = 20000`;
    await shop.w.db.execute(sql`update outbound_call_runs set ${counts}, total_leads = 20000 where id = ${runId}`);
    const tab = await shop.signedIn({ locale: "he-IL" });
    const { page } = tab;
    await page.getByText("28 קיבלו שיחה, 19,972 בוטלו").waitFor();
    await page.getByRole("button", { name: "חיוג ל-19,972 שבוטלו" }).click();
    await page.getByRole("dialog").getByText("לחייג אל 19,972 הלידים שבוטלו?").waitFor();
    await tab.shoot("he-rest");
    await page.keyboard.press("Escape");
    await page.locator("#lang").click();
    await page.getByText("28 called, 19,972 cancelled").waitFor();
    await page.getByRole("button", { name: "Call the 19,972 cancelled" }).waitFor();
    assert.deepEqual(tab.faults, []);
  });

  it("takes back what an action said when it is no longer so", { timeout: 60_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "", ENDLESS);
    const { w } = shop;
    await w.worker();
    const { page } = await shop.signedIn();
    await w.enqueue(shop.business, await w.leads(shop.business, 9));
    await w.untilRun(1, (run) => run.status === "running");
    await page.goto(`${shop.url}#run/1`);
    const said = page.locator(".deeds [role=status]");
    await page.getByRole("button", { name: "Cancel run" }).press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel run" }).press("Enter");
    await said.getByText("Cancelling: no further calls will be made.").waitFor();
    await page.locator("h1 + .pill", { hasText: "Cancelling" }).waitFor();
    // The button went from under the focus; what was said keeps it, and tells what is so now.
    await until(
      async () => (await page.locator(":focus").getAttribute("role")) === "status",
      async () => `the focus is on ${String(await page.evaluate("document.activeElement.outerHTML"))}`,
    );
    await shop.endCalls();
    await page.locator("h1 + .pill", { hasText: "Cancelled" }).waitFor();
    await until(async () => (await said.textContent()) === "Cancelled", "the message still says what is not so");
    assert.equal(await page.evaluate("document.activeElement.getAttribute('role')"), "status");
  });
});
