// What every step of a migration is run with.
import type pg from "pg";
import type { Report } from "./progress.ts";

export interface Runner {
  client: pg.Client;
  url: string;
  pid: number;
  report: Report;
  /** Called after each statement: where a test kills. */
  after: () => Promise<void> | void;
}
