/** The incident in hand and its units. */

import { may, mayAmend, mayDispatch, mayReport, movesOf } from "../rights";
import type { IncidentBody, Recommendation } from "../types/incident";
import type { Role } from "../types/people";
import { open, type Action, type Effect, type Selection } from "./action";

/** Send a unit; one that the ranking would not send is asked a reason for. */
export function dispatchEffect(
  incident: IncidentBody,
  unit_id: string,
  recommendation: Recommendation | null,
): Effect {
  const ranked = recommendation?.units.find((unit) => unit.unit_id === unit_id);
  if (ranked?.needs_reason ?? !ranked?.recommended) return open({ open: "override", incident_id: incident.incident_id, unit_id });
  return {
    do: "send",
    command: {
      path: `/api/incidents/${incident.incident_id}/dispatch`,
      body: { unit_id, override_reason: null, override_note: null },
      label: "command.dispatch",
      subject: unit_id,
    },
    undo: { open: "stand-down", incident_id: incident.incident_id, unit_id },
  };
}

/** Units of an incident that have not been released. */
export function engaged(incident: IncidentBody): string[] {
  return incident.units.filter((unit) => unit.released_at === null).map((unit) => unit.unit_id);
}

/** The unit that "stand down" means: the selected one, or the only one there is. */
function standingDown({ roles, incident, unit }: Selection): string | null {
  if (!incident || !mayDispatch(roles)) return null;
  const units = engaged(incident);
  if (unit && units.includes(unit.unit_id)) return unit.unit_id;
  return units.length === 1 ? (units[0] ?? null) : null;
}

/** Recommended units that a digit sends. */
export const DIGITS_MAX = 9;

const digitActions: readonly Action[] = Array.from({ length: DIGITS_MAX }, (_, at) => ({
  name: `dispatch-${at + 1}`,
  keys: [String(at + 1)],
  group: "incident" as const,
  effect: ({ roles, incident, recommendation }: Selection): Effect | null => {
    const found = recommendation?.units[at];
    return incident?.state === "open" && found && mayDispatch(roles)
      ? dispatchEffect(incident, found.unit_id, recommendation)
      : null;
  },
}));

const onIncident = (
  name: string,
  key: string,
  effect: (selection: Selection, incident: IncidentBody) => Effect | null,
): Action => ({
  name,
  keys: [key],
  group: "incident",
  effect: (selection) => (selection.incident ? effect(selection, selection.incident) : null),
});

/** The case names callers: it is for the room, not for agencies. */
function caseFile(roles: readonly Role[], incident_id: string, kind: "pdf" | "json"): Effect | null {
  const address = `/api/incidents/${incident_id}/case.${kind}`;
  return mayReport(roles) ? open({ open: "address", address }) : null;
}

export const INCIDENT_ACTIONS: readonly Action[] = [
  ...digitActions,
  onIncident("dispatch-selected", "d", ({ roles, unit, recommendation }, incident) =>
    incident.state === "open" && unit?.state === "available" && mayDispatch(roles)
      ? dispatchEffect(incident, unit.unit_id, recommendation)
      : null,
  ),
  onIncident("stand-down", "s", (selection, { incident_id }) => {
    const unit_id = standingDown(selection);
    return unit_id ? open({ open: "stand-down", incident_id, unit_id }) : null;
  }),
  onIncident("note", "n", ({ roles }, { incident_id }) =>
    may(roles, ["call_taker", "dispatcher", "supervisor", "agency_desk"])
      ? open({ open: "note", incident_id })
      : null,
  ),
  onIncident("amend", "e", ({ roles, operator_id, reporting }, { state, opened_by }) =>
    mayAmend(roles, operator_id ?? null, opened_by) && state === "open" && !reporting ? open({ open: "amend" }) : null,
  ),
  onIncident("close-incident", "x", ({ roles }, incident) =>
    incident.state === "open" && engaged(incident).length === 0 && mayDispatch(roles)
      ? open({ open: "close-incident", incident_id: incident.incident_id })
      : null,
  ),
  onIncident("reopen", "r", ({ roles }, { state, incident_id }) =>
    state === "closed" && mayDispatch(roles) ? open({ open: "reopen", incident_id }) : null,
  ),
  onIncident("timeline", "t", ({ roles }, { incident_id }) =>
    mayReport(roles) ? open({ open: "timeline", incident_id }) : null,
  ),
  onIncident("case-pdf", "p", ({ roles }, { incident_id }) => caseFile(roles, incident_id, "pdf")),
  onIncident("case-json", "c", ({ roles }, { incident_id }) => caseFile(roles, incident_id, "json")),
  {
    name: "unit-state",
    keys: ["u"],
    group: "incident",
    effect: (selection) =>
      selection.unit && movesOf(selection, selection.unit).length > 0
        ? open({ open: "unit-state", unit_id: selection.unit.unit_id })
        : null,
  },
  {
    name: "handle-alarm",
    keys: ["h"],
    group: "incident",
    effect: ({ alarm }) => (alarm ? open({ open: "handle-alarm" }) : null),
  },
];
