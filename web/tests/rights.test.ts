import { describe, expect, it } from "vitest";
import { changesOf, faultsOf, newAccount, shownOf, typedOf, type Account } from "../src/admin/accounts";
import { actionNamed, type Selection } from "../src/core/actions";
import { problemOf } from "../src/core/api";
import { misplaced } from "../src/core/coordinates";
import { mayAmend, movesOf } from "../src/core/rights";
import { homeOf, pagesOf } from "../src/core/session";
import type { UnitBody, UnitState } from "../src/core/types/incident";
import type { Operator, Role } from "../src/core/types/people";

const person = (...roles: Role[]): Operator => ({ operator_id: "O1", name: "O", roles, unit_id: null });
const unit = (agency_id: string, state: UnitState): UnitBody => ({ unit_id: "U1", agency_id, state }) as unknown as UnitBody;
const unit_moves: Record<string, UnitState[]> = {
  available: ["dispatched", "out_of_service"],
  en_route: ["on_scene", "available", "out_of_service"],
  out_of_service: ["available"],
};
const moves = (roles: Role[], of: UnitBody): UnitState[] => movesOf({ roles, agency_id: "DAMKAR", unit_moves }, of);

describe("rights", () => {
  it("lead each role to its own page", () => {
    expect(homeOf(person("administrator"))).toBe("/admin");
    expect(homeOf(person("crew"))).toBe("/field");
    expect(pagesOf(person("supervisor", "administrator"))).toEqual(["/console", "/admin", "/telephone"]);
  });

  it("let a desk report for its own agency's units only, out of service as well", () => {
    expect(moves(["agency_desk"], unit("DAMKAR", "en_route"))).toEqual(["on_scene", "available", "out_of_service"]);
    expect(moves(["agency_desk"], unit("POLRESTA", "en_route"))).toEqual([]);
    expect(moves(["agency_desk"], unit("DAMKAR", "out_of_service"))).toEqual(["available"]);
    expect(moves(["dispatcher"], unit("POLRESTA", "available"))).toEqual(["out_of_service"]);
    expect(moves(["call_taker"], unit("DAMKAR", "en_route"))).toEqual([]);
  });

  it("let a desk sit down, call nobody back and open no report without a caller", () => {
    const desk = { roles: ["agency_desk"], phone: { seat_id: null, line: "closed", media: "none", push: null } };
    const offered = (name: string, roles: Role[] = ["agency_desk"]): unknown =>
      actionNamed(name).effect({ ...desk, roles } as unknown as Selection);
    expect(offered("take-seat")).not.toBeNull();
    expect(offered("take-seat", ["dispatcher"])).toBeNull();
    expect(offered("new-report")).toBeNull();
    expect(offered("call-backs")).toBeNull();
  });

  it("offer a desk no case file: it names callers", () => {
    const desk = { roles: ["agency_desk"], incident: { incident_id: "I1", state: "open", units: [] } };
    for (const name of ["timeline", "case-pdf", "case-json"]) {
      expect(actionNamed(name).effect(desk as unknown as Selection), name).toBeNull();
    }
  });
});

describe("a point of the city", () => {
  const bbox = [127.98, -3.92, 128.4, -3.48] as const;
  it("is told from one with its axes swapped and from one far away", () => {
    expect(misplaced({ lat: -3.69, lon: 128.18 }, bbox)).toBeNull();
    expect(misplaced({ lat: 128.18, lon: -3.69 }, bbox)).toBe("swapped");
    expect(misplaced({ lat: -6.2, lon: 106.8 }, bbox)).toBe("outside");
  });
});

const ACCOUNT: Account = {
  operator_id: "O1",
  username: "opd",
  name: "OPD",
  roles: ["agency_desk"],
  agency_id: "DAMKAR",
  unit_id: null,
  active: true,
};

describe("accounts", () => {
  it("send only what was changed, and no password that was not typed", () => {
    expect(changesOf(ACCOUNT, typedOf(ACCOUNT))).toEqual({});
    const typed = { ...typedOf(ACCOUNT), name: " OPD malam ", agency_id: "", password: "a long password" };
    expect(changesOf(ACCOUNT, typed)).toEqual({ name: "OPD malam", agency_id: null, password: "a long password" });
    expect(newAccount({ ...typedOf(null), username: " OPD2 " }).username).toBe("opd2");
  });

  it("are found by any word, closed ones only when asked for", () => {
    const closed = { ...ACCOUNT, operator_id: "O2", username: "lama", active: false };
    const found = (words: string, closedToo: boolean) => shownOf([closed, ACCOUNT], words, closedToo).map(({ username }) => username);
    expect(found("", false)).toEqual(["opd"]);
    expect(found("damkar desk", true)).toEqual(["opd", "lama"]);
    expect(found("polresta", true)).toEqual([]);
  });

  it("have a word for each fault at its field", () => {
    const problem = problemOf(422, { code: "invalid", errors: [{ field: "username", message: "taken" }, { field: "roles", message: "at least one" }] });
    expect(faultsOf(problem)).toEqual({ username: "admin.fault.taken", roles: "admin.fault.roles" });
  });
});

describe("amending", () => {
  it("is for the room, and for the desk that opened the incident", () => {
    expect(mayAmend(["dispatcher"], "O1", "O2")).toBe(true);
    expect(mayAmend(["agency_desk"], "O1", "O1")).toBe(true);
    expect(mayAmend(["agency_desk"], "O1", "O2")).toBe(false);
    expect(mayAmend(["crew"], "O1", "O1")).toBe(false);
  });
});
