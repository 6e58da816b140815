-- Idempotency keys, which commit with what they protect, and the shared count of each business's requests.
create table if not exists outbound_idempotency_keys (
  business_id integer      not null constraint fk_outbound_idempotency_keys_business references business (id) on delete cascade,
  key         varchar(255) not null,
  fingerprint varchar(64)  not null,
  result      json         not null,
  created_at  timestamptz  not null default clock_timestamp(),
  constraint outbound_idempotency_keys_pkey primary key (business_id, key)
);
--> statement-breakpoint
create index if not exists idx_outbound_idempotency_keys_created_at on outbound_idempotency_keys (created_at);
--> statement-breakpoint
select ringpost.bind_to_tenant('outbound_idempotency_keys');
--> statement-breakpoint
grant select, insert, delete on outbound_idempotency_keys to ringpost_request;
--> statement-breakpoint
-- Counted outside of every door, before a request is let in: the request role may only look.
create table if not exists outbound_request_counts (
  business_id integer     not null,
  window_no   bigint      not null,
  taken       integer     not null,
  constraint outbound_request_counts_pkey primary key (business_id)
);
--> statement-breakpoint
select ringpost.bind_to_tenant('outbound_request_counts');
--> statement-breakpoint
grant select on outbound_request_counts to ringpost_request;
