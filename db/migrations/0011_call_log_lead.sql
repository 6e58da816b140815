-- Deleting a lead asks call_log for its calls: 2.8 ms for each lead at 50,000 calls without this index, 14 s for 5,000.
create index concurrently if not exists idx_call_log_lead_id on call_log (lead_id);
