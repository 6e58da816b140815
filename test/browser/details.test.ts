// Small things of the console that newcomers stumble over, in a real browser.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SignJWT } from "jose";
import { SECRET } from "../api/harness.ts";
import { until } from "../support/until.ts";
import { findChromium } from "./chromium.ts";
import { aShopWithConsole, ENDLESS, signIn } from "./shop.ts";

const chromium = findChromium();
const skip = chromium ? false : "no Chromium found: install one (apt-get install chromium), or name it in $CHROMIUM";

describe("the console's sign-in", { skip }, () => {
  it("takes Enter for the button, and Shift+Enter for a line", { timeout: 60_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "");
    const { page } = await shop.browser.tab({ locale: "en-GB" });
    await page.goto(shop.url);
    const box = page.getByLabel("Access token");
    await box.press("Enter");
    await box.fill(await shop.tokenOf("owner"));
    await box.press("Shift+Enter");
    assert.match(await box.inputValue(), /\n$/);
    await box.press("Enter");
    await page.getByRole("heading", { name: "Start calling" }).waitFor();
  });

  it(
    "shows a token of an unknown role the refusal, and nothing that would not work",
    { timeout: 60_000 },
    async (t) => {
      const shop = await aShopWithConsole(t, chromium ?? "");
      const tab = await shop.browser.tab({ locale: "en-GB" });
      const claims = { business_id: shop.business.id, role: "janitor", pages: ["calls_outbound"] };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("7")
        .setExpirationTime("1h")
        .sign(new TextEncoder().encode(SECRET));
      await signIn(tab, shop.url, token);
      const { page } = tab;
      await page.getByRole("alert").getByText("You are not allowed to do this.").waitFor();
      assert.equal(await page.getByRole("heading", { name: "No access" }).count(), 1);
      assert.deepEqual(await page.locator("form, nav, select").count(), 0);
      assert.deepEqual(await tab.axe(), []);
      await tab.shoot("en-refused");
      await page.locator("#lang").click();
      await page.getByRole("alert").getByText("אין לך הרשאה לפעולה זו.").waitFor();
      await page.getByRole("button", { name: "יציאה" }).click();
      await signIn(tab, shop.url, await shop.tokenOf("agent"));
      await page.getByRole("heading", { name: "התחלת חיוג" }).waitFor();
    },
  );
});

describe("a healthy run in the console", { skip }, () => {
  it("says calmly when its next call comes, and what is under way is no outcome", { timeout: 60_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "", ENDLESS);
    const { w } = shop;
    await w.worker();
    await w.enqueue(shop.business, await w.leads(shop.business, 5));
    const tab = await shop.signedIn();
    const { page } = tab;
    await page.goto(`${shop.url}#run/1`);
    await page.locator(".note", { hasText: /^Next call: All 3 lines are busy/ }).waitFor();
    assert.equal(await page.getByText("Why nothing new").count(), 0);

    const overTime = page.locator("figure", { hasText: "Calls over time" });
    await overTime.locator(".key", { hasText: "In progress" }).waitFor();
    const drawn = async (tone: string) => {
      const heights = `[...document.querySelectorAll("rect.column${tone}")].map((e) => Number(e.getAttribute("height")))`;
      return Math.max(0, ...(await page.evaluate<number[]>(heights)));
    };
    await until(async () => (await drawn(".live")) > 0, "no call is drawn");
    assert.equal(await drawn(":not(.live)"), 0, "a call under way counts as another outcome");
    await tab.shoot("en-live-run");
    await shop.endCalls();
    await w.untilRun(1, "completed", 30_000);
    await overTime.locator(".key", { hasText: "In progress" }).waitFor({ state: "detached" });
    assert.deepEqual(tab.faults, []);
  });

  it("gives calls of one second one time", { timeout: 60_000 }, async (t) => {
    const shop = await aShopWithConsole(t, chromium ?? "");
    const call = { status: "completed", started_at: "2026-01-02T03:04:05.100Z", lead_name: "Dana", duration: 3 };
    const items = [{ ...call, started_at: "2026-01-02T03:04:05.900Z" }, call];
    const { page } = await shop.signedIn();
    await page.route("**/recent-calls?*", (route) =>
      route.fulfill({ json: { total: 2, page: 1, page_size: 25, items } }),
    );
    await page.getByRole("link", { name: "Calls" }).click();
    await page.locator(".axis-ends").waitFor();
    assert.equal(await page.locator(".axis-ends > span").count(), 1);
    assert.match((await page.locator(".columns").getAttribute("aria-label")) ?? "", /^2 calls at .*, at most/);
  });
});
