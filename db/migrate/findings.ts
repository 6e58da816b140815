// What 0020_old_rows.sql would find, for a plan: the same conditions, in words that work before its columns exist (a
// missing column reads as NULL through to_jsonb).
export interface Finding {
  verb: string;
  /** The tables it reads. */
  of: string[];
  /** Rows of `what` and `n`. */
  sql: string;
}

const OLD = "coalesce(to_jsonb(r.*) ->> 'engine', 'legacy') <> 'ringpost'";

/** The jobs and the runs that have to leave their tables, by id. */
export const TO_MOVE: Record<string, string> = {
  outbound_call_jobs: `
    select j.id from outbound_call_jobs j
      left join outbound_call_runs r on r.id = j.run_id
      left join business b on b.id = r.business_id
      left join leads l on l.id = j.lead_id
     where ${OLD} and (b.id is null or l.id is null or l.tenant_id is distinct from r.business_id)
    union all
    select d.id
      from (select id, row_number() over (partition by run_id, lead_id order by id) as place
              from outbound_call_jobs where run_id is not null and lead_id is not null) d
     where d.place > 1`,
  outbound_call_runs: `
    select r.id from outbound_call_runs r left join business b on b.id = r.business_id where ${OLD} and b.id is null`,
};

export const FINDINGS: Finding[] = [
  {
    verb: "move aside",
    of: ["outbound_call_jobs", "outbound_call_runs", "business", "leads"],
    sql: `select 'jobs: ' || reason as what, count(*) as n
            from (select case when j.run_id is null then 'they name no run'
                              when r.id is null then 'their run is gone'
                              when b.id is null then 'the business of their run is gone'
                              when j.lead_id is null then 'they name no lead'
                              when l.id is null then 'their lead is gone'
                              else 'their lead is another business''s' end as reason
                    from outbound_call_jobs j
                    left join outbound_call_runs r on r.id = j.run_id
                    left join business b on b.id = r.business_id
                    left join leads l on l.id = j.lead_id
                   where ${OLD} and (b.id is null or l.id is null or l.tenant_id is distinct from r.business_id)) odd
           group by 1 order by 1`,
  },
  {
    verb: "move aside",
    of: ["outbound_call_jobs"],
    sql: `select 'jobs: their run has the lead twice, the oldest stays' as what, count(*) as n
            from (select row_number() over (partition by run_id, lead_id order by id) as place
                    from outbound_call_jobs where run_id is not null and lead_id is not null) j
           where place > 1`,
  },
  {
    verb: "move aside",
    of: ["outbound_call_runs", "business"],
    sql: `select 'runs: their business is gone' as what, count(*) as n
            from outbound_call_runs r left join business b on b.id = r.business_id where b.id is null`,
  },
  {
    verb: "fill in or correct",
    of: ["outbound_call_jobs"],
    sql: `select 'jobs without their business' as what, count(*) as n from outbound_call_jobs j where to_jsonb(j.*) ->> 'business_id' is null
          union all
          select format('jobs with the state %s', coalesce(quote_literal(status), 'NULL')), count(*) from outbound_call_jobs
           where coalesce(status, '') not in ('queued', 'dialing', 'calling', 'completed', 'failed', 'cancelled') group by status`,
  },
  {
    verb: "fill in or correct",
    of: ["outbound_call_runs"],
    sql: `select format('runs with the state %s', coalesce(quote_literal(status), 'NULL')) as what, count(*) as n from outbound_call_runs
           where coalesce(status, '') not in ('pending', 'running', 'completed', 'cancelled', 'failed', 'stopped') group by status
          union all
          select 'runs without updated_at', count(*) from outbound_call_runs r where to_jsonb(r.*) ->> 'updated_at' is null`,
  },
];
