// An attempt as it is named everywhere outside the claim: by its token.
import { sql } from "drizzle-orm";
import { row, type Queryable } from "../../db/client.ts";

export interface Attempt {
  token: string;
  jobId: number;
  runId: number;
  businessId: number;
  callSid: string | null;
  from: string;
  to: string;
  begun: boolean;
  closed: boolean;
}

const COLUMNS =
  sql.raw(`token, job_id as "jobId", run_id as "runId", business_id as "businessId", call_sid as "callSid",
  from_number as "from", to_number as "to", begun_at is not null as begun, closed_at is not null as closed`);

/** By the SID that it is known to have, or by token: a call may have been adopted under a later attempt than its URLs name. */
export async function findAttempt(on: Queryable, token: string | null, sid: string): Promise<Attempt | undefined> {
  const bySid = await row<Attempt>(on, sql`select ${COLUMNS} from outbound_call_attempts where call_sid = ${sid}`);
  if (bySid || token === null) return bySid;
  return await row<Attempt>(on, sql`select ${COLUMNS} from outbound_call_attempts where token = ${token}`);
}
