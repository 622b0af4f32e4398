/** The incident that a unit is on, from the feed and from `GET /api/units/{id}/assignment`. Pure. */

import { personalOf, type Rows } from "../core/rows";
import type { Place, PlaceAt } from "../core/types/city";
import type { Personal } from "../core/types/feed";
import type { IncidentBody, Milestone, Report, UnitBody } from "../core/types/incident";

export interface Route {
  /** Longitude first, as in GeoJSON. */
  coordinates: [number, number][];
  travel_s: number;
  distance_m: number;
  /** With a patient on board the way leads to the hospital. */
  to: "incident" | "hospital";
}

/** As the server answers it. */
export interface AssignmentAnswer {
  incident: IncidentBody;
  personal: Personal;
  notes: unknown;
  route: Route | null;
}

/** Kept on the phone, so that it is there in a dead spot and after a restart. */
export interface Assignment {
  incident: IncidentBody;
  personal: Personal;
  route: Route | null;
  /** Ward, district and nearest road; null until the gazetteer has said. */
  where: PlaceAt | null;
  /** Device clock, ms since 1970; 0: only from the feed. */
  fetched_at_ms: number;
}

export function assignmentOf(answer: AssignmentAnswer | null, now_ms: number): Assignment | null {
  if (!answer?.incident) return null;
  const { incident, personal, route } = answer;
  return { incident, personal: personal ?? {}, route: route ?? null, where: null, fetched_at_ms: now_ms };
}

/**
 * What is known of the unit's incident; null if it has none or nothing is known yet.
 *
 * Crews whose account has a fixed unit get the incident on the feed, which is sooner; the others
 * have what was asked for last. The route is only in the latter.
 */
export function present(
  rows: Rows,
  unit: UnitBody | null,
  kept: Assignment | null,
): Assignment | null {
  if (!unit?.incident_id) return null;
  const asked = kept?.incident.incident_id === unit.incident_id ? kept : null;
  const row = rows.get("incident", unit.incident_id);
  if (!row) return asked;
  return {
    incident: row.body,
    personal: row.personal,
    route: asked?.route ?? null,
    where: asked && samePlace(asked, { ...row, incident: row.body }) ? asked.where : null,
    fetched_at_ms: asked?.fetched_at_ms ?? 0,
  };
}

/** Whether two states of an incident are at one place, and so in one ward. */
export function samePlace(
  a: Pick<Assignment, "incident" | "personal">,
  b: Pick<Assignment, "incident" | "personal">,
): boolean {
  const point = ({ incident, personal }: typeof a): string => {
    const place = personalOf<Place>({ personal }, incident.place);
    return place ? `${place.lat} ${place.lon}` : "";
  };
  return point(a) === point(b);
}

/** `Kel. Rijali, Kec. Sirimau · Jl. Pattimura`; empty at sea. */
export function whereText(where: PlaceAt | null): string {
  const area = [where?.ward, where?.district].filter(Boolean).join(", ");
  return [area, where?.nearest_road].filter(Boolean).join(" · ");
}

export function placeOf({ incident, personal }: Assignment): Place | null {
  return personalOf<Place>({ personal }, incident.place);
}

export function reportOf({ incident, personal }: Assignment): Report | null {
  return personalOf<Report>({ personal }, incident.report);
}

/** Where the unit takes its patient, as recorded. */
export function hospitalOf(assignment: Assignment | null, unit_id: string | null): string | null {
  const part = assignment?.incident.units.find((unit) => unit.unit_id === unit_id);
  return (part as { hospital_id?: string | null } | undefined)?.hospital_id ?? null;
}

/** What the unit's crew has reported from the scene, as recorded. */
export function reachedBy(assignment: Assignment | null, unit_id: string): readonly Milestone[] {
  return assignment?.incident.units.find((unit) => unit.unit_id === unit_id)?.reached ?? [];
}

export interface ShownNote {
  at: string;
  operator_id: string;
  /** Null once erased. */
  text: string | null;
}

/** The notes, newest first: that is what a crew looks for. */
export function notesOf({ incident, personal }: Assignment): ShownNote[] {
  return incident.notes
    .map(({ at, operator_id, note }) => ({
      at,
      operator_id,
      text: personalOf<{ text: string }>({ personal }, note)?.text ?? null,
    }))
    .reverse();
}

/** What is known of somebody who is hurt, in one line. */
export function peopleOf(report: Report | null): string[] {
  return (report?.people ?? []).flatMap((person) => {
    if (typeof person === "string") return person === "" ? [] : [person];
    const { name, description, condition } = (person ?? {}) as Record<string, unknown>;
    const said = [name, description, condition].filter(
      (each): each is string => typeof each === "string" && each !== "",
    );
    return said.length > 0 ? [said.join(" · ")] : [];
  });
}

export interface News {
  /** Device clock, ms since 1970. */
  at_ms: number;
  /** The new note, if that is what is new. */
  note: string | null;
}

/** What a crew on the road must hear of; null if nothing. Notes of their own are no news to them. */
export function newsSince(
  before: Assignment,
  now: Assignment,
  operator_id: string,
  at_ms: number,
): News | null {
  if (before.incident.incident_id !== now.incident.incident_id) return null;
  const others = (of: Assignment): ShownNote[] =>
    notesOf(of).filter((note) => note.operator_id !== operator_id);
  const [newest] = others(now);
  if (newest && others(now).length > others(before).length) return { at_ms, note: newest.text };
  return facts(before) === facts(now) ? null : { at_ms, note: null };
}

function facts({ incident, personal }: Assignment): string {
  const { category, priority, injured, hazards, place, report } = incident;
  const texts = [place, report].map((id) => (id === null ? null : personal[id]));
  return JSON.stringify([category, priority, injured, hazards, texts]);
}

/** Opens the phone's own navigation at the place. */
export function navigationLink(place: Pick<Place, "lat" | "lon" | "label">): string {
  const point = `${place.lat.toFixed(6)},${place.lon.toFixed(6)}`;
  return `geo:${point}?q=${point}(${encodeURIComponent(place.label || "112")})`;
}
