// What the queue knows of a carrier: four verbs, and for each dial one of six answers. The Twilio SDK hides behind it.

export interface DialRequest {
  /** E.164. */
  from: string;
  /** E.164. */
  to: string;
  /** Where the carrier reports the call's progress; carries the attempt's token. */
  statusCallbackUrl: string;
  /** What the carrier asks for when the call is answered. */
  voiceUrl: string;
  ringTimeoutSeconds: number;
  /** The carrier ends the call by itself after this: it bounds how long a slot can be held. */
  timeLimitSeconds: number;
}

export type DialResult =
  /** The call exists. */
  | { kind: "placed"; sid: string; status: string }
  /** Refused for this number, for good: the lead fails with the code. */
  | { kind: "rejected"; code: string; message: string; known: boolean }
  /** Refused for a reason that no other lead would escape: dialling pauses, no lead is burned. */
  | { kind: "blocked"; reason: "carrier" | "voice_url" | "caller_id"; code: string; message: string }
  /** Certainly not placed, worth trying later (429 alone proves that). */
  | { kind: "throttled"; code: string; message: string }
  /** Nobody knows whether the call exists: never POST again before reconcile has looked. `code`: the carrier says that it fails. */
  | { kind: "ambiguous"; message: string; code?: string }
  /** The request was never sent. */
  | { kind: "not_sent"; message: string };

export interface CarrierCall {
  sid: string;
  /** Twilio's word: queued, ringing, in-progress, completed, busy, no-answer, failed, canceled. */
  status: string;
  from: string;
  to: string;
  createdAt: Date;
  /** Whole seconds of talk; null until the call has ended. */
  durationSeconds: number | null;
}

export interface Dialler {
  /** Names the account whose budget and pauses apply. */
  readonly accountSid: string;
  /**
   * Places one call. `maySend` is asked at the last moment before the request leaves: false abandons it (`not_sent`).
   * Never throws: whatever goes wrong is one of the answers.
   */
  dial(request: DialRequest, maySend: () => boolean): Promise<DialResult>;
  /** The call's state; null when the carrier does not know the SID. Throws when the carrier does not answer. */
  fetch(sid: string): Promise<CarrierCall | null>;
  /**
   * Calls between two numbers created at or after `since`, newest first. Eventually consistent. `since` is by a clock that
   * shows `now`: where the carrier's is behind it, calls from before `since` are among them rather than missed.
   */
  find(filter: { from: string; to: string; since: Date; now: Date }): Promise<CarrierCall[]>;
  /** Ends a call: `canceled` if it is queued or ringing, `completed` also in progress. False: it was too late. */
  end(sid: string, as: "canceled" | "completed"): Promise<boolean>;
}
