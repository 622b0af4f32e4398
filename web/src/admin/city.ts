/** What the city has that an account may belong to. */

import { get } from "../core/api";
import { referenceOf } from "../core/reference";
import type { Agency } from "../core/types/city";

export interface CityUnit {
  unit_id: string;
  callsign: string;
}

export interface City {
  agencies: Agency[];
  units: CityUnit[];
}

/** Agencies and units by name; none while the server cannot say. */
export async function cityOf(): Promise<City> {
  const answer = await get<{ units?: CityUnit[] }>("/api/reference");
  const { agencies } = referenceOf(answer.ok ? answer.value : null);
  const name = ({ short_name, name }: Agency): string => short_name || name;
  return {
    agencies: agencies.toSorted((a, b) => name(a).localeCompare(name(b))),
    units: (answer.ok ? (answer.value.units ?? []) : []).toSorted((a, b) => a.callsign.localeCompare(b.callsign)),
  };
}
