// A business with its API, a worker and the stand-in, in this process, and tabs that are signed in to its console.
import type { TestContext } from "node:test";
import { sql } from "drizzle-orm";
import type { BrowserContextOptions } from "playwright-core";
import { row } from "../../db/client.ts";
import type { Role } from "../../src/api/auth.ts";
import { startApi } from "../../src/api/server.ts";
import { signToken } from "../../src/api/token.ts";
import type { ScriptRule } from "../../src/dev/twilio/scripts.ts";
import { SECRET } from "../api/harness.ts";
import { world } from "../support/world.ts";
import { aRealApi } from "../tenancy/realApi.ts";
import { openBrowser, type Tab } from "./chromium.ts";

/** Long enough for people to press a button meanwhile. */
export const SLOW: ScriptRule = { talkMs: 400 };
/** Until endCalls: what the page shows of live calls stays, however long the browser takes to get there. */
export const ENDLESS: ScriptRule = { talkMs: 600_000 };

export async function aShopWithConsole(t: TestContext, chromium: string, script: ScriptRule = SLOW) {
  const w = await world(t, { carrier: { scripts: [script] }, limits: { maxCallsPerBusiness: 3 } });
  const business = await w.business();
  const { deps } = aRealApi(w.db, t);
  const api = await startApi({ ...deps, listen: { host: "127.0.0.1", port: 0 } });
  t.after(() => api.close(0));
  const browser = await openBrowser(t, chromium);
  const url = `${api.url}/console`;

  return {
    w,
    business,
    browser,
    url,
    tokenOf: (role: Role) => signToken({ secret: SECRET, sub: "7", role, businessId: business.id }),
    /** An imported list of so many leads. */
    async list(count: number): Promise<{ id: number; leads: number[] }> {
      const made = await row<{ id: number }>(
        w.db,
        sql`insert into outbound_lead_lists (tenant_id, name) values (${business.id}, 'Demo list') returning id`,
      );
      const leads = await w.leads(business, count);
      await this.putInto(made!.id, leads);
      return { id: made!.id, leads };
    },
    async putInto(list: number, leads: number[]): Promise<void> {
      await w.db.execute(sql`
        update leads set source = 'imported_outbound', outbound_list_id = ${list}
         where id = any (${sql.param(leads)}::int[])`);
    },
    /** Everybody who is on the phone hangs up; later calls are short ones. */
    async endCalls(): Promise<void> {
      await w.carrier.setScripts([SLOW]);
      const { dialler } = w.engine();
      const live = (await w.carrier.calls()).filter(({ endMs }) => endMs === null);
      for (const { sid } of live) await dialler.end(sid, "completed");
    },
    async signedIn(options: BrowserContextOptions = { locale: "en-GB" }): Promise<Tab> {
      const tab = await browser.tab(options);
      await signIn(tab, url, await this.tokenOf("owner"));
      return tab;
    },
  };
}

/** In whatever language the page has. */
export async function signIn({ page }: Tab, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.locator("textarea").fill(token);
  await page.locator("form button").click();
}
