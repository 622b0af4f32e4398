import { describe, expect, it } from "vitest";
import type { Result } from "../core/api";
import { Rows } from "../core/rows";
import type { PlaceAt } from "../core/types/city";
import type { IncidentBody, UnitBody } from "../core/types/incident";
import { Asking, ASSIGNMENT_AGAIN_MS, ASSIGNMENT_MISSING_AGAIN_MS } from "./asking";
import {
  assignmentOf,
  hospitalOf,
  navigationLink,
  newsSince,
  notesOf,
  peopleOf,
  placeOf,
  present,
  samePlace,
  whereText,
  type Assignment,
  type Route,
} from "./assignment";

const AT = "2026-11-23T03:04:05Z";
const PLACE = { lat: -3.6954, lon: 128.1814, label: "Pasar Mardika (blok C)", detail: "", source: "map" };
const ROUTE: Route = { coordinates: [[128.1, -3.6]], travel_s: 300, distance_m: 2000, to: "incident" };

const incident = (changes: Partial<IncidentBody> = {}): IncidentBody => ({
  incident_id: "I1",
  number: "AMB-20261123-0001",
  state: "open",
  opened_at: AT,
  closed_at: null,
  category: "unconscious",
  priority: 1,
  place: "P1",
  ward_code: null,
  injured: null,
  hazards: [],
  report: "R1",
  call_ids: [],
  units: [],
  notify: [],
  notes: [],
  disposition: null,
  remarks: null,
  reopened: 0,
  opened_by: "O9",
  ...changes,
});
const answered = (changes: Partial<IncidentBody> = {}, personal: object = {}): Assignment =>
  assignmentOf(
    { incident: incident(changes), personal: { P1: PLACE, ...personal }, notes: [], route: ROUTE },
    1_000,
  ) as Assignment;
const unit = (incident_id: string | null): UnitBody => ({
  unit_id: "PSC-01",
  agency_id: "DINKES",
  station_id: null,
  kind: "ambulance",
  callsign: "PSC-01",
  state: "acknowledged",
  incident_id,
  since: AT,
  reason: null,
  operators: [],
});

describe("the assignment of a unit", () => {
  it("is what the feed says, with the route that was asked for", () => {
    const rows = new Rows();
    const body = incident({ priority: 2 });
    rows.apply({ seq: 5, rows: [{ view: "incident", key: "I1", seq: 5, body, personal: { P1: PLACE } }] });
    const shown = present(rows, unit("I1"), answered());
    expect(shown?.incident.priority).toBe(2);
    expect(shown?.route).toEqual(ROUTE);
  });

  it("is what was asked for, where the feed does not show incidents", () => {
    const kept = answered();
    expect(present(new Rows(), unit("I1"), kept)).toBe(kept);
  });

  it("is never another incident's", () => {
    expect(present(new Rows(), unit("I2"), answered())).toBeNull();
    expect(present(new Rows(), unit(null), answered())).toBeNull();
    expect(present(new Rows(), null, answered())).toBeNull();
  });

  it("is nothing when the server says so", () => {
    expect(assignmentOf(null, 0)).toBeNull();
  });

  it("shows notes newest first, and that one was erased", () => {
    const notes = [
      { at: AT, operator_id: "O1", note: "N1" },
      { at: AT, operator_id: "O2", note: "N2" },
    ];
    const shown = notesOf(answered({ notes }, { N1: { text: "pintu belakang" }, N2: null }));
    expect(shown.map(({ text }) => text)).toEqual([null, "pintu belakang"]);
  });

  it("names who is hurt, however the report says it", () => {
    const people = [{ name: "", description: "laki-laki 60 th", condition: "sesak" }, "anak", "", null];
    expect(peopleOf({ summary: "", caller_name: "", access_notes: "", people })).toEqual([
      "laki-laki 60 th · sesak",
      "anak",
    ]);
    expect(peopleOf(null)).toEqual([]);
  });

  it("knows the hospital that is recorded", () => {
    const units = [{ unit_id: "PSC-01", hospital_id: "H1" }] as unknown as IncidentBody["units"];
    expect(hospitalOf(answered({ units }), "PSC-01")).toBe("H1");
    expect(hospitalOf(answered(), "PSC-01")).toBeNull();
  });

  it("is erased when its place is erased", () => {
    expect(placeOf(answered({}, { P1: null }))).toBeNull();
  });
});

