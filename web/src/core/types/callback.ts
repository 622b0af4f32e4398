/** Callers who could not be answered, and numbers with a measure. */

import type { NumberStatus } from "./call";

/** One call in vain. */
export interface LostCall {
  call_id: string;
  at: string;
  cause: "hung-up" | "failure" | "silent" | "asked";
  waited_s: number;
  keys: number;
  near: string | null;
  night: boolean;
  location: string | null;
}

/** One call of ours. */
export interface CallBackAttempt {
  call_id: string;
  seat_id: string;
  operator_id: string;
  automatic: boolean;
  at: string;
  ended_at: string | null;
  /** `reached`, or why not. */
  result: string | null;
  status: number | null;
}

/** Where a caller's own telephone says that it is. */
export interface CallerPlace {
  lat: number;
  lon: number;
  /** Radius; null where the telephone does not say. */
  accuracy_m: number | null;
}

/** One word of a caller on their own page. */
export interface CallerSaid {
  word: "call-me" | "cannot-speak" | "no-longer-needed" | "text" | "location";
  at: string;
  text: string | null;
  location: string | null;
}

/** A caller who could not be answered, until an outcome says what became of them. */
export interface CallBackBody {
  callback_id: string;
  state: "open" | "closed";
  opened_at: string;
  closed_at: string | null;
  caller: string | null;
  number_status: NumberStatus;
  /** Whether there is a number that can be called. */
  dialable: boolean;
  location: string | null;
  calls: LostCall[];
  attempts: CallBackAttempt[];
  /** Our call that is under way. */
  calling: string | null;
  risk: number;
  reasons: { code: string; points: number }[];
  /** Nobody called within the promised time. */
  overdue: boolean;
  message: "none" | "sent" | "failed";
  said: CallerSaid[];
  /** The last of their wishes on that page; null where they said none. */
  wish: "call-me" | "cannot-speak" | "no-longer-needed" | null;
  outcome: string | null;
  outcome_by: string | null;
  incident_id: string | null;
  answered_call_id: string | null;
  note: string | null;
  reason: string | null;
  reopened: number;
  call_back_s: number | null;
  outcome_s: number | null;
}

/** A supervisor's measure on a number: its calls wait in the slow lane. */
export interface MeasureBody {
  measure_id: string;
  number: string | null;
  reason: string;
  remarks: string | null;
  set_by: string | null;
  set_at: string | null;
  until: string | null;
  review_by: string | null;
  reviewed_by: string | null;
  reviewed_at: string | null;
  ended_at: string | null;
  ended_by: string | null;
  end_reason: string | null;
  /** When it was set, and what it stood on. */
  score: number;
  counted: Record<string, number>;
}
