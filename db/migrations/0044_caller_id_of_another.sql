-- Whether a number, as a business's CRM page has it, is this one. Written with + or 00, or the Israeli way (the default
-- country of src/leads/phone.ts): 050-123-4567, +972 (0)50 123 4567.
create or replace function ringpost.is_number(written text, e164 text) returns boolean language sql immutable
  return e164 in ('+' || regexp_replace(ltrim(regexp_replace(written, '\D', '', 'g'), '0'), '^9720', '972'),
                  case when written !~ '^\s*\+' then '+972' || ltrim(regexp_replace(written, '\D', '', 'g'), '0') end);
--> statement-breakpoint
-- One carrier account owns the numbers of all businesses, so the carrier lets each of them show any. Past the door's walls
-- a request learns this one answer about others, and nothing where the number is its own as well. (The body is text: a
-- parsed one would keep the columns from changing their type.)
do $$ begin
  execute format($create$
    create or replace function ringpost.caller_id_taken(e164 text) returns boolean
    language sql stable security definer set search_path = pg_catalog, %I, pg_temp as $body$
      with shown as (
        select b.id = nullif(current_setting('app.business_id', true), '')::int as own
          from business b left join outbound_business_settings s on s.business_id = b.id
         where s.caller_id = e164 or ringpost.is_number(b.phone_number, e164))
      select exists (select from shown where not own) and not exists (select from shown where own)
    $body$
  $create$, current_schema());
end $$;
--> statement-breakpoint
revoke all on function ringpost.caller_id_taken from public;
--> statement-breakpoint
grant execute on function ringpost.caller_id_taken to ringpost_request;
