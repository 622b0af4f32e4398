/** What the feed sends: rows of the log's views, and positions. In all types here and beside it ids are
 *  strings, times ISO 8601 in UTC. */

import type { CallBody } from "./call";
import type { CallBackBody, MeasureBody } from "./callback";
import type { IncidentBody, UnitBody } from "./incident";
import type { FindingBody, SeatBody, SurgeBody, TrunkBody } from "./room";

/** Erasable texts of one row by their id; null once erased. */
export type Personal = Record<string, unknown>;

export interface Row<Body> {
  view: string;
  key: string;
  seq: number;
  body: Body;
  personal: Personal;
}

export interface FeedRow {
  view: string;
  key: string;
  seq: number;
  body: object | null;
  personal?: Personal | null;
}

export interface Batch {
  seq: number;
  now: string;
  rows: FeedRow[];
}

export interface Position {
  unit_id: string;
  lat: number;
  lon: number;
  at: string;
  speed_kmh: number | null;
  heading: number | null;
}

/** The views a console reads, by name. */
export interface Bodies {
  call: CallBody;
  incident: IncidentBody;
  unit: UnitBody;
  seat: SeatBody;
  trunk: TrunkBody;
  callback: CallBackBody;
  measure: MeasureBody;
  finding: FindingBody;
  surge: SurgeBody;
}

export type ViewName = keyof Bodies;
