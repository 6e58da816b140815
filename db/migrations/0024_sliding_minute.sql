-- The limit of requests looks at the last minute in steps of five seconds, instead of at whole minutes: a business's row
-- keeps the counts of the latest steps, and window_no and taken speak of one step. Old rows are long over.
alter table outbound_request_counts add column if not exists lately integer[] not null default '{}';
