/** What an action is: what it looks at, and what it does. */

import type { Command } from "../outbox";
import type { PhoneOp, PhoneStatus } from "../phone";
import type { CallBody } from "../types/call";
import type { CallBackBody } from "../types/callback";
import type { IncidentBody, Recommendation, UnitBody, UnitState } from "../types/incident";
import type { Role } from "../types/people";

/** What the screen has in hand. */
export interface Selection {
  roles: readonly Role[];
  /** Of an agency desk. */
  agency_id: string | null;
  operator_id?: string;
  phone: Pick<PhoneStatus, "seat_id" | "line" | "media" | "push">;
  /** The call of this desk: live, or ended and not wrapped up. */
  call: CallBody | null;
  /** A report form is open. */
  reporting: boolean;
  incident: IncidentBody | null;
  unit: UnitBody | null;
  /** Of the selected incident. */
  recommendation: Recommendation | null;
  /** Listening in to a silent caller is over. */
  listened?: boolean;
  /** An unanswered dispatch that nobody has dealt with. */
  alarm: boolean;
  unit_moves: Record<string, UnitState[]>;
  /** Whom to call back next: the item that is picked, else the first that can be called. */
  callBack?: CallBackBody | null;
  /** The item whose outcome would be said: picked, or just called. */
  toSettle?: CallBackBody | null;
  /** The live call that a supervisor has chosen from the list. */
  watched?: string | null;
  /** The waiting call that a supervisor's keys mean: the chosen one, else the first. */
  waiting?: Queued | null;
  /** Something that was just done has a way back. */
  undo?: boolean;
}

/** A waiting call, with the turn that it has or is about to have. */
export interface Queued {
  call_id: string;
  /** The number, or what is said in its place. */
  name: string;
  precedence: number;
}

/** What the screen opens or puts the cursor in. */
export type Target =
  | { open: "seat" | "not-ready" | "surge" | "palette" | "keys" | "sign-off-unsent" }
  | { open: "amend" | "new-report" | "sign-off" | "language" | "map" | "pick" | "undo" }
  // What a dialog is about stays what it was opened for, whatever is selected by then.
  | { open: "add-party" | "transfer"; call_id: string }
  | { open: "note" | "reopen" | "close-incident" | "timeline"; incident_id: string }
  | { open: "stand-down" | "override"; incident_id: string; unit_id: string }
  | { open: "unit-state"; unit_id: string }
  | { open: "drop-party"; leg_id: string }
  | { open: "measure"; number: string }
  | { open: "focus"; testid: string }
  | { open: "priority"; priority: number }
  | { open: "submit" }
  | { open: "step"; by: 1 | -1 }
  | { open: "handle-alarm" }
  | { open: "call-backs" }
  | { open: "call-back" | "call-back-silent" | "call-back-outcome" | "call-back-reopen"; callback_id: string }
  | { open: "next-waiting" }
  | { open: "skill"; call_id: string }
  | { open: "address"; address: string };

export type Effect =
  | { do: "phone"; op: PhoneOp; body?: Record<string, unknown> }
  | { do: "send"; command: Command; undo?: Target; back?: WayBack }
  | { do: "open"; target: Target };

/** What is said once a command is done, and the command that puts it back. */
export interface WayBack {
  text: string;
  values: Record<string, string>;
  command: Command;
}

export type Group = "phone" | "report" | "incident" | "screen";

export interface Action {
  name: string;
  keys: readonly string[];
  group: Group;
  /** What to do, or null while it makes no sense. */
  effect: (selection: Selection) => Effect | null;
}

export const phone = (op: PhoneOp, body?: Record<string, unknown>): Effect => ({
  do: "phone",
  op,
  ...(body ? { body } : {}),
});
export const open = (target: Target): Effect => ({ do: "open", target });
export const focus = (testid: string): Effect => open({ open: "focus", testid });
