// Answers to look at. The linter checks them against their schemas.

export const EXAMPLES = {
  enqueued: { run_id: 12, queued: 2, skipped: [{ lead_id: 7, reason: "duplicate_phone" }] },
  started: {
    success: true,
    message: "1 call is on its way.",
    run_id: 13,
    calls: [
      { lead_id: 5, lead_name: "דנה לוי", call_sid: "CA0123456789abcdef0123456789abcdef", status: "initiated" },
      { lead_id: 7, lead_name: null, call_sid: null, status: "failed", error: "The phone number is not valid." },
    ],
  },
  run: {
    run_id: 12,
    status: "running",
    queued: 40,
    in_progress: 3,
    completed: 55,
    failed: 2,
    cancelled: 0,
    cursor_position: 57,
    last_error: null,
    total_leads: 100,
    concurrency: 3,
    created_at: "2026-01-02T03:04:05.000Z",
    started_at: "2026-01-02T03:04:06.000Z",
    ended_at: null,
    created_by_user_id: 7,
    can_cancel: true,
    cancel_requested: false,
    waiting_for: {
      reason: "slot",
      limit: 3,
      runs: [{ run_id: 12, calls: 3 }],
      message: "All 3 lines are busy; the next call starts when one ends.",
    },
  },
  imported: {
    success: true,
    list_id: 4,
    list_name: "לידים",
    imported_count: 2,
    skipped_count: 1,
    errors: ["Row 4: not a valid phone number (12)"],
    mapping: { phone: "טלפון", name: 1 },
  },
};
