/** The city pack as the screens need it, whatever the pack leaves out. */

import type { Agency, Category, City, Facility, Named } from "./types/city";
import type { Milestone, UnitState } from "./types/incident";

export interface Reference {
  city: City;
  agencies: Agency[];
  stations: Facility[];
  hospitals: Facility[];
  unit_kinds: Named[];
  categories: Category[];
  hazards: Named[];
  dispositions: Named[];
  call_classes: Named[];
  not_ready_reasons: Named[];
  override_reasons: Named[];
  stand_down_reasons: Named[];
  out_of_service_reasons: Named[];
  unit_moves: Record<string, UnitState[]>;
  /** In each state what a crew is asked to report, in the order in which it comes. */
  unit_milestones: Record<string, Milestone[]>;
  operators: Record<string, string>;
  /** Seconds within which a caller should have been called back. */
  call_back_due_s: number;
  /** Names that the switch can dial. */
  directory: string[];
}

const OUT_OF_SERVICE_REASONS = [
  "breakdown",
  "maintenance",
  "refuelling",
  "cleaning",
  "no-crew",
  "crew-rest",
  "training",
  "other",
];

const EMPTY_CITY: City = {
  code: "",
  name: "",
  zone: "Asia/Jayapura",
  number: "112",
  bbox: [128, -3.85, 128.4, -3.5],
  center: [128.18, -3.695],
  attribution: [],
  pack_version: "",
};

type Loose = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A thing with a code and names, also where only its code is sent. */
export function named(item: unknown): Named {
  if (typeof item === "string") return { code: item, name_id: "", name_en: "" };
  const { code, kind, name, name_id, name_en } = (item ?? {}) as Loose;
  return {
    code: text(code) || text(kind),
    name_id: text(name_id) || text(name),
    name_en: text(name_en),
  };
}

/** Codes in a list, or a map from code to names. */
function nameds(value: unknown): Named[] {
  if (Array.isArray(value)) return value.map(named);
  return Object.entries((value ?? {}) as Loose).map(([code, item]) =>
    typeof item === "string" ? { code, name_id: item, name_en: "" } : { ...named(item), code },
  );
}

function facility(item: unknown): Facility {
  const at = (item ?? {}) as Loose;
  return {
    id: text(at["station_id"]) || text(at["hospital_id"]) || text(at["id"]),
    name: text(at["name"]),
    lat: number(at["lat"]),
    lon: number(at["lon"]),
    placeholder: at["placeholder"] === true,
  };
}

function category(item: unknown): Category {
  const { group, default_priority } = (item ?? {}) as Loose;
  return { ...named(item), group: text(group), default_priority: number(default_priority) ?? 3 };
}

/** Read what `GET /api/reference` answered. Never throws: what is missing is empty. */
export function referenceOf(answer: unknown): Reference {
  const from = (answer ?? {}) as Loose;
  const city = (from["city"] ?? {}) as Partial<City>;
  return {
    city: { ...EMPTY_CITY, ...city, attribution: list(city.attribution).map(text) },
    agencies: list(from["agencies"]) as Agency[],
    stations: list(from["stations"]).map(facility),
    hospitals: list(from["hospitals"]).map(facility),
    unit_kinds: nameds(from["unit_kinds"]),
    categories: list(from["categories"]).map(category),
    hazards: nameds(from["hazards"]),
    dispositions: nameds(from["dispositions"]),
    call_classes: nameds(from["call_classes"]),
    not_ready_reasons: nameds(from["not_ready_reasons"]),
    override_reasons: nameds(from["override_reasons"]),
    stand_down_reasons: nameds(from["stand_down_reasons"]),
    out_of_service_reasons: nameds(from["out_of_service_reasons"] ?? OUT_OF_SERVICE_REASONS),
    unit_moves: (from["unit_moves"] ?? {}) as Record<string, UnitState[]>,
    unit_milestones: (from["unit_milestones"] ?? {}) as Record<string, Milestone[]>,
    call_back_due_s: number(from["call_back_due_s"]) ?? 180,
    directory: list(from["directory"]).map(text),
    operators: (from["operators"] ?? {}) as Record<string, string>,
  };
}
