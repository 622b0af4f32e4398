/** Seats, trunks, the callers' notice, and what the watch found. */

export type SeatState =
  | "free"
  | "not_ready"
  | "ready"
  | "offered"
  | "busy"
  | "supervising"
  | "vanished";

export interface SeatBody {
  seat_id: string;
  kind: "browser" | "sip";
  operator_id: string | null;
  state: SeatState;
  reason: string | null;
  call_id: string | null;
  robot: boolean;
  since: string | null;
  /** When wrap-up ends by itself. */
  ready_at?: string | null;
  /** Whose seat it is; missing in rows that were stored before it was told. */
  desk?: "taker" | "supervisor" | "agency-desk";
  /** Codes of the languages that are spoken there. */
  languages?: string[];
  agency_id?: string | null;
}

/** Whether callers hear a recorded notice; one row. */
export interface SurgeBody {
  surge_id: string;
  notice: string | null;
  since: string | null;
  operator_id: string | null;
}

/** A recorded notice that can be switched on, or what is wrong with its file. */
export interface Notice {
  name: string;
  duration_s: number;
  fault: string | null;
}

/** A line to the telephone network. */
export interface TrunkBody {
  trunk: string;
  state: "up" | "down" | "removed";
  since: string | null;
  status: number | null;
  /** Why it could not be reached: `trunk_fault.<code>`; older rows have none. */
  fault?: string;
}

/** What the watch found; see page /telephone. */
export interface FindingBody {
  finding_id: string;
  code: string;
  about: string;
  state: "open" | "accepted" | "closed";
}
