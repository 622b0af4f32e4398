/** What a crew reports: which moves there are, and what the phone has on its way. Pure. */

import type { Command, Entry } from "../core/outbox";
import type { Milestone, UnitBody, UnitState } from "../core/types/incident";

/** Body of `POST /api/units/{unit_id}/report`. */
export interface Report {
  state: UnitState;
  /** When the button was pressed, however late it is sent. */
  at: string;
  hospital_id: string | null;
  /** The incident on the screen: a late report is then never taken for one about the next. */
  incident_id: string | null;
}

/** Body of `POST /api/units/{unit_id}/milestone`. */
export interface Reached {
  milestone: Milestone;
  /** When the button was pressed, however late it is sent. */
  at: string;
  incident_id: string | null;
}

/** Names of commands on screen; each is a key of the texts. */
export const LABELS = {
  report: "field.command.report",
  reached: "field.command.reached",
  note: "field.command.note",
  out: "field.command.out_of_service",
  back: "field.command.in_service",
  signOn: "field.command.sign_on",
  signOff: "field.command.sign_off",
} as const;

/** States of an assignment in the order in which they come. */
const PROGRESS: readonly UnitState[] = [
  "dispatched",
  "acknowledged",
  "en_route",
  "on_scene",
  "transporting",
  "at_hospital",
];
const WITH_PATIENT: readonly UnitState[] = ["transporting", "at_hospital"];

export function isWithPatient(state: UnitState): boolean {
  return WITH_PATIENT.includes(state);
}

const unitPath = (unit_id: string, verb: string): string =>
  `/api/units/${encodeURIComponent(unit_id)}/${verb}`;

export function reportCommand(unit_id: string, report: Report): Command {
  return { path: unitPath(unit_id, "report"), body: report, label: LABELS.report, subject: unit_id };
}

export function reachedCommand(unit_id: string, reached: Reached): Command {
  const path = unitPath(unit_id, "milestone");
  return { path, body: reached, label: LABELS.reached, subject: unit_id };
}

export function outCommand(unit_id: string, reason: string): Command {
  const path = unitPath(unit_id, "out-of-service");
  return { path, body: { reason }, label: LABELS.out, subject: unit_id };
}

export function backCommand(unit_id: string): Command {
  return { path: unitPath(unit_id, "in-service"), body: {}, label: LABELS.back, subject: unit_id };
}

export function signOnCommand(unit_id: string): Command {
  return { path: unitPath(unit_id, "sign-on"), body: {}, label: LABELS.signOn, subject: unit_id };
}

export function signOffCommand(unit_id: string): Command {
  return { path: unitPath(unit_id, "sign-off"), body: {}, label: LABELS.signOff, subject: unit_id };
}

export function noteCommand(incident_id: string, text: string): Command {
  const path = `/api/incidents/${encodeURIComponent(incident_id)}/note`;
  return { path, body: { text }, label: LABELS.note, subject: incident_id };
}

/** The report in an entry of the outbox; null if it is another command. */
export function reportIn(entry: Command): Report | null {
  return entry.label === LABELS.report ? (entry.body as Report) : null;
}

/** The milestone in an entry of the outbox; null if it is another command. */
export function reachedIn(entry: Command): Reached | null {
  return entry.label === LABELS.reached ? (entry.body as Reached) : null;
}

/** Where the unit stands once everything on its way has arrived. */
export interface Planned {
  state: UnitState;
  hospital_id: string | null;
  /** Something of it is not yet recorded. */
  pending: boolean;
}

/**
 * The recorded state, moved on by what is on its way.
 *
 * Only for offering the next button: the screen shows the recorded state, and beside it what is
 * pending. Reports about another incident, and reports that are behind what is recorded by now,
 * move nothing.
 */
export function planned(unit: UnitBody, entries: readonly Entry[]): Planned {
  const plan: Planned = { state: unit.state, hospital_id: null, pending: false };
  for (const entry of entries) {
    if (entry.state === "refused" || entry.subject !== unit.unit_id) continue;
    const next = stateAfter(plan.state, entry, unit);
    if (next === null || next === plan.state) continue;
    plan.state = next;
    plan.hospital_id = reportIn(entry)?.hospital_id ?? plan.hospital_id;
    plan.pending = true;
  }
  return plan;
}

function stateAfter(state: UnitState, entry: Entry, unit: UnitBody): UnitState | null {
  if (entry.label === LABELS.out) return "out_of_service";
  if (entry.label === LABELS.back) return state === "out_of_service" ? "available" : null;
  const report = reportIn(entry);
  if (!report || unit.incident_id === null || report.incident_id !== unit.incident_id) return null;
  if (!PROGRESS.includes(state)) return null;
  if (report.state === "available") return "available";
  return PROGRESS.indexOf(report.state) > PROGRESS.indexOf(state) ? report.state : null;
}

export interface Moves {
  /** The one that nearly always comes next; null if the crew has nothing to report now. */
  usual: UnitState | null;
  others: UnitState[];
}

/**
 * What the crew may report now, out of the server's table.
 *
 * The first move of a line is the usual one, but a unit that carries nobody does not usually go to
 * a hospital; and nobody is usually out of service.
 */
export function moves(
  state: UnitState,
  table: Readonly<Record<string, readonly UnitState[]>>,
  carriesPatients: boolean,
): Moves {
  const allowed = (table[state] ?? []).filter((next) => next !== "dispatched");
  const usual =
    allowed.find((next) => next !== "out_of_service" && (carriesPatients || !isWithPatient(next))) ??
    null;
  const others = allowed.filter((next) => next !== usual);
  return { usual, others: carriesPatients ? others : [...others].sort(hospitalLast) };
}

const hospitalLast = (a: UnitState, b: UnitState): number =>
  Number(isWithPatient(a)) - Number(isWithPatient(b));

/**
 * What the crew has not yet said of its work on scene, in the order in which it comes.
 *
 * `reached`: recorded. What is on its way counts as said.
 */
export function milestonesLeft(
  plan: Planned,
  table: Readonly<Record<string, readonly Milestone[]>>,
  reached: readonly Milestone[],
  entries: readonly Entry[],
  unit: UnitBody,
): Milestone[] {
  const said = pendingOf(entries).flatMap((entry) => {
    const told = entry.subject === unit.unit_id ? reachedIn(entry) : null;
    return told && told.incident_id === unit.incident_id ? [told.milestone] : [];
  });
  return (table[plan.state] ?? []).filter((one) => !reached.includes(one) && !said.includes(one));
}

/** Entries that wait for an answer or for the feed, oldest first. */
export function pendingOf(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => entry.state !== "refused");
}

export function refusedOf(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => entry.state === "refused");
}

/** Whether this phone itself has asked to end the unit's part in the incident. */
export function isLeaving(entries: readonly Entry[], unit_id: string, incident_id: string): boolean {
  return pendingOf(entries).some((entry) => {
    if (entry.subject !== unit_id) return false;
    const report = reportIn(entry);
    if (report) return report.state === "available" && report.incident_id === incident_id;
    return entry.label === LABELS.out;
  });
}

/** A press of the big button right after another is a slip: the button under the thumb has changed. */
export const GUARD_MS = 1_500;

export function isGuarded(pressed_at_ms: number, now_ms: number): boolean {
  const since_ms = now_ms - pressed_at_ms;
  return since_ms >= 0 && since_ms < GUARD_MS;
}
