// Tries everything that the database must not let a request do, and everything that it must. What went the wrong way is
// returned as sentences: none, on an intact database.
import type pg from "pg";
import { asRequest, CRM, OURS, SHARED, type Shop } from "./shops.ts";

const DENIED = "42501";
const OUTSIDE_VIEW = "44000";

export async function breaches(on: pg.Client, mine: Shop, theirs: Shop): Promise<string[]> {
  return [
    ...(await reads(on, mine.business, "business_id", OURS)),
    ...(await reads(on, null, "business_id", OURS)),
    ...(await views(on, mine.business)),
    ...(await views(on, null)),
    ...(await forbidden(on, mine, theirs)),
    ...(await allowed(on, mine)),
  ];
}

async function reads(on: pg.Client, business: number | null, tenant: string, tables: string[]): Promise<string[]> {
  const found: string[] = [];
  const request = await asRequest(on, business);
  for (const table of tables) {
    const seen = await request.attempt(`select * from ${table}`);
    if (!("rows" in seen)) found.push(`${business} cannot read ${table}: ${seen.code}`);
    else if (seen.rows.some((row) => row[tenant] !== business)) found.push(`${business} reads others' ${table}`);
    else if (business !== null && seen.rows.length === 0) found.push(`${business} does not see its own ${table}`);
  }
  await request.leave();
  return found;
}

async function views(on: pg.Client, business: number | null): Promise<string[]> {
  const found: string[] = [];
  for (const [view, tenant] of Object.entries(CRM)) found.push(...(await reads(on, business, tenant, [view])));
  found.push(...(await reads(on, business, "tenant_id", ["leads_by_id"])));
  const request = await asRequest(on, business);
  for (const table of Object.keys(CRM))
    for (const sql of [
      `select * from public.${table}`,
      `select 1 from public.${table} for share`,
      `insert into public.${table} default values`,
      `update public.${table} set id = id`,
      `delete from public.${table}`,
    ]) {
      const done = await request.attempt(sql);
      if (!("code" in done) || done.code !== DENIED) found.push(`${business} may: ${sql}`);
    }
  await request.leave();
  return found;
}

/** Refused, or without effect: an UPDATE of a row that is not there changes none. */
async function forbidden(on: pg.Client, mine: Shop, theirs: Shop): Promise<string[]> {
  const found: string[] = [];
  const request = await asRequest(on, mine.business);
  for (const sql of misdeeds(mine, theirs)) {
    const done = await request.attempt(sql);
    if ("code" in done ? ![DENIED, OUTSIDE_VIEW].includes(done.code) : done.count > 0)
      found.push(`possible: ${sql} (${"code" in done ? done.code : done.count})`);
  }
  await request.leave();
  return found;
}

