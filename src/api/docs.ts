// The API's document and a page to read it: nothing on it is loaded from elsewhere.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { CodedError } from "../errors.ts";
import type { ApiEnv } from "./deps.ts";
import { documentOf } from "./openapi/document.ts";

/** What the page may load and do. Tried in Chromium: Swagger UI needs nothing inline and no eval; its icons are data URLs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringpost API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="docs"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
// A token typed into the page stays in its memory: it is not persisted.
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });\n`;

const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Made when first asked for, then kept: every answer is the same bytes, so that those whom nobody reads cost nothing more
 * than a socket. Needs no token, and the largest file has 1.7 MB. What could not be read is tried again.
 */
function kept(make: () => Promise<Bytes>): () => Promise<Bytes> {
  let bytes: Promise<Bytes> | undefined;
  const again = (error: unknown) => {
    bytes = undefined;
    throw error;
  };
  return () => (bytes ??= make().catch(again));
}

const encoded = (text: string): Bytes => new TextEncoder().encode(text);
const packaged = (name: string) => kept(() => readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`))));
const FILES: Record<string, { type: string; read: () => Promise<Bytes> }> = {
  "swagger-ui.css": { type: "text/css", read: packaged("swagger-ui.css") },
  "swagger-ui-bundle.js": { type: "text/javascript", read: packaged("swagger-ui-bundle.js") },
  "start.js": { type: "text/javascript", read: () => Promise.resolve(encoded(START)) },
};

/** @param routes of the whole application, asked for when it is complete */
export function docsRoutes(routes: () => readonly RouterRoute[]) {
  const document = kept(async () => encoded(JSON.stringify(await documentOf(routes()))));
  return new Hono<ApiEnv>()
    .get("/openapi.json", async (c) => c.body(await document(), 200, JSON_TYPE))
    .get("/docs", (c) => c.html(PAGE, 200, { "Content-Security-Policy": POLICY }))
    .get("/docs/:file", async (c) => {
      const file = FILES[c.req.param("file")];
      if (!file || !Object.hasOwn(FILES, c.req.param("file"))) throw new CodedError("route.not_found", "no such file");
      return c.body(await file.read(), 200, {
        "Content-Type": `${file.type}; charset=utf-8`,
        "Cache-Control": "public, max-age=3600",
      });
    });
}
