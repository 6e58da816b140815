// The migration files as the runner sees them: Drizzle's journal, and each file cut into its steps.
//
// A step is what stands between two breakpoints, and is one transaction. Every step looks before it acts, so that a file
// can start again from its first step wherever it was killed. Comments of a step say how it is run:
//   -- ringpost:walk TABLE: what it did     for each range of ids ($1 excluded, $2 included); returns a count of rows
//   -- ringpost:repeat: what it did         again and again until it returns 0
// A file that begins with `-- ringpost:after-violation TAG` has that file run again when the data refuses one of its
// rules, because the old application wrote meanwhile, and then starts again itself.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../migrations", import.meta.url));

export interface Step {
  sql: string;
  /** walk: this table's ids, in ranges. repeat: until nothing is left. */
  run: { kind: "once" } | { kind: "walk"; table: string; note: string } | { kind: "repeat"; note: string };
  /** It waits for others without making anybody wait for it, so it may wait as long as it takes. */
  harmless: boolean;
  /** The index that it builds. */
  index: string | null;
}

export interface MigrationFile {
  tag: string;
  /** Its place in the order, and what Drizzle keeps in created_at. */
  when: number;
  hash: string;
  afterViolation: string | null;
  steps: Step[];
}

export function migrationFiles(): MigrationFile[] {
  const { entries } = JSON.parse(readFileSync(`${FOLDER}/meta/_journal.json`, "utf8")) as {
    entries: { tag: string; when: number }[];
  };
  return entries.map(({ tag, when }) => {
    const text = readFileSync(`${FOLDER}/${tag}.sql`, "utf8");
    return {
      tag,
      when,
      hash: createHash("sha256").update(text).digest("hex"),
      afterViolation: /^-- ringpost:after-violation (\S+)/m.exec(text)?.[1] ?? null,
      steps: text.split("--> statement-breakpoint").map(parseStep),
    };
  });
}

const WALK = /^-- ringpost:walk (\S+): (.+)$/m;
const REPEAT = /^-- ringpost:repeat: (.+)$/m;
const HARMLESS =
  /^\s*(create (unique )?index concurrently|drop index concurrently|alter table \S+\s+validate constraint)/i;
const INDEX = /create (?:unique )?index concurrently if not exists (\w+)/i;

function parseStep(text: string): Step {
  const walk = WALK.exec(text);
  const repeat = REPEAT.exec(text);
  const bare = text.replace(/^\s*--.*$/gm, "").trim();
  const run: Step["run"] = walk
    ? { kind: "walk", table: walk[1] ?? "", note: walk[2] ?? "" }
    : repeat
      ? { kind: "repeat", note: repeat[1] ?? "" }
      : { kind: "once" };
  return { sql: text.trim(), run, harmless: HARMLESS.test(bare), index: INDEX.exec(bare)?.[1] ?? null };
}
