// `make openapi`: the document without a database. The application is built, and never asked anything.
import { buildApp } from "./app.ts";
import type { ApiDeps } from "./deps.ts";
import { documentOf, type OpenApiDocument } from "./openapi/document.ts";

/** Building the application takes no more than a key; whatever a route does with the rest never happens. */
const NO_DEPS = {
  log: { info() {}, warn() {}, error() {} },
  queue: {},
  config: { jwt: { secret: "none" }, corsOrigins: [], defaultLocale: "en" },
} as unknown as ApiDeps;

export async function openApiDocument(): Promise<OpenApiDocument> {
  return await documentOf(buildApp(NO_DEPS).routes);
}
