/** Who may do what: the server decides, the screen offers no more than it would allow. */

import type { UnitBody, UnitState } from "./types/incident";
import type { Role } from "./types/people";

const TAKERS: readonly Role[] = ["call_taker", "supervisor"];
const ROOM: readonly Role[] = ["call_taker", "dispatcher", "supervisor"];
const DISPATCHERS: readonly Role[] = ["dispatcher", "supervisor"];

export function may(roles: readonly Role[], allowed: readonly Role[]): boolean {
  return allowed.some((role) => roles.includes(role));
}
export const mayTakeCalls = (roles: readonly Role[]): boolean => may(roles, TAKERS);
/** An agency's desk as well: it is offered what overflows to it, or is for its agency. */
export const maySit = (roles: readonly Role[]): boolean => may(roles, [...TAKERS, "agency_desk"]);
export const mayReport = (roles: readonly Role[]): boolean => may(roles, ROOM);
export const mayDispatch = (roles: readonly Role[]): boolean => may(roles, DISPATCHERS);
export const maySupervise = (roles: readonly Role[]): boolean => may(roles, ["supervisor"]);

/** The room, and a desk that opened the incident. */
export function mayAmend(roles: readonly Role[], operator_id: string | null, opened_by: string): boolean {
  return mayReport(roles) || (may(roles, ["agency_desk"]) && operator_id === opened_by);
}

/** Whose rights, and the server's table of moves. */
interface Rights {
  roles: readonly Role[];
  agency_id: string | null;
  unit_moves: Record<string, UnitState[]>;
}

/** What may be reported for a unit: by dispatchers anything, by a desk for its own agency's units. */
export function movesOf(
  { roles, agency_id, unit_moves }: Rights,
  unit: UnitBody,
): UnitState[] {
  const own = may(roles, ["agency_desk"]) && unit.agency_id === agency_id;
  if (!own && !mayDispatch(roles)) return [];
  // A unit is dispatched from its incident, not from here.
  return (unit_moves[unit.state] ?? []).filter((state) => state !== "dispatched");
}
