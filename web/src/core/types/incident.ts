/** Incidents and units, and what is recommended. */

export interface Report {
  summary: string;
  caller_name: string;
  access_notes: string;
  people: unknown[];
}

export interface IncidentUnit {
  unit_id: string;
  state: UnitState;
  dispatched_at: string;
  ack_due_at: string | null;
  acknowledged_at: string | null;
  ack_overdue: boolean;
  /** Missing in rows that were stored before crews reported it. */
  reached?: Milestone[];
  /** Who could go instead, while overdue. */
  proposed_unit_id?: string | null;
  released_at: string | null;
}

export interface IncidentBody {
  incident_id: string;
  number: string;
  state: "open" | "closed";
  opened_at: string;
  closed_at: string | null;
  category: string;
  priority: number;
  place: string | null;
  ward_code: string | null;
  injured: number | null;
  hazards: string[];
  report: string | null;
  call_ids: string[];
  units: IncidentUnit[];
  notify: string[];
  notes: { at: string; operator_id: string; note: string }[];
  disposition: string | null;
  remarks: string | null;
  reopened: number;
  opened_by: string;
}

export type UnitState =
  | "available"
  | "dispatched"
  | "acknowledged"
  | "en_route"
  | "on_scene"
  | "transporting"
  | "at_hospital"
  | "out_of_service";

/** What a crew reports from the scene without its unit moving. */
export type Milestone = "access" | "work";

export interface UnitBody {
  unit_id: string;
  agency_id: string;
  station_id: string | null;
  kind: string;
  callsign: string;
  state: UnitState;
  incident_id: string | null;
  since: string | null;
  reason: string | null;
  operators: string[];
}

export interface Recommendation {
  units: {
    unit_id: string;
    agency_id: string;
    kind: string;
    travel_s: number | null;
    distance_m: number | null;
    for: string | null;
    recommended: boolean;
    /** Sending it must be explained. */
    needs_reason?: boolean;
    reasons: string[];
  }[];
  needs: { agency_id: string | null; kind: string; count: number; met: number | boolean }[];
  notify: string[];
}
