// How the console is served: strictly, and nothing but what lies in its folder.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Hono } from "hono";
import { consoleRoutes } from "../../src/console/routes.ts";

const PAGE = new URL("../../src/console/page/", import.meta.url);
const app = (locale: "he" | "en" = "en") =>
  new Hono<{ Variables: { locale: "he" | "en" } }>()
    .use(async (c, next) => {
      c.set("locale", locale);
      await next();
    })
    .route("/console", consoleRoutes());

describe("the console's files", () => {
  it("gives the page in the language that was negotiated", async () => {
    const text = await (await app("he").request("/console")).text();
    assert.match(text, /<html lang="he" dir="rtl">/);
    assert.match(await (await app("en").request("/console")).text(), /<html lang="en" dir="ltr">/);
  });

  it("lets nothing in from elsewhere, and nothing inline", async () => {
    for (const path of ["/console", "/console/main.js", "/console/console.css"]) {
      const csp = (await app().request(path)).headers.get("content-security-policy") ?? "";
      assert.match(csp, /default-src 'none'/, path);
      assert.doesNotMatch(csp, /unsafe|\*|https?:|data:/, path);
    }
    for (const name of readdirSync(PAGE)) {
      const text = readFileSync(new URL(name, PAGE), "utf8").replaceAll("http://www.w3.org/2000/svg", "");
      assert.doesNotMatch(text, /https?:\/\/\w|\bon\w+="|style="|innerHTML|insertAdjacentHTML|document\.write/, name);
    }
  });

  it("gives every module with its type, and answers a second request with 304", async () => {
    for (const name of readdirSync(PAGE).filter((name) => name.endsWith(".js"))) {
      const first = await app().request(`/console/${name}`);
      assert.equal(first.headers.get("content-type"), "text/javascript; charset=utf-8");
      const again = { headers: { "If-None-Match": first.headers.get("etag") ?? "" } };
      assert.equal((await app().request(`/console/${name}`, again)).status, 304);
    }
  });

  it("is found with a slash behind its name too, wherever a proxy puts it", async () => {
    const answer = await app().request("/console/");
    assert.equal(answer.status, 308);
    const to = (at: string) => new URL(answer.headers.get("location") ?? "", at).href;
    assert.equal(to("https://crm.example/console/"), "https://crm.example/console");
    assert.equal(to("https://crm.example/ringpost/console/"), "https://crm.example/ringpost/console");
  });

  it("knows nothing outside its folder", async () => {
    for (const name of ["nothing.js", "..%2froutes.ts", "%2e%2e%2ftsconfig.json", "routes.ts", "page/main.js"])
      assert.equal((await app().request(`/console/${name}`)).status, 404, name);
  });
});

describe("the console's words", async () => {
  const [{ en }, { he }] = (await Promise.all(
    ["en", "he"].map((lang) => import(new URL(`${lang}.js`, PAGE).href)),
  )) as [{ en: object }, { he: object }];

  it("says everything in both languages", () => {
    const keys = (words: object, at = ""): string[] =>
      Object.entries(words).flatMap(([key, value]: [string, unknown]) =>
        typeof value === "object" && value !== null ? keys(value, `${at}${key}.`) : [`${at}${key}`],
      );
    assert.deepEqual(keys(he).sort(), keys(en).sort());
  });

  it("keeps no word that no view says", () => {
    const views = readdirSync(PAGE).filter((name) => name.endsWith(".js") && !["en.js", "he.js"].includes(name));
    const text = views.map((name) => readFileSync(new URL(name, PAGE), "utf8")).join("\n");
    const said = new Set([...text.matchAll(/\bt\(\)\.(\w+)/g)].map(([, key]) => key));
    assert.deepEqual(
      Object.keys(en).filter((key) => !said.has(key)),
      [],
    );
  });
});
