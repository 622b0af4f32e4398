import { describe, expect, it } from "vitest";
import { parsedPoint } from "../src/core/coordinates";
import { duration, secondsSince } from "../src/core/clock";
import { keyName, worksWhileTyping } from "../src/core/keys";
import { amendBody, emptyReport, fieldProblem, incidentBody, isBlank, missingIn, reportOf } from "../src/core/report";
import { problemOf } from "../src/core/api";
import { referenceOf } from "../src/core/reference";
import type { Row } from "../src/core/types/feed";
import type { IncidentBody } from "../src/core/types/incident";

const near = (text: string, lat: number, lon: number): void => {
  const point = parsedPoint(text);
  expect(point?.lat, text).toBeCloseTo(lat, 4);
  expect(point?.lon, text).toBeCloseTo(lon, 4);
};

describe("coordinates", () => {
  it("are read however a caller or a ship says them", () => {
    near("-3.695, 128.18", -3.695, 128.18);
    near("-3.695 128.18", -3.695, 128.18);
    near(`3°41'42"S 128°10'48"E`, -3.695, 128.18);
    near("3 41.7 LS 128 10.8 BT", -3.695, 128.18);
    near("S 3 41.7 E 128 10.8", -3.695, 128.18);
    near(`128°10'48"E, 3°41'42"S`, -3.695, 128.18);
  });

  it("are not seen in a place name", () => {
    for (const text of ["Jalan Pattimura 12", "RT 03 RW 05", "Batu Merah", "Lorong 7", "", "12"]) {
      expect(parsedPoint(text), text).toBeNull();
    }
  });
});

describe("times", () => {
  it("never run backwards on a screen", () => {
    expect(secondsSince("2026-11-23T18:00:10Z", Date.parse("2026-11-23T18:00:00Z"))).toBe(0);
    expect([7, 75, 3700].map(duration)).toEqual(["0:07", "1:15", "1:01:40"]);
  });
});

describe("keys", () => {
  const press = (key: string, code: string, held: object = {}) =>
    keyName({ key, code, altKey: false, ctrlKey: false, metaKey: false, ...held });
  it("have the same name on keyboards where Alt makes other signs", () => {
    expect(press("®", "KeyR", { altKey: true })).toBe("Alt+R");
    expect(press("1", "Digit1", { altKey: true })).toBe("Alt+1");
    expect(press("Enter", "Enter", { ctrlKey: true })).toBe("Ctrl+Enter");
    expect(press("D", "KeyD")).toBe("d");
    expect(press("Alt", "AltLeft", { altKey: true })).toBeNull();
  });
  it("that write text wait until nobody types", () => {
    expect(["F2", "Alt+1", "Ctrl+Enter", "d", "1", "Enter"].map(worksWhileTyping)).toEqual([true, true, true, false, false, false]);
  });
});

const PLACE = { lat: -3.69, lon: 128.18, label: "Pasar Mardika", detail: "", source: "gazetteer" as const };
const ROW = {
  view: "incident",
  key: "I1",
  seq: 4,
  body: { incident_id: "I1", category: "fire.building", priority: 1, place: "P1", ward_code: "8171", injured: null, hazards: ["gas"], report: "P2" },
  personal: { P1: PLACE, P2: { summary: "Asap", caller_name: "", access_notes: "", people: [] } },
} as unknown as Row<IncidentBody>;

describe("the report form", () => {
  it("sends only what was changed when an incident is corrected", () => {
    const draft = reportOf(ROW);
    expect(amendBody(draft, ROW)).toBeNull();
    expect(amendBody({ ...draft, injured: "2" }, ROW)).toEqual({ injured: 2 });
    expect(Object.keys(amendBody({ ...draft, summary: "Api" }, ROW) ?? {})).toEqual(["report"]);
  });

  it("says what is missing", () => {
    expect(missingIn(emptyReport("C1"))).toEqual(["place", "category"]);
    expect(missingIn({ ...reportOf(ROW), injured: "banyak" })).toEqual(["injured"]);
  });

  it("takes the category's priority until one is chosen", () => {
    expect(incidentBody({ ...reportOf(ROW), priority: null }, 2).priority).toBe(2);
    expect(incidentBody({ ...reportOf(ROW), priority: 4 }, 2).priority).toBe(4);
  });

  it("is blank only while nothing was said", () => {
    expect(isBlank(emptyReport("C1"))).toBe(true);
    expect(isBlank({ ...emptyReport("C1"), summary: "a" })).toBe(false);
  });

  it("puts the server's word on the field it is about", () => {
    const problem = problemOf(422, { code: "invalid", errors: [{ field: "place.lat", message: "outside the region" }] });
    expect(fieldProblem(problem, "place")).toBe("outside the region");
    expect(fieldProblem(problem, "category")).toBeNull();
  });
});

describe("the reference", () => {
  it("is readable whatever the pack leaves out", () => {
    const reference = referenceOf({ hazards: ["gas"], dispositions: [{ code: "handled", name_id: "Tertangani", name_en: "Handled" }] });
    expect(reference.hazards[0]?.code).toBe("gas");
    expect(reference.dispositions[0]?.name_id).toBe("Tertangani");
    expect(reference.city.number).toBe("112");
    expect(referenceOf(null).categories).toEqual([]);
  });
});
