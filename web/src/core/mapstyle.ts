/** How the map looks: which roads show at which zoom, and colours. Pure. */

import type { UnitState } from "./types/incident";

export const COLOURS = {
  sea: "#0b1722",
  land: "#1b242b",
  coast: "#3b4d5c",
  ward: "#34424f",
  district: "#5f7486",
  pin: "#5aa9e6",
  facility: "#b9a3e3",
  station: "#7fc8c2",
} as const;

export const PRIORITY_COLOURS: readonly string[] = ["#8fb3d1", "#ff6b5e", "#f0a04b", "#e3d26f", "#8fb3d1"];

export const UNIT_COLOURS: Record<UnitState, string> = {
  available: "#62c08a",
  dispatched: "#ff6b5e",
  acknowledged: "#f0a04b",
  en_route: "#f0a04b",
  on_scene: "#5aa9e6",
  transporting: "#c58ae8",
  at_hospital: "#c58ae8",
  out_of_service: "#66727e",
};

export interface RoadStyle {
  /** From this zoom on the road is drawn. */
  zoom: number;
  colour: string;
  /** Pixels at zoom 14; one step of zoom adds a third. */
  width: number;
}

/** By the classes of the city pack's road layer. */
const CLASSES: Record<string, RoadStyle> = {
  main: { zoom: 0, colour: "#c9a25a", width: 2.4 },
  street: { zoom: 11, colour: "#8d8a72", width: 1.7 },
  local: { zoom: 13, colour: "#56646f", width: 1.2 },
  alley: { zoom: 15, colour: "#4a5660", width: 0.9 },
  track: { zoom: 15, colour: "#46505a", width: 0.8 },
  path: { zoom: 16, colour: "#3f4a54", width: 0.7 },
};

/** A class that this table does not know is drawn as an alley. */
export function roadStyle(roadClass: string): RoadStyle {
  return CLASSES[roadClass] ?? (CLASSES["alley"] as RoadStyle);
}

/** Pixels of a road at a zoom; never thinner than half a pixel. */
export function roadWidth(style: RoadStyle, zoom: number): number {
  return Math.max(0.5, style.width * (1 + (zoom - 14) / 3));
}

/** From these zooms on, names are shown. */
export const LABELS = { district: 10, ward: 13, road: 15, unit: 15, facility: 16 } as const;
/** More names of roads than this in one view cannot be read. */
export const ROAD_NAMES_MAX = 40;
