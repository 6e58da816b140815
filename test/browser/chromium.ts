// A real Chromium: the one that is installed here, with nothing of its own going on in the background.
import { accessSync, constants, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import type { AxeResults } from "axe-core";
import { chromium, type BrowserContextOptions, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const PLACES = [
  "/usr/bin",
  "/usr/local/bin",
  "/snap/bin",
  "/opt/google/chrome",
  "/Applications/Chromium.app/Contents/MacOS",
];
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SHOTS = fileURLToPath(new URL("../../.data/screenshots/", import.meta.url));

/** $CHROMIUM, else what is installed; undefined when there is none. */
export function findChromium(): string | undefined {
  const folders = [...PLACES, ...(process.env["PATH"] ?? "").split(delimiter)];
  const all = [process.env["CHROMIUM"], ...folders.flatMap((dir) => NAMES.map((name) => join(dir, name))), MAC];
  return all.find((path) => path && runs(path));
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Tab {
  page: Page;
  /** Everything that went wrong in the page: errors on its console, exceptions, dialogs that nobody asked for. */
  faults: string[];
  /** Serious and critical findings of axe on what is shown now. */
  axe(): Promise<string[]>;
  /** Writes `<name>.png` for people to look at. */
  shoot(name: string): Promise<void>;
}

/** A browser with a profile of its own (playwright makes a fresh one), closed after the test. */
export async function openBrowser(t: TestContext, executablePath: string) {
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  t.after(() => browser.close());
  return {
    async tab(options: BrowserContextOptions): Promise<Tab> {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const faults: string[] = [];
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("dialog", (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      return { page, faults, axe: () => axeOn(page), shoot: (name) => shoot(page, name) };
    },
  };
}

async function axeOn(page: Page): Promise<string[]> {
  // The page's policy lets no script in that it did not serve itself: axe comes in by the debugger's door.
  if (!(await page.evaluate("'axe' in globalThis"))) {
    const { source } = createRequire(import.meta.url)("axe-core") as { source: string };
    await page.evaluate(source);
  }
  const { violations } = (await page.evaluate(
    `axe.run({ resultTypes: ["violations"], preload: false })`,
  )) as AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}

async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  // A modal dialog covers what is in view, not the whole length of the page.
  const fullPage = (await page.getByRole("dialog").count()) === 0;
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}
