-- Every index of the two tables, built beside the running CRM. One that an interrupted build left invalid is dropped and
-- built again by the runner.
create index concurrently if not exists idx_outbound_call_runs_business_id on outbound_call_runs (business_id);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_runs_status on outbound_call_runs (status);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_runs_created_at on outbound_call_runs (created_at);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_runs_open on outbound_call_runs (business_id, id) where status in ('pending', 'running');
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_lead_id on outbound_call_jobs (lead_id);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_status on outbound_call_jobs (status);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_call_sid on outbound_call_jobs (call_sid);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_twilio_sid on outbound_call_jobs (twilio_call_sid);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_lock_token on outbound_call_jobs (dial_lock_token);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_status_twilio_sid on outbound_call_jobs (status, twilio_call_sid);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_business_id on outbound_call_jobs (business_id);
--> statement-breakpoint
create index concurrently if not exists idx_outbound_call_jobs_queue on outbound_call_jobs (run_id, id) where status = 'queued';
--> statement-breakpoint
create unique index concurrently if not exists unique_active_number on outbound_call_jobs (business_id, active_number) where active_number is not null;
