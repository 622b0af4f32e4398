/** The report form: what is typed, what is sent, what is missing. */

import type { Problem } from "./api";
import type { Place } from "./types/city";
import type { Row } from "./types/feed";
import type { IncidentBody, Report } from "./types/incident";
import { personalOf } from "./rows";

export const SUMMARY_CHARS_MAX = 4_000;
export const INJURED_MAX = 9_999;

/** A report being typed. */
export interface ReportDraft {
  call_id: string | null;
  /** Set while an incident is being corrected. */
  incident_id: string | null;
  place: Place | null;
  /** What stands in the search field. */
  place_text: string;
  place_detail: string;
  category: string;
  /** null: as the category has it. */
  priority: number | null;
  injured: string;
  hazards: string[];
  caller_name: string;
  access_notes: string;
  summary: string;
}

export function emptyReport(call_id: string | null): ReportDraft {
  return {
    call_id,
    incident_id: null,
    place: null,
    place_text: "",
    place_detail: "",
    category: "",
    priority: null,
    injured: "",
    hazards: [],
    caller_name: "",
    access_notes: "",
    summary: "",
  };
}

/** Whether anything has been said that would be missed. */
export function isBlank(draft: ReportDraft): boolean {
  return JSON.stringify({ ...draft, call_id: null }) === JSON.stringify(emptyReport(null));
}

/** The form filled with what an incident says now. */
export function reportOf(row: Row<IncidentBody>): ReportDraft {
  const { body } = row;
  const place = personalOf<Place>(row, body.place);
  const report = personalOf<Report>(row, body.report);
  return {
    call_id: null,
    incident_id: body.incident_id,
    place: place && { ...place, ward_code: body.ward_code },
    place_text: place?.label ?? "",
    place_detail: place?.detail ?? "",
    category: body.category,
    priority: body.priority,
    injured: body.injured === null ? "" : String(body.injured),
    hazards: [...body.hazards],
    caller_name: report?.caller_name ?? "",
    access_notes: report?.access_notes ?? "",
    summary: report?.summary ?? "",
  };
}

export type Missing = "place" | "category" | "injured";

/** What must still be said before the report can be sent. */
export function missingIn(draft: ReportDraft): Missing[] {
  const missing: Missing[] = [];
  if (draft.place === null) missing.push("place");
  if (draft.category === "") missing.push("category");
  if (draft.injured !== "" && !(Number(draft.injured) <= INJURED_MAX && /^\d+$/.test(draft.injured))) {
    missing.push("injured");
  }
  return missing;
}

function parts(draft: ReportDraft, priority: number, people: unknown[]) {
  const { lat, lon, label = "", ward_code = null, source } = draft.place as Place;
  return {
    category: draft.category,
    priority: draft.priority ?? priority,
    place: { lat, lon, label, detail: draft.place_detail.trim(), ward_code, source },
    injured: draft.injured === "" ? null : Number(draft.injured),
    hazards: draft.hazards,
    report: {
      summary: draft.summary.trim(),
      caller_name: draft.caller_name.trim(),
      access_notes: draft.access_notes.trim(),
      people,
    },
  };
}

/** The body of `POST /api/incidents`; only for a draft that misses nothing. */
export function incidentBody(draft: ReportDraft, defaultPriority: number) {
  return { call_id: draft.call_id, ...parts(draft, defaultPriority, []) };
}

/** The body of `amend`: only what differs from what is recorded; null if nothing does. */
export function amendBody(draft: ReportDraft, row: Row<IncidentBody>): Record<string, unknown> | null {
  const people = personalOf<Report>(row, row.body.report)?.people ?? [];
  const now: Record<string, unknown> = parts(draft, row.body.priority, people);
  const recorded = reportOf(row);
  if (recorded.place === null) return now;
  const before: Record<string, unknown> = parts(recorded, row.body.priority, people);
  const changed = Object.entries(now).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field]),
  );
  return changed.length > 0 ? Object.fromEntries(changed) : null;
}

/** What the server said of one field of the form, `place` standing for `place.lat` as well. */
export function fieldProblem(problem: Problem | null, field: string): string | null {
  const found = problem?.errors.find(
    (error) => error.field === field || error.field.startsWith(`${field}.`) || error.field.endsWith(`.${field}`),
  );
  return found?.message ?? null;
}
