// The shape of every answer, as the OpenAPI document shows it. A test sends real answers through these schemas, so that
// the document cannot drift from the code.
export * from "./answers/leads.ts";
export * from "./answers/rest.ts";
export * from "./answers/runs.ts";
export * from "./answers/verbs.ts";
