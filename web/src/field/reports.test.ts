import { describe, expect, it } from "vitest";
import { problemOf } from "../core/api";
import type { Command, Entry } from "../core/outbox";
import type { Milestone, UnitBody, UnitState } from "../core/types/incident";
import {
  backCommand,
  GUARD_MS,
  isGuarded,
  isLeaving,
  milestonesLeft,
  moves,
  noteCommand,
  outCommand,
  pendingOf,
  planned,
  reachedCommand,
  refusedOf,
  reportCommand,
  reportIn,
  signOnCommand,
} from "./reports";

/** As the server sends it: src/tahuri/units/states.py. */
const TABLE: Record<UnitState, UnitState[]> = {
  available: ["dispatched", "out_of_service"],
  dispatched: ["acknowledged", "en_route", "on_scene", "transporting", "at_hospital", "out_of_service"],
  acknowledged: ["en_route", "on_scene", "transporting", "at_hospital", "available", "out_of_service"],
  en_route: ["on_scene", "transporting", "at_hospital", "available", "out_of_service"],
  on_scene: ["transporting", "at_hospital", "available", "out_of_service"],
  transporting: ["at_hospital", "available", "out_of_service"],
  at_hospital: ["available", "out_of_service"],
  out_of_service: ["available"],
};
const AT = "2026-11-23T03:04:05.000Z";

function unit(state: UnitState, incident_id: string | null = "I1"): UnitBody {
  return {
    unit_id: "PSC-01",
    agency_id: "DINKES",
    station_id: null,
    kind: "ambulance",
    callsign: "PSC-01",
    state,
    incident_id,
    since: AT,
    reason: null,
    operators: [],
  };
}

let made = 0;
function entry(command: Command, state: Entry["state"] = "waiting"): Entry {
  made += 1;
  return {
    ...command,
    id: `K${made}`,
    operator_id: "O1",
    created_at: AT,
    order: `${AT}/${made}`,
    attempts: 0,
    state,
    seq: null,
    problem: state === "refused" ? problemOf(409, { code: "unit-not-dispatched" }) : null,
    trouble: null,
  };
}

const report = (state: UnitState, incident_id = "I1", hospital_id: string | null = null): Command =>
  reportCommand("PSC-01", { state, at: AT, hospital_id, incident_id });

describe("a unit with reports on their way", () => {
  it("is where the last report puts it, so that a dead spot does not stop the crew", () => {
    const plan = planned(unit("acknowledged"), [entry(report("en_route")), entry(report("on_scene"))]);
    expect(plan).toEqual({ state: "on_scene", hospital_id: null, pending: true });
  });

  it("is where the server says, once there is nothing on its way", () => {
    expect(planned(unit("en_route"), [])).toEqual({
      state: "en_route",
      hospital_id: null,
      pending: false,
    });
  });

  it("is not put back by a report that is behind what is recorded", () => {
    expect(planned(unit("on_scene"), [entry(report("en_route"))]).state).toBe("on_scene");
  });

  it("is not moved by a report twice", () => {
    const twice = [entry(report("en_route")), entry(report("en_route"))];
    expect(planned(unit("acknowledged"), twice).state).toBe("en_route");
  });

  it("alerts for a new incident, whatever is still on its way about the last", () => {
    const late = [entry(report("on_scene", "I0")), entry(report("available", "I0"))];
    expect(planned(unit("dispatched", "I1"), late)).toEqual({
      state: "dispatched",
      hospital_id: null,
      pending: false,
    });
  });

  it("stays available when it was stood down meanwhile", () => {
    expect(planned(unit("available", null), [entry(report("on_scene"))]).state).toBe("available");
  });

  it("is not moved by what the server refused", () => {
    expect(planned(unit("acknowledged"), [entry(report("en_route"), "refused")]).state).toBe("acknowledged");
  });

  it("is not moved by another unit's report or by a note", () => {
    const others = [
      entry(reportCommand("PSC-02", { state: "on_scene", at: AT, hospital_id: null, incident_id: "I1" })),
      entry(noteCommand("I1", "x")),
      entry(signOnCommand("PSC-01")),
    ];
    expect(planned(unit("acknowledged"), others).state).toBe("acknowledged");
  });

  it("keeps the hospital that was chosen", () => {
    const plan = planned(unit("on_scene"), [entry(report("transporting", "I1", "H1"))]);
    expect(plan.hospital_id).toBe("H1");
  });

  it("goes out of service and back", () => {
    const out = entry(outCommand("PSC-01", "breakdown"));
    expect(planned(unit("available", null), [out]).state).toBe("out_of_service");
    const back = entry(backCommand("PSC-01"));
    expect(planned(unit("out_of_service", null), [back]).state).toBe("available");
    expect(planned(unit("on_scene"), [back]).state).toBe("on_scene");
  });

  it("moves nothing after it reported itself free", () => {
    const reports = [entry(report("available")), entry(report("on_scene"))];
    expect(planned(unit("on_scene"), reports).state).toBe("available");
  });
});

