// The bar that `make call` shows; plain lines when the output is not a terminal.
import { SingleBar } from "cli-progress";

interface Progress {
  run_id: number;
  queued: number;
  in_progress: number;
  total_leads: number;
  waiting_for: { reason: string; message: string; runs?: { run_id: number }[] } | null;
}

interface Bar {
  show(run: Progress): void;
  /** A line of its own, which the bar leaves alone. */
  say(line: string): void;
  stop(): void;
}

const LINE_EVERY = 10; // percent

export function progressBar(): Bar {
  return process.stdout.isTTY ? bar() : lines();
}

function bar(): Bar {
  const shown = new SingleBar({
    format: "{bar} {value}/{total}  live {live}  {waiting}",
    hideCursor: true,
    clearOnComplete: false,
  });
  let started = false;
  return {
    show(run) {
      const fields = { live: run.in_progress, waiting: run.waiting_for?.message ?? "" };
      if (!started) shown.start(run.total_leads, 0, fields);
      started = true;
      shown.update(run.total_leads - run.queued - run.in_progress, fields);
    },
    say: (line) => void process.stdout.write(started ? `\n${line}\n` : `${line}\n`),
    stop: () => shown.stop(),
  };
}

function lines(): Bar {
  let told = -LINE_EVERY;
  let waiting = "";
  return {
    show(run) {
      const done = run.total_leads - run.queued - run.in_progress;
      const percent = run.total_leads === 0 ? 100 : Math.floor((done * 100) / run.total_leads);
      const hindered = hindrance(run);
      if (hindered && hindered !== waiting) console.log(hindered);
      waiting = hindered || waiting;
      if (percent < told + LINE_EVERY && !(percent === 100 && told < 100)) return;
      told = percent;
      console.log(`${percent} % (${done} of ${run.total_leads}, ${run.in_progress} live)`);
    },
    say: (line) => console.log(line),
    stop() {},
  };
}

/** What it waits for, unless that is its own calls and its pace: those are progress. */
function hindrance({ run_id, waiting_for }: Progress): string {
  if (!waiting_for || waiting_for.reason === "pacing") return "";
  const own = waiting_for.reason === "slot" && waiting_for.runs?.every((holder) => holder.run_id === run_id);
  return own ? "" : waiting_for.message;
}
