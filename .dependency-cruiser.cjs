// Which folder may import which: the arrows of the README's map, checked by `make check`. They never point back.
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "db-imports-nothing-of-src",
      comment: "What is stored knows nothing of who uses it.",
      severity: "error",
      from: { path: "^db/" },
      to: { path: "^(src|tasks|test)/" },
    },
    {
      name: "runs-are-the-core",
      comment: "The queue is called by tasks and API, never the other way round.",
      severity: "error",
      from: { path: "^src/runs/" },
      to: { path: "^(tasks|src/(api|dev|console|commands|main|worker))(/|\\.ts$)" },
    },
    {
      name: "tasks-see-no-sdk-and-no-api",
      severity: "error",
      from: { path: "^tasks/" },
      to: { path: "^src/(api|dev|console|commands|main|worker|dialling/twilio)(/|\\.ts$)" },
    },
    {
      name: "api-goes-through-the-tenant-door",
      comment: "No table and no raw connection in a handler: a forgotten tenant filter cannot be written there.",
      severity: "error",
      from: { path: "^src/api/" },
      to: {
        path: [
          "^db/(schema|client|transaction|locks|migrate|once|requestRole)\\.ts$",
          "^db/(tenant|migrate)/",
          "(^|/)node_modules/(@types/)?(pg|drizzle-orm)/",
        ],
      },
    },
    {
      name: "api-runs-nothing-of-the-worker",
      severity: "error",
      from: { path: "^src/api/" },
      to: { path: "^(tasks|src/(dev|commands|main|worker))(/|\\.ts$)" },
    },
    {
      name: "twilio-sdk-stays-in-dialling",
      severity: "error",
      from: { path: "^(db|src|tasks)/", pathNot: "^src/dialling/" },
      to: { path: "(^|/)node_modules/twilio/" },
    },
    {
      name: "dev-is-for-main-and-tests",
      comment: "The stand-in and the embedded Postgres never reach production code.",
      severity: "error",
      from: { path: "^(db|src|tasks)/", pathNot: "^src/(main\\.ts|commands/|dev/)" },
      to: { path: "^src/dev/" },
    },
    {
      name: "the-console-is-a-client-like-any-other",
      comment: "It reads and changes everything through the public API, in the browser.",
      severity: "error",
      from: { path: "^src/console/" },
      to: { path: "^(db|tasks|src)/", pathNot: "^src/console/" },
    },
    {
      name: "nothing-imports-tests",
      severity: "error",
      from: { path: "^(db|src|tasks)/" },
      to: { path: "^test/" },
    },
    {
      name: "everything-resolves",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no compiler API that dependency-cruiser could use; @swc/core reads the same imports.
    parser: "swc",
    // Type-only imports count too: they are how a table's shape would leak.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "(^|/)node_modules/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
