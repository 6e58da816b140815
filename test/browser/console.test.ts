// The console in a real browser, against the whole program: a file dropped, a bar that moves, a run that is stopped, in
// English and in Hebrew.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { signToken } from "../../src/api/token.ts";
import { jwtSecret } from "../../src/dev/keys.ts";
import { cli } from "../commands/cli.ts";
import { until } from "../support/until.ts";
import { findChromium, openBrowser, type Tab } from "./chromium.ts";
import { campaign } from "./play.ts";
import { EN, HE } from "./words.ts";

const chromium = findChromium();
const skip = chromium ? false : "no Chromium found: install one (apt-get install chromium), or name it in $CHROMIUM";

/** As the server would say it of the run at `path`, had every worker died ten minutes ago. */
const WORKERLESS = {
  status: "running",
  queued: 3,
  in_progress: 0,
  completed: 1,
  failed: 0,
  cancelled: 0,
  cursor_position: 1,
  total_leads: 4,
  concurrency: 3,
  created_at: new Date().toISOString(),
  ended_at: null,
  can_cancel: true,
  cancel_requested: false,
  waiting_for: { reason: "worker", last_heartbeat: new Date(Date.now() - 600_000).toISOString(), message: "…" },
};

describe("the console", { skip }, () => {
  it("starts, watches and stops a run, in English and in Hebrew", { timeout: 240_000 }, async (t) => {
    const program = cli(t);
    const started = program.start(["run"], { MAX_CALLS_PER_BUSINESS: "10", LOG_LEVEL: "warn" });
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

    await brokenStream(he);
    await withoutWorker(he);

    // An agent may look and call, but not import or delete.
    const agent = await browser.tab({ locale: "en-GB" });
    const secret = jwtSecret(program.dataDir);
    await signInAs(agent, url, await signToken({ secret, sub: "2", role: "agent", businessId: 1 }));
    await agent.page.getByRole("link", { name: EN.leads }).click();
    await agent.page.locator("tbody tr").first().waitFor();
    assert.equal(await agent.page.getByRole("button", { name: /Delete|Import/ }).count(), 0);

    // Refused: the server's own words, and the question for a token.
    await agent.page.getByRole("button", { name: "Sign out" }).click();
    await signInAs(agent, url, "not.a.token");
    await agent.page.getByRole("alert").getByText("Your sign-in is not valid").waitFor();
    await agent.page.getByLabel(EN.token).waitFor();
  });
});

async function signInAs({ page }: Tab, url: string, token: string): Promise<void> {
  await page.goto(`${url}/console`);
  await page.getByLabel(EN.token).fill(token);
  await page.getByRole("button", { name: EN.signIn }).click();
}

/** A stream that breaks off is taken up again where it was left; meanwhile the page says so. */
async function brokenStream({ page }: Tab): Promise<void> {
  await page.getByRole("link", { name: HE.runs, exact: true }).click();
  // The oldest has ended: the list itself does not watch it.
  const oldest = page.getByRole("link", { name: HE.run }).last();
  const events = `**/runs/${/\d+$/.exec((await oldest.getAttribute("href")) ?? "")?.[0]}/events`;
  const lastIds: (string | undefined)[] = [];
  await page.route(events, async (route) => {
    lastIds.push(route.request().headers()["last-event-id"]);
    await route.fulfill({ contentType: "text/event-stream", body: "retry: 50\nid: 7-abc\n\n" });
  });
  await oldest.click();
  await page.locator(".note", { hasText: HE.reconnecting }).waitFor();
  await until(() => lastIds.length > 2, "the stream was not taken up again");
  assert.deepEqual(lastIds.slice(0, 3), [undefined, "7-abc", "7-abc"]);
  await page.unroute(events);
}

/** No worker lives: a cancel would only wait, so that the one that does not is offered, and says what it does. */
async function withoutWorker(tab: Tab): Promise<void> {
  const { page } = tab;
  const run = { ...WORKERLESS, run_id: Number(/\d+$/.exec(page.url())?.[0]) };
  await page.route(/\/api\/outbound\/runs\/\d+$/, (route) => route.fulfill({ json: run }));
  await page.route("**/events", async (route) => {
    const body = `retry: 60000\nevent: progress\nid: 1\ndata: ${JSON.stringify(run)}\n\n`;
    await route.fulfill({ contentType: "text/event-stream", body });
  });
  await page.reload();
  await page.getByRole("button", { name: HE.forceCancel }).click();
  await tab.shoot("he-force-cancel");
  const sent = page.waitForRequest("**/force-cancel");
  await page.getByRole("dialog").getByRole("button", { name: HE.forceCancel }).click();
  assert.equal((await sent).method(), "POST");
}
