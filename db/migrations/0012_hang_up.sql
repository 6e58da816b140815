-- Stop with "hang up" also ends the calls that turn out to be live only later, so the run remembers the wish.
alter table outbound_call_runs add column if not exists hang_up boolean not null default false;
--> statement-breakpoint
grant update (hang_up) on outbound_call_runs to ringpost_request;