function misdeeds(mine: Shop, theirs: Shop): string[] {
  const run = (columns: string, values: string) => `insert into outbound_call_runs (${columns}) values (${values})`;
  const job = (runId: number, leadId: number, business = mine.business) =>
    `insert into outbound_call_jobs (run_id, lead_id, business_id) values (${runId}, ${leadId}, ${business})`;
  const event = (runId: number, jobId: number | null, business = mine.business) =>
    `insert into outbound_run_events (run_id, business_id, job_id, kind, actor) values (${runId}, ${business}, ${jobId}, 'x', 'x')`;
  const wake = (task: string, payload: object, key: string) =>
    `select ringpost.add_job('${task}', '${JSON.stringify(payload)}', '${key}')`;
  const missing = 2_000_000_000;
  return [
    run("business_id", `${theirs.business}`),
    run("business_id, outbound_list_id", `${mine.business}, ${theirs.list}`),
    run("business_id, outbound_list_id", `${mine.business}, ${missing}`),
    run("business_id, created_by_user_id", `${mine.business}, ${theirs.user}`),
    run("id, business_id", `${theirs.run}, ${mine.business}`),
    job(theirs.run, mine.spare),
    job(theirs.run, theirs.spare, theirs.business),
    job(mine.run, theirs.spare),
    // The same error for an id that does not exist: the database is no oracle.
    job(mine.run, missing),
    job(missing, mine.spare),
    event(theirs.run, null),
    event(theirs.run, null, theirs.business),
    event(mine.run, theirs.job),
    `update outbound_call_jobs set call_log_id = ${theirs.call}`,
    `update outbound_call_jobs set run_id = ${theirs.run}`,
    `update outbound_call_jobs set lead_id = ${theirs.lead}`,
    ...OURS.map((table) => `update ${table} set business_id = ${theirs.business}`),
    `update outbound_call_runs set cancel_requested = true where id = ${theirs.run}`,
    `update outbound_call_jobs set status = 'queued' where id = ${theirs.job}`,
    `update outbound_call_attempts set closed_at = now() where job_id = ${theirs.job}`,
    `delete from outbound_call_slots where business_id = ${theirs.business}`,
    `select 1 from outbound_call_runs where id = ${theirs.run} for no key update`,
    `insert into outbound_call_slots values (${mine.business}, 9, ${mine.job}, ${mine.run}, 'x', now(), now())`,
    `insert into outbound_call_attempts (token) values ('x')`,
    `delete from outbound_call_runs`,
    `delete from outbound_call_jobs`,
    `delete from outbound_run_events`,
    `update outbound_run_events set actor = 'x'`,
    `insert into outbound_business_settings (business_id) values (${theirs.business})`,
    `insert into outbound_business_settings (business_id) values (${theirs.business}) on conflict (business_id) do update set locale = 'en'`,
    `update outbound_business_settings set locale = 'en' where business_id = ${theirs.business}`,
    `insert into outbound_idempotency_keys (business_id, key, fingerprint, result) values (${theirs.business}, 'x', 'x', '{}')`,
    `delete from outbound_idempotency_keys where business_id = ${theirs.business}`,
    `update outbound_request_counts set taken = 0`,
    `insert into outbound_cleanups (business_id, at) values (${theirs.business}, now()) on conflict (business_id) do update set at = now()`,
    ...SHARED.flatMap((table) => [`select * from ${table}`, `delete from ${table}`]),
    `insert into new_leads (tenant_id, phone_e164) values (${theirs.business}, '1')`,
    `insert into new_leads (tenant_id, outbound_list_id) values (${mine.business}, ${theirs.list})`,
    `insert into new_leads (tenant_id, outbound_list_id) values (${mine.business}, ${missing})`,
    `insert into leads (tenant_id) values (${mine.business})`,
    `update leads set tenant_id = ${theirs.business}`,
    `delete from leads where id = ${theirs.spare}`,
    `insert into outbound_lead_lists (tenant_id, name) values (${theirs.business}, 'x')`,
    `update outbound_lead_lists set tenant_id = ${theirs.business}`,
    `update outbound_lead_lists set name = 'x' where id = ${theirs.list}`,
    `insert into call_log (business_id) values (${mine.business})`,
    `update business set name = 'x'`,
    wake("dispatch_calls", { businessId: theirs.business }, `dispatch:${theirs.business}`),
    wake("dispatch_calls", { businessId: mine.business }, `dispatch:${theirs.business}`),
    wake("end_calls", { runId: theirs.run, hangUp: true }, `end:${theirs.run}`),
    wake("end_calls", { runId: mine.run, hangUp: true }, `end:${theirs.run}`),
    wake("hang_up", { sid: "CA1" }, "hang_up:CA1"),
    wake("anything", {}, "x"),
    `select graphile_worker.add_job('dispatch_calls', '{}')`,
    `select * from graphile_worker.jobs`,
    `select ringpost.enter(${theirs.business})`,
    `select ringpost.bind_to_tenant('outbound_call_runs')`,
    `alter table outbound_call_runs disable row level security`,
    `drop policy request_tenant on outbound_call_runs`,
  ];
}

/** What the API does every day. Isolation that forbids it would be no feat. */
async function allowed(on: pg.Client, mine: Shop): Promise<string[]> {
  const found: string[] = [];
  const request = await asRequest(on, mine.business);
  for (const sql of [
    `insert into outbound_call_runs (business_id, outbound_list_id, created_by_user_id) values (${mine.business}, ${mine.list}, ${mine.user}) returning id`,
    `insert into outbound_call_jobs (run_id, lead_id, business_id, to_number, active_number)
     values (${mine.run}, ${mine.spare}, ${mine.business}, '+1', '+1')
     on conflict (business_id, active_number) where active_number is not null do nothing returning lead_id`,
    `insert into outbound_run_events (run_id, business_id, job_id, kind, actor) values (${mine.run}, ${mine.business}, ${mine.job}, 'x', 'x')`,
    `select 1 from outbound_call_runs where id = ${mine.run} for no key update`,
    `delete from outbound_call_slots where job_id = ${mine.job}`,
    `update outbound_call_attempts set closed_at = now()`,
    `insert into outbound_business_settings (business_id) values (${mine.business}) on conflict (business_id) do update set locale = 'en'`,
    `insert into outbound_idempotency_keys (business_id, key, fingerprint, result) values (${mine.business}, 'x', 'x', '{}')`,
    `insert into new_leads (tenant_id, outbound_list_id, phone_e164) values (${mine.business}, ${mine.list}, '+1')`,
    `insert into outbound_lead_lists (tenant_id, name) values (${mine.business}, 'x') returning id`,
    `update outbound_lead_lists set total_leads = 5`,
    `delete from leads where id = ${mine.spare} returning id`,
    `select ringpost.add_job('dispatch_calls', '{"businessId": ${mine.business}}', 'dispatch:${mine.business}')`,
    `select ringpost.add_job('end_calls', '{"runId": ${mine.run}, "hangUp": true}', 'end:${mine.run}')`,
    `select max(heartbeat_at), bool_or(stopped_at is null) from outbound_workers`,
  ]) {
    const done = await request.attempt(sql);
    if (!("count" in done) || done.count === 0) found.push(`impossible: ${sql} (${JSON.stringify(done)})`);
  }
  await request.leave();
  return found;
}
