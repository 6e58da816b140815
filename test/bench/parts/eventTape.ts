// The carrier remembers 20,000 events: for longer stretches they are fetched as they come.
import type { StandInEvent } from "../../../src/dev/twilio/events.ts";
import type { Observer } from "../../../src/dev/twilio/observer.ts";
import { loop } from "../../../src/worker/loop.ts";

const EVERY_MS = 1_000;

/** Keeps the events that `keep` wants, from now until `stop`, which resolves to them. */
export function tapeEvents(
  carrier: Observer,
  keep: (event: StandInEvent) => boolean,
): { stop(): Promise<StandInEvent[]> } {
  const kept: StandInEvent[] = [];
  let seen = 0;
  const fetchMore = async () => {
    const events = await carrier.events(seen);
    if (events[0] && events[0].seq !== seen + 1) throw new Error("events of the carrier were lost");
    seen = events.at(-1)?.seq ?? seen;
    kept.push(...events.filter(keep));
  };
  let failure: unknown;
  const fetching = loop(EVERY_MS, fetchMore, (error) => (failure ??= error));
  return {
    async stop() {
      await fetching.stop();
      if (failure) throw failure;
      await fetchMore();
      return kept;
    },
  };
}
