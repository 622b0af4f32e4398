/** What stands where on the map. */

import type { MapIncident, MapUnit } from "../core/map";
import { personalOf } from "../core/rows";
import type { Place } from "../core/types/city";
import type { Row } from "../core/types/feed";
import type { IncidentBody, UnitState } from "../core/types/incident";
import type { Desk } from "./desk.svelte";

interface Told {
  callsign: string;
  state: UnitState;
  /** Of the fix; null without one. */
  age_s: number | null;
  placeholder: boolean;
}

/** Units at their last fix, else hollow at their station; units of neither are not on the map. */
export function unitsOnMap(desk: Desk, tell: (unit: Told) => string): MapUnit[] {
  return desk.all("unit").flatMap(({ body }) => {
    const fix = desk.positions.get(body.unit_id);
    const station = desk.reference.stations.find(({ id }) => id === body.station_id);
    const lat = fix?.lat ?? station?.lat ?? null;
    const lon = fix?.lon ?? station?.lon ?? null;
    if (lat === null || lon === null) return [];
    const { unit_id, callsign, state } = body;
    const placeholder = !fix && (station?.placeholder ?? false);
    const age_s = fix ? Math.max(0, Math.round((Date.now() - Date.parse(fix.at)) / 1000)) : null;
    const title = tell({ callsign, state, age_s, placeholder });
    return [{ unit_id, callsign, state, lat, lon, title, approximate: !fix }];
  });
}

export function incidentsOnMap(
  desk: Desk,
  rows: Row<IncidentBody>[],
  selected: string | null,
): MapIncident[] {
  return rows.flatMap((row) => {
    const place = personalOf<Place>(row, row.body.place);
    if (!place || (row.body.state === "closed" && row.key !== selected)) return [];
    const category = desk.reference.categories.find(({ code }) => code === row.body.category);
    return [
      {
        incident_id: row.key,
        number: row.body.number,
        priority: row.body.priority,
        lat: place.lat,
        lon: place.lon,
        title: `${row.body.number.slice(-4)} ${category?.name_id ?? ""}`.trim(),
        selected: row.key === selected,
      },
    ];
  });
}
