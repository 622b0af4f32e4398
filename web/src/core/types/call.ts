/** A call's row, and what is said of a caller everywhere. */

export type NumberStatus = "present" | "withheld" | "none";
export type Direction = "in" | "out";

export type CallState =
  | "begun"
  | "calling"
  | "ringing"
  | "queued"
  | "parked"
  | "offered"
  | "answered"
  | "held"
  | "ended"
  | "refused";

export interface Caller {
  number: string | null;
  display_name: string | null;
  source: string;
}

export interface CallerLocation {
  lat: number;
  lon: number;
  uncertainty_m: number | null;
  method?: string | null;
}

export interface Recording {
  recording_id: string;
  state: "recording" | "closed" | "failed" | "erased";
  sha256: string | null;
  duration_s: number | null;
  /** Whether the file was found to be what the log says; null until it was read again. */
  intact?: boolean | null;
  /** It failed at some time: it does not hold the whole call. */
  short?: boolean;
}

export type LineVerdict = "good" | "fair" | "bad";

/** How one leg's line sounds; live it is of the last seconds, in a row of its whole life. */
export interface LineView {
  /** `caller`, `seat` or a party's id. */
  leg: string;
  verdict: LineVerdict;
  /** What we hear of them, 1 to 4.4. */
  mos: number;
  /** Share of their packets that could not be played. */
  loss: number;
  jitter_ms: number;
  rtt_ms: number | null;
  /** Share of our packets that they missed; null as long as they do not tell. */
  their_loss: number | null;
  their_mos: number | null;
  /** The last minutes in spans of ten seconds, oldest first; absent with an older switch. */
  history?: LineSpan[];
}

/** How a leg's line was over ten seconds. */
export interface LineSpan {
  began: string;
  /** By its worst moment. */
  verdict: LineVerdict;
  mos: number;
  worst_mos: number;
  loss: number;
}

/** `slow`: in the slow lane, or gone from it; `key`, `waited`: how it was left; `sampled`: let by. */
export type Lane = "" | "slow" | "key" | "waited" | "sampled";

/** What decides a waiting caller's turn. */
export interface Turn {
  /** 0 (ordinary) to 9. */
  precedence?: number;
  precedence_reason?: string | null;
  language?: string | null;
  agency_id?: string | null;
  /** Who takes part because it waits for long: supervisors, agency-desks, number. */
  overflow?: readonly string[];
  requeued?: boolean | number;
  /** Ready seats are kept for another trunk group, at most until then. */
  held_back_until?: string | null;
}

export interface CallBody extends Turn {
  call_id: string;
  state: CallState;
  arrived_at: string;
  answered_at: string | null;
  ended_at: string | null;
  trunk: string;
  number_status: NumberStatus;
  caller: string | null;
  location: string | null;
  test: boolean;
  offered_to: string | null;
  seat_id: string | null;
  operator_id: string | null;
  robot: boolean;
  on_hold: boolean;
  muted: boolean;
  /** No audio comes from the caller. */
  silent?: boolean;
  parties: { leg_id: string; address: string | null; state: "calling" | "joined" | "left" }[];
  /** `out`: we called; missing in rows of before. */
  direction?: Direction;
  callback_id?: string | null;
  outcome: "answered" | "abandoned" | "not-reached" | "refused" | null;
  ended_by: "caller" | "seat" | "party" | "failure" | "overflow" | null;
  refused_reason: string | null;
  call_class: string | null;
  wrapped_up_at: string | null;
  incident_ids: string[];
  recording: Recording | null;
  /** The node that has the call and its recording; empty where there is but one. */
  node: string;
  /** Whether the recording is kept whatever its age. */
  legal_hold?: boolean;
  keys: string;
  /** Missing in rows that were stored before there was one. */
  lane?: Lane;
  /** Missing in rows that were stored before lines were measured. */
  lines?: LineView[];
  /** The place where it is parked. */
  slot?: number | null;
  /** The seat where it is to ring, sent on by another. */
  to_seat_id?: string | null;
  /** Since when it is parked or on its way to a seat; missing in rows that were stored before. */
  aside_since?: string | null;
  /** A transfer's target rings. */
  transferring?: boolean;
  /** Its last seat left it to parties; it goes on without one. */
  handed_over?: boolean;
}
