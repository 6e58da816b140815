// The plans that Postgres really used: auto_explain tells each session of its own, statements inside functions, foreign
// keys' look-ups and prepared statements included. So a test needs no copy of the product's SQL.
import { sql } from "drizzle-orm";
import { openDatabase, type Database } from "../../db/client.ts";
import type { Scope } from "./postgres.ts";

export interface Plan {
  statement: string;
  /** Tables that were read from end to end. */
  wholeTables: string[];
  /** Rows that its scans looked at, whether they were of use or not. */
  rows: number;
  /** 8 kB pages, from memory or disk. */
  pages: number;
  /** As EXPLAIN shows it, for people. */
  shown: string;
}

export interface WatchedDatabase {
  db: Database;
  /** The plans since the last call. */
  taken(): Plan[];
}

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  "Shared Hit Blocks": number;
  "Shared Read Blocks": number;
  Plans?: Node[];
}

/** `generic`: every statement gets the plan that fits any value, as prepared ones do after a while. */
export async function watchedDatabase(scope: Scope, url: string, generic: boolean): Promise<WatchedDatabase> {
  const plans: Plan[] = [];
  const db = openDatabase({ url, name: "ringpost watched", max: 10 });
  scope.after(() => db.$client.end());
  db.$client.on("connect", (client) => {
    client.on("notice", ({ message = "" }) => {
      const at = message.indexOf("{");
      if (message.startsWith("duration:") && at > 0) plans.push(read(message.slice(at)));
    });
    void client.query(
      `load 'auto_explain';
       set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on; set auto_explain.log_buffers = on;
       set auto_explain.log_timing = off; set auto_explain.log_nested_statements = on; set auto_explain.log_format = json;
       set auto_explain.log_level = notice; set client_min_messages = notice;
       set plan_cache_mode = ${generic ? "force_generic_plan" : "auto"}`,
    );
  });
  await db.execute(sql`select 1`);
  return { db, taken: () => plans.splice(0) };
}

function read(json: string): Plan {
  const { "Query Text": statement = "", Plan: top } = JSON.parse(json) as { "Query Text"?: string; Plan: Node };
  const nodes = below(top);
  return {
    statement: statement.replaceAll(/\s+/g, " ").trim(),
    wholeTables: nodes.filter(readsAll).map((node) => node["Relation Name"] ?? "?"),
    rows: nodes.filter((node) => node["Relation Name"]).reduce((sum, node) => sum + lookedAt(node), 0),
    pages: top["Shared Hit Blocks"] + top["Shared Read Blocks"],
    shown: show(top).join("\n"),
  };
}

const below = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(below)];

function lookedAt(node: Node): number {
  const removed = (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  return Math.round((node["Actual Rows"] + removed) * node["Actual Loops"]);
}

/** "Is there any row at all?" reads one and is done: that is no scan. */
const readsAll = (node: Node): boolean => node["Node Type"] === "Seq Scan" && lookedAt(node) > 1;

function show(node: Node, depth = 0): string[] {
  const { "Node Type": type, "Relation Name": relation = "", Plans = [] } = node;
  const index = (node as { "Index Name"?: string })["Index Name"] ?? "";
  const line = `${"  ".repeat(depth)}${type} ${relation} ${index} (rows ${lookedAt(node)})`;
  return [line, ...Plans.flatMap((plan) => show(plan, depth + 1))];
}
