// Imported leads, calls, and settings.
import * as v from "valibot";
import { countOf, exact, name, named, numbered, orNull, time, whole } from "./words.ts";

export const Settings = named(
  "Settings",
  exact({
    max_calls: orNull(whole),
    caller_id: name,
    message_he: name,
    message_en: name,
    locale: orNull(v.picklist(["he", "en"])),
    voice_url: name,
    updated_at: orNull(time),
    defaults: exact({ max_calls: whole, caller_id: name, locale: v.picklist(["he", "en"]) }),
  }),
);

export const Imported = named(
  "Imported",
  exact({
    success: v.literal(true),
    list_id: whole,
    list_name: v.string(),
    imported_count: countOf,
    skipped_count: countOf,
    errors: v.pipe(v.array(v.string()), v.maxLength(20)),
    mapping: v.record(v.string(), v.union([v.string(), whole])),
  }),
);
const Lead = exact({
  id: whole,
  name,
  first_name: name,
  last_name: name,
  phone: name,
  status: name,
  notes: name,
  list_id: orNull(whole),
  created_at: orNull(time),
});
export const Leads = named(
  "LeadPage",
  exact({ ...numbered, limit: whole, current_count: countOf, items: v.array(named("Lead", Lead)) }),
);
const LeadList = exact({
  id: whole,
  name,
  file_name: name,
  total_leads: countOf,
  current_leads: countOf,
  created_at: orNull(time),
});
export const ListCalls = named(
  "ListCalls",
  exact({ list_id: whole, current_leads: countOf, called_leads: countOf, last_called_at: orNull(time) }),
);
export const Lists = named("LeadLists", exact({ lists: v.array(named("LeadList", LeadList)) }));

const RecentCall = exact({
  call_sid: name,
  to_number: name,
  lead_id: orNull(whole),
  lead_name: name,
  lead_status: name,
  status: name,
  started_at: orNull(time),
  ended_at: orNull(time),
  duration: orNull(v.pipe(whole, v.description("Talk time in seconds."))),
  recording_url: name,
  recording_sid: name,
  transcript: name,
  summary: name,
});
export const Calls = named("RecentCalls", exact({ ...numbered, items: v.array(named("RecentCall", RecentCall)) }));
