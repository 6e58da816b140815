// The HTTP application: who may come in, the routes, and the one place where errors become answers.
import { Hono } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { consoleRoutes } from "../console/routes.ts";
import { CodedError } from "../errors.ts";
import { accessOf } from "./access.ts";
import { authenticator } from "./auth.ts";
import { callRoutes } from "./calls.ts";
import { deleteRoutes } from "./deleteLeads.ts";
import type { ApiDeps, ApiEnv } from "./deps.ts";
import { enqueueRoutes } from "./enqueue.ts";
import { docsRoutes } from "./docs.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { importRoutes } from "./import.ts";
import { limitInProgress } from "./inProgress.ts";
import { leadRoutes } from "./leads.ts";
import { localeFrom } from "./locale.ts";
import { metricsOf } from "./metrics.ts";
import { answerProblem } from "./problems.ts";
import { limitRequests } from "./rateLimit.ts";
import { progressRoutes } from "./progress.ts";
import { recoverRoutes } from "./recover.ts";
import { resultRoutes } from "./results.ts";
import { runRoutes } from "./runs.ts";
import { settingsRoutes } from "./settings.ts";
import { startRoutes } from "./start.ts";
import { cancelRoutes, stopRoutes } from "./stop.ts";
import { webhookRoutes } from "./webhooks.ts";

export type AppType = ReturnType<typeof buildApp>;

/** Throws at once when there is no key to check tokens with. */
export function buildApp(given: ApiDeps) {
  const metrics = metricsOf(given);
  const deps = { ...given, log: metrics.counting(given.log) };
  const { config, log } = deps;
  const access = accessOf(deps);
  const authenticate = authenticator(config.jwt);

  const app = new Hono<ApiEnv>()
    .use(metrics.timing)
    .use(async (c, next) => {
      c.set("locale", localeFrom(c.req.header("accept-language"), config.defaultLocale));
      await next();
    })
    .use(secureHeaders());
  if (config.corsOrigins.length > 0)
    app.use(
      "/api/*",
      cors({
        origin: config.corsOrigins,
        allowHeaders: ["Authorization", "Content-Type", "Accept-Language", "Idempotency-Key", "Last-Event-ID"],
        exposeHeaders: ["Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After", "Content-Disposition"],
        maxAge: 600,
      }),
    );
  app.use("/api/*", async (c, next) => {
    c.set("caller", await authenticate(c.req.header("authorization")));
    await next();
    // One business's figures must not come out of a cache for another.
    if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
    c.header("Vary", "Accept-Language, Authorization", { append: true });
  });
  app.use("/api/*", limitRequests(deps));
  app.use("/api/*", limitInProgress(deps));
  // For people who type the bare address, so no part of the document. Relative: a proxy may put a path before.
  app.use("/", async (c, next) => (c.req.method === "GET" ? c.redirect("console") : await next()));
  app.onError((error, c) => answerProblem(error, c, log));
  app.notFound((c) => answerProblem(new CodedError("route.not_found", "no such route"), c, log));

  return app
    .route("/", healthRoutes(deps, metrics))
    .route(
      "/",
      docsRoutes(() => app.routes),
    )
    .route("/console", consoleRoutes())
    .route("/webhooks/twilio", webhookRoutes(deps, metrics))
    .route("/api/outbound", enqueueRoutes(deps, access))
    .route("/api/outbound", runRoutes(deps, access))
    .route("/api/outbound", stopRoutes(deps, access))
    .route("/api/outbound", settingsRoutes(deps, access))
    .route("/api/outbound", importRoutes(deps, access))
    .route("/api/outbound", leadRoutes(access))
    .route("/api/outbound", deleteRoutes(access))
    .route("/api/outbound", callRoutes(access))
    .route("/api/outbound", resultRoutes(deps, access))
    .route("/api/outbound", eventRoutes(deps, access))
    .route("/api/outbound", recoverRoutes(deps, access))
    .route("/api/outbound_calls", startRoutes(deps, access))
    .route("/api/outbound_calls", progressRoutes(deps, access))
    .route("/api/outbound_calls", cancelRoutes(deps, access));
}
