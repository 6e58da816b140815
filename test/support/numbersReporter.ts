// A reporter of Node's test runner that looks through everything that tests, and the processes they start, write to
// standard error: a phone number there fails the whole run. It has nothing else to report.
import type { TestEvent } from "node:test/reporters";
import { holdsNumber } from "./numbersIn.ts";

export default async function* numbersReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  for await (const event of source) {
    if (event.type !== "test:stderr") continue;
    const lines = event.data.message.split("\n").filter((line) => holdsNumber(line));
    if (lines.length === 0) continue;
    process.exitCode = 1;
    yield* lines.map((line) => `A phone number on standard error of ${event.data.file}: ${line}\n`);
  }
}