describe("the moves of a crew", () => {
  it("lead an ambulance from the acknowledgement to the hospital and back, one big button each", () => {
    const path: UnitState[] = ["dispatched"];
    for (let usual = moves("dispatched", TABLE, true).usual; usual && path.length < 9; ) {
      path.push(usual);
      usual = usual === "available" ? null : moves(usual, TABLE, true).usual;
    }
    expect(path).toEqual([
      "dispatched",
      "acknowledged",
      "en_route",
      "on_scene",
      "transporting",
      "at_hospital",
      "available",
    ]);
  });

  it("do not send a fire engine to a hospital, though it may go there", () => {
    const { usual, others } = moves("on_scene", TABLE, false);
    expect(usual).toBe("available");
    expect(others).toEqual(["out_of_service", "transporting", "at_hospital"]);
  });

  it("never offer what only a dispatcher does", () => {
    expect(moves("available", TABLE, true)).toEqual({ usual: null, others: ["out_of_service"] });
  });

  it("offer each allowed move exactly once", () => {
    for (const state of Object.keys(TABLE) as UnitState[]) {
      for (const carries of [true, false]) {
        const { usual, others } = moves(state, TABLE, carries);
        const offered = [...(usual ? [usual] : []), ...others].sort();
        expect(offered).toEqual(TABLE[state].filter((next) => next !== "dispatched").sort());
      }
    }
  });

  it("are none while the table has not been loaded", () => {
    expect(moves("acknowledged", {}, true)).toEqual({ usual: null, others: [] });
  });
});

describe("what a crew says of its work on scene", () => {
  const MILESTONES: Record<string, Milestone[]> = { on_scene: ["access", "work"] };
  const told = (milestone: Milestone, incident_id = "I1"): Command =>
    reachedCommand("PSC-01", { milestone, at: AT, incident_id });
  const left = (state: UnitState, reached: Milestone[], entries: Entry[]): Milestone[] =>
    milestonesLeft(planned(unit(state), entries), MILESTONES, reached, entries, unit(state));

  it("is asked in order once it is on scene, and not before", () => {
    expect(left("en_route", [], [])).toEqual([]);
    expect(left("on_scene", [], [])).toEqual(["access", "work"]);
    expect(left("on_scene", ["access"], [])).toEqual(["work"]);
    expect(left("on_scene", ["access", "work"], [])).toEqual([]);
    expect(left("transporting", [], [])).toEqual([]);
  });

  it("is not asked again while it is on its way, nor after the arrival that is on its way", () => {
    expect(left("en_route", [], [entry(report("on_scene")), entry(told("access"))])).toEqual(["work"]);
  });

  it("is asked again when the server refused it, and for the next incident", () => {
    expect(left("on_scene", [], [entry(told("access"), "refused")])).toEqual(["access", "work"]);
    expect(left("on_scene", [], [entry(told("access", "I0"))])).toEqual(["access", "work"]);
  });
});

describe("the outbox of a crew", () => {
  it("tells what is on its way from what was refused", () => {
    const entries = [entry(report("en_route")), entry(report("on_scene"), "refused"), entry(report("available"), "answered")];
    expect(pendingOf(entries)).toHaveLength(2);
    expect(refusedOf(entries)).toHaveLength(1);
    expect(reportIn(entries[0] as Entry)?.state).toBe("en_route");
    expect(reportIn(noteCommand("I1", "x"))).toBeNull();
  });

  it("knows that the crew itself ends the assignment, so that nobody is told it was stood down", () => {
    expect(isLeaving([entry(report("available"))], "PSC-01", "I1")).toBe(true);
    expect(isLeaving([entry(outCommand("PSC-01", "breakdown"))], "PSC-01", "I1")).toBe(true);
    expect(isLeaving([entry(report("available", "I0"))], "PSC-01", "I1")).toBe(false);
    expect(isLeaving([entry(report("available"), "refused")], "PSC-01", "I1")).toBe(false);
    expect(isLeaving([entry(noteCommand("I1", "x"))], "PSC-01", "I1")).toBe(false);
  });

  it("takes a second press at once for a slip, but not for ever", () => {
    expect(isGuarded(1_000, 1_000 + GUARD_MS - 1)).toBe(true);
    expect(isGuarded(1_000, 1_000 + GUARD_MS)).toBe(false);
    expect(isGuarded(Number.NEGATIVE_INFINITY, 0)).toBe(false);
    expect(isGuarded(9_000_000, 1_000), "the clock has stepped back").toBe(false);
  });
});
