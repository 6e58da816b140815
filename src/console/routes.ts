// The console: one page and its modules, served as they lie in `page/`. It has no door of its own to the data: in the
// browser it calls the public API with the user's token, like any other client.
import { readdirSync, readFileSync } from "node:fs";
import { Hono } from "hono";
import { etag } from "hono/etag";

/** The part of the application's environment that the page reads: which language the browser asked for. */
interface Env {
  Variables: { locale: "he" | "en" };
}

const PAGE = new URL("./page/", import.meta.url);
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Nothing from elsewhere, nothing inline, no strings turned into markup or code, no frame around it. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Here the page's addresses would lead nowhere: they are relative, as is the way back. A proxy may put a path before. */
const WITH_SLASH = "/console/";

export function consoleRoutes() {
  // Read once: only what lies there at the start can be asked for, whatever path a request names.
  const files = new Map(
    readdirSync(PAGE)
      .filter((name) => TYPES[extension(name)])
      .map((name) => [name, readFileSync(new URL(name, PAGE), "utf8")] as const),
  );
  const index = files.get("index.html") ?? "";

  return new Hono<Env>()
    .use(async (c, next) => (c.req.path === WITH_SLASH ? c.redirect("../console", 308) : await next()))
    .use(etag(), async (c, next) => {
      await next();
      c.header("Content-Security-Policy", CSP);
      c.header("Cache-Control", "no-cache");
    })
    .get("/", (c) => {
      const locale = c.get("locale");
      c.header("Vary", "Accept-Language");
      c.header("Content-Type", TYPES["html"]);
      return c.body(index.replace("<html>", `<html lang="${locale}" dir="${locale === "he" ? "rtl" : "ltr"}">`));
    })
    .get("/:name", async (c, next) => {
      const name = c.req.param("name");
      const text = files.get(name);
      if (text === undefined) return await next();
      c.header("Content-Type", TYPES[extension(name)]);
      return c.body(text);
    });
}

const extension = (name: string): string => name.split(".").at(-1) ?? "";
