// How the conductor strikes a process at a named moment: it leaves an order in a file, and the process carries it out on
// itself when it gets there. Files, because they survive both sides.
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Moment, Reached } from "../../src/runs/engine.ts";

export interface Order {
  moment: Moment;
  /** At the nth arrival since the order was given, from 1. */
  nth: number;
  signal: "SIGKILL" | "SIGSTOP";
}

const orderFile = (folder: string, name: string) => join(folder, `${name}.order`);
const struckFile = (folder: string, name: string) => join(folder, `${name}.struck`);

export function give(folder: string, name: string, order: Order): void {
  rmSync(struckFile(folder, name), { force: true });
  const draft = `${orderFile(folder, name)}.draft`;
  writeFileSync(draft, JSON.stringify(order));
  renameSync(draft, orderFile(folder, name));
}

/** @returns whether the order was carried out */
export const wasCarriedOut = (folder: string, name: string): boolean => existsSync(struckFile(folder, name));

export const takeBack = (folder: string, name: string): void => rmSync(orderFile(folder, name), { force: true });

/** The process's side. Two at the same moment count as two arrivals; only one carries the order out. */
export function obey(folder: string, name: string): Reached {
  let current = "";
  let arrivals = 0;
  return async (moment) => {
    let text: string;
    try {
      text = readFileSync(orderFile(folder, name), "utf8");
    } catch {
      return;
    }
    const order = JSON.parse(text) as Order;
    if (order.moment !== moment) return;
    if (text !== current) {
      current = text;
      arrivals = 0;
    }
    if (++arrivals < order.nth) return;
    current = "";
    rmSync(orderFile(folder, name), { force: true });
    appendFileSync(struckFile(folder, name), moment);
    process.kill(process.pid, order.signal);
  };
}