describe("news for a crew", () => {
  const note = (operator_id: string) => ({ at: AT, operator_id, note: "N1" });
  const since = (now: Assignment) => newsSince(answered(), now, "O1", 7);

  it("is another place, a hazard, or a note of somebody else, which it names", () => {
    expect(since(answered({ hazards: ["gas"] }))).toEqual({ at_ms: 7, note: null });
    expect(since(answered({}, { P1: { ...PLACE, label: "Tantui" } }))).toEqual({ at_ms: 7, note: null });
    const noted = answered({ notes: [note("O2")] }, { N1: { text: "polisi sudah di lokasi" } });
    expect(since(noted)).toEqual({ at_ms: 7, note: "polisi sudah di lokasi" });
  });

  it("is not their own note, nor the state of units, nor another incident", () => {
    expect(since(answered({ notes: [note("O1")] }))).toBeNull();
    const units = [{ unit_id: "DMK-01" }] as unknown as IncidentBody["units"];
    expect(since(answered({ units }))).toBeNull();
    expect(since(answered({ incident_id: "I2", hazards: ["gas"] }))).toBeNull();
  });
});

describe("the place", () => {
  it("opens in the phone's own navigation", () => {
    expect(navigationLink(PLACE as never)).toBe(
      "geo:-3.695400,128.181400?q=-3.695400,128.181400(Pasar%20Mardika%20(blok%20C))",
    );
  });

  it("is named by ward and road as far as they are known", () => {
    const where: PlaceAt = { ward_code: "x", ward: "Rijali", district: "Sirimau", nearest_road: null, in_region: true };
    expect(whereText(where)).toBe("Rijali, Sirimau");
    expect(whereText({ ...where, nearest_road: "Jl. Pattimura" })).toBe("Rijali, Sirimau · Jl. Pattimura");
    expect(whereText(null)).toBe("");
  });

  it("is another one as soon as the point is", () => {
    expect(samePlace(answered(), answered({ priority: 3 }))).toBe(true);
    expect(samePlace(answered(), answered({}, { P1: { ...PLACE, lat: -3.7 } }))).toBe(false);
  });
});

describe("asking for the assignment", () => {
  it("is done once more if something changed while the answer was on its way", async () => {
    const asked: string[] = [];
    const found: Assignment[] = [];
    const answers: ((answer: Result<unknown>) => void)[] = [];
    const asking = new Asking({
      onFound: (each) => found.push(each),
      onWhere: () => undefined,
      ask: <T>(path: string) =>
        new Promise<Result<T>>((done) => {
          asked.push(path);
          answers.push(done as (answer: Result<unknown>) => void);
        }),
    });
    const all = asking.ask("PSC-01");
    void asking.ask("PSC-01");
    void asking.ask("PSC-01");
    const { incident: body, personal, route } = answered();
    answers[0]?.({ ok: true, value: { incident: body, personal, notes: [], route } });
    await new Promise((done) => setTimeout(done, 0));
    answers[1]?.({ ok: true, value: null });
    await all;
    expect(asked).toEqual(["/api/units/PSC-01/assignment", "/api/units/PSC-01/assignment"]);
    expect(found).toHaveLength(1);
  });

  it("goes on while the assignment is missing or the feed does not bring its changes", () => {
    const asking = new Asking({ onFound: () => undefined, onWhere: () => undefined });
    expect(asking.isDue(0, 0, true), "no route yet").toBe(true);
    expect(asking.isDue(0, 5, true)).toBe(false);
    expect(asking.isDue(0, 5, false)).toBe(true);
    expect(ASSIGNMENT_MISSING_AGAIN_MS).toBeLessThan(ASSIGNMENT_AGAIN_MS);
  });
});
