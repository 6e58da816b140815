// The bar that `make call` shows; plain lines when the output is not a terminal.
import { SingleBar } from "cli-progress";

interface Progress {
  queued: number;
  in_progress: number;
  total_leads: number;
  waiting_for: { message: string } | null;
}

const LINE_EVERY = 10; // percent

export function progressBar(): { show(run: Progress): void; stop(): void } {
  return process.stdout.isTTY ? bar() : lines();
}

function bar() {
  const shown = new SingleBar({
    format: "{bar} {value}/{total}  live {live}  {waiting}",
    hideCursor: true,
    clearOnComplete: false,
  });
  let started = false;
  return {
    show(run: Progress) {
      const fields = { live: run.in_progress, waiting: run.waiting_for?.message ?? "" };
      if (!started) shown.start(run.total_leads, 0, fields);
      started = true;
      shown.update(run.total_leads - run.queued - run.in_progress, fields);
    },
    stop: () => shown.stop(),
  };
}

function lines() {
  let told = -LINE_EVERY;
  return {
    show(run: Progress) {
      const done = run.total_leads - run.queued - run.in_progress;
      const percent = run.total_leads === 0 ? 100 : Math.floor((done * 100) / run.total_leads);
      if (percent < told + LINE_EVERY && !(percent === 100 && told < 100)) return;
      told = percent;
      console.log(`${percent} % (${done} of ${run.total_leads}, ${run.in_progress} live)`);
    },
    stop() {},
  };
}
