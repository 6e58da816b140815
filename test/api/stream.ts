// A client of a run's event stream, as a browser's EventSource.
import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type Agent, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits without a pause that would blur the time of an event. */
export async function until(holds: () => boolean, ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    assert.ok(performance.now() < end, "it takes too long");
    await sleep(5);
  }
}

export interface Event {
  name: string;
  id: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  data: any;
  at: number;
}

/** Follows a run's event stream. */
export async function watch(
  url: string,
  token: string,
  runId: number,
  headers: Record<string, string> = {},
  agent?: Agent,
) {
  const request = get(`${url}/api/outbound/runs/${runId}/events`, {
    headers: { authorization: `Bearer ${token}`, "accept-language": "en", ...headers },
    ...(agent && { agent }),
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const events: Event[] = [];
  const stream = {
    status: response.statusCode,
    headers: response.headers,
    events,
    comments: 0,
    ended: false,
    text: "",
  };
  let rest = "";
  response.setEncoding("utf8").on("data", (text: string) => {
    stream.text += text;
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (block.startsWith(":")) stream.comments++;
      else if (field("event"))
        events.push({ name: field("event"), id: field("id"), data: JSON.parse(field("data")), at: performance.now() });
    }
  });
  response.on("error", () => {}).on("close", () => (stream.ended = true));
  return Object.assign(stream, { leave: () => request.destroy() });
}
