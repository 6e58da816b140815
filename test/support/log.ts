// The logger of every test: the product's own, which writes into memory, and whose lines are looked through for phone
// numbers. A number fails the test file when its process ends, whatever its tests say. What goes to standard error,
// child processes' logs included, `make test` looks through (numbersReporter.ts).
import { createLogger, type Logger } from "../../src/log.ts";
import { holdsNumber } from "./numbersIn.ts";

const SHOWN = 5;
const found: string[] = [];

process.on("exit", () => {
  if (found.length === 0) return;
  process.stderr.write(`phone numbers in the log (${found.length} lines):\n${found.slice(0, SHOWN).join("")}`);
  process.exitCode = 1;
});

/** `write` gets each line, one JSON object with its line break. */
export function testLogger(write: (line: string) => unknown = () => undefined, level = "trace"): Logger {
  return createLogger(level, {
    write(line) {
      if (holdsNumber(line)) found.push(line);
      write(line);
    },
  });
}
