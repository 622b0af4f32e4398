/** What the switch pushes to a seat, and the live board of a supervisor. */

import type { CallerLocation, Direction, LineView, NumberStatus, Turn } from "./call";
import type { SeatState } from "./room";

export interface PhoneOffer {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  location: CallerLocation | null;
  /** `out`: accepting it calls this number back. */
  direction?: Direction;
  callback_id?: string | null;
}

export type GhostQuestion = "cannot-speak" | "police" | "medical" | "fire" | "come";

/** The keys' conversation with a caller who does not speak. */
export interface Ghost {
  /** Asked and not answered yet. */
  question: GhostQuestion | null;
  answers: { question: GhostQuestion; answer: "yes" | "no" }[];
  /** From then on the call may be ended as silent. */
  listen_until: string;
}

export interface PhoneCall {
  call_id: string;
  /** When it was first answered, as the log has it. */
  answered_at: string | null;
  number: string | null;
  number_status: NumberStatus;
  on_hold: boolean;
  muted: boolean;
  /** `consulted`: the seat's phone asks it by a second line; it does not hear the caller. */
  parties: { leg_id: string; address: string; state: "calling" | "joined" | "left"; consulted?: boolean }[];
  /** Parties that are not there although they were called, the latest first. */
  gone?: GoneParty[];
  /** Missing from a switch of before lines were measured. */
  lines?: LineView[];
  location: CallerLocation | null;
  direction?: Direction;
  /** A call of ours rings before it is live. */
  state?: "calling" | "ringing" | "live";
  callback_id?: string | null;
  ghost?: Ghost | null;
  /** A transfer whose target has not answered. */
  transfer?: { kind: "blind" | "warm" | "refer"; target: string; to_seat: boolean; since: string } | null;
  /** Null when only parties talk with the caller. */
  seat_id?: string | null;
  operator_name?: string | null;
  /** Supervisors that the seat is to know of. */
  supervisors?: SupervisionMode[];
}

export interface GoneParty {
  address: string;
  reason: "refused" | "no-answer" | "failed";
  /** Of SIP, where the far end or the network gave one. */
  status: number | null;
  at: string;
}

/** Hears all, heard by nobody; heard by the seat alone; heard by all. */
export type SupervisionMode = "listen" | "whisper" | "barge";

/** A call that waits for certain seats first: parked, or on its way to a seat. */
export interface SetAside {
  call_id: string;
  number: string | null;
  number_status: NumberStatus;
  seat_id: string;
  since: string;
  slot: number | null;
  to_seat_id: string | null;
}

/** A caller who waits; in the order in which they will be offered. */
export interface QueueEntry extends Turn {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  trunk: string;
  lane?: "normal" | "slow";
}

/** Who waits and who talks, as the switch says; sent with the feed to supervisors, once a second. */
export interface LiveBoard {
  now: string;
  /** The node whose switch this is; empty where there is but one. */
  node: string;
  /** The switch does not answer the server. */
  away: boolean;
  queue: QueueEntry[];
  /** Parked calls, and those on their way to a seat. */
  waiting: SetAside[];
  /** Every live call, the oldest first. */
  calls: PhoneCall[];
}

/** The whole truth of one seat, pushed by the switch on every change and every 5 s. */
export interface SeatPush {
  now: string;
  seat: {
    seat_id: string;
    operator_id: string;
    state: SeatState;
    reason: string | null;
    since: string;
    media: "connected" | "connecting" | "down";
    /** When wrap-up ends by itself; null: not before the operator says so. */
    wrap_up_until?: string | null;
  };
  queue: QueueEntry[];
  offer: PhoneOffer | null;
  call: PhoneCall | null;
  seats_ready: number;
  /** Codes of what is wrong with telephony right now. */
  alarms: string[];
  /** Names of trunks that do not answer. */
  trunks_down?: string[];
  waiting?: SetAside[];
  /** Every live call; for supervisors only. */
  live?: PhoneCall[];
  supervision?: { call_id: string; mode: SupervisionMode; since: string } | null;
  gateways?: { name: string; registered: boolean }[];
  /** The recorded notice that callers hear, if one is switched on. */
  surge?: { notice: string; since: string; operator_id: string } | null;
}
