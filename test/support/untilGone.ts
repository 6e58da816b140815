// The end of another process.
import { isRunning } from "../../src/dev/postgres/process.ts";
import { until } from "./until.ts";

/** A process that ends has let go of its folder a moment before it is gone itself. */
export const untilGone = (pid: number) => until(() => !isRunning(pid), `process ${pid} is gone`);
