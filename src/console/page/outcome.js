// A call as the page names it: whom it was for, and what becomes of it.
import { h, own } from "./dom.js";
import { t } from "./locale.js";

/** A call that the carrier has accepted is being dialled, for everybody but engineers. @param {string} callStatus */
export const stateOfCall = (callStatus) => (["queued", "initiated"].includes(callStatus) ? "dialing" : callStatus);

/** @param {any} job its outcome; while its call lives, the call's state */
export const stateOfJob = (job) =>
  job.outcome ?? (job.status === "queued" ? "queued" : stateOfCall(job.call_status ?? job.status));

const TONES = ["completed", "no-answer", "busy", "failed", "canceled"];
const LIVE = ["dialing", "calling", "ringing", "in-progress", "running"];

/** A call that is under way: it has no outcome yet. @param {string} state */
export const isLive = (state) => LIVE.includes(state);

/** The colour of a state, as a class. @param {string} state */
export const toneOf = (state) => {
  if (isLive(state)) return "live";
  return state === "rejected" ? "failed" : TONES.includes(state) ? state : "";
};

/** @param {string} state */
export const outcomePill = (state) => h("span", { class: `pill ${toneOf(state)}` }, t().outcome[state] ?? state);

/** @param {any} job */
export const nameOf = (job) => own(job.lead_name ?? t().leadNumber(String(job.lead_id)));
