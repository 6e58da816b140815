// Runs one migration file from its first step to its last.
import { pgCode } from "../pgErrors.ts";
import { migrationFiles, type MigrationFile } from "./files.ts";
import type { Runner } from "./runner.ts";
import { runStep } from "./step.ts";

/** How often a file's rules may find new bad rows, written by the old application while it ran. */
const MAX_VIOLATIONS = 10;

/** Class 23: a constraint refused, or an index found two where there must be one. */
const isViolation = (error: unknown) => pgCode(error)?.startsWith("23") ?? false;

export async function runFile(runner: Runner, file: MigrationFile): Promise<void> {
  for (let violations = 0; ; violations++) {
    try {
      for (const step of file.steps) await runStep(runner, step);
      return;
    } catch (error) {
      const cure = migrationFiles().find((other) => other.tag === file.afterViolation);
      if (!cure || !isViolation(error) || violations === MAX_VIOLATIONS) throw error;
      runner.report("  rows have come that break a rule: cleaning once more");
      await runFile(runner, cure);
    }
  }
}
