/** The city pack's lists and places. */

/** Anything with a code and its name in both languages. */
export interface Named {
  code: string;
  name_id: string;
  name_en: string;
}

export interface Category extends Named {
  group: string;
  default_priority: number;
}

export interface Agency {
  agency_id: string;
  name: string;
  short_name?: string;
  phone?: string | null;
  dial?: string | null;
}

export interface Facility {
  id: string;
  name: string;
  lat: number | null;
  lon: number | null;
  placeholder: boolean;
}

export interface City {
  code: string;
  name: string;
  /** IANA name. */
  zone: string;
  /** As people write it, such as WIT. */
  zone_label?: string;
  number: string;
  /** West, south, east, north. */
  bbox: [number, number, number, number];
  /** Longitude, latitude. */
  center: [number, number];
  attribution: string[];
  pack_version: string;
}

export interface Place {
  lat: number;
  lon: number;
  label: string;
  detail: string;
  ward_code?: string | null;
  source: "gazetteer" | "map" | "coordinates" | "caller";
}

export interface FoundPlace {
  place_id: string;
  name: string;
  kind: string;
  ward_code: string | null;
  ward: string | null;
  district: string | null;
  lat: number;
  lon: number;
  match?: string | number;
  verified: boolean;
}

export interface PlaceAt {
  ward_code: string | null;
  ward: string | null;
  district: string | null;
  nearest_road: string | null;
  in_region: boolean;
}
