// Stub: signature only.
import type { Door } from "../../db/door.ts";

export function waitingFor(
  _door: Door,
  _runId: number,
): Promise<null | {
  reason: "slot" | "pacing" | "carrier" | "configuration" | "worker";
  message: Record<"he" | "en", string>;
  [more: string]: unknown;
}> {
  throw new Error("not written yet");
}
