import { describe, expect, it } from "vitest";
import { ACTIONS, actionNamed, available, type Selection } from "../src/core/actions";
import id from "../src/core/i18n/id.json";
import type { CallBody, IncidentBody, PhoneCall, Role, SeatPush, SeatState, UnitBody, UnitState } from "../src/core/types";

const ROLES: Role[][] = [
  ["call_taker"],
  ["dispatcher"],
  ["supervisor"],
  ["agency_desk"],
  ["administrator"],
  ["call_taker", "dispatcher"],
  ["call_taker", "dispatcher", "supervisor", "agency_desk", "administrator"],
];
const party = { leg_id: "L1", address: "110", state: "joined" as const };
const live = (change: Partial<PhoneCall>): PhoneCall =>
  ({ call_id: "C1", on_hold: false, muted: false, parties: [], ...change }) as unknown as PhoneCall;
const CALLS = [null, live({}), live({ on_hold: true, parties: [party] }), live({ muted: true })];
const push = (state: SeatState, call: PhoneCall | null, offer: boolean): SeatPush =>
  ({ seat: { state }, call, offer: offer ? { call_id: "C2" } : null, queue: [] }) as unknown as SeatPush;
const wrappingUp = {
  ...push("not_ready", null, false),
  seat: { state: "not_ready", reason: "wrap-up", wrap_up_until: "2026-11-26T03:00:00Z" },
} as unknown as SeatPush;
const phones = (): Selection["phone"][] => [
  { seat_id: "M1", line: "open", media: "connected", push: wrappingUp },
  { seat_id: null, line: "closed", media: "off", push: null },
  ...(["ready", "not_ready", "offered", "busy"] as const).flatMap((state) =>
    CALLS.flatMap((call) =>
      [true, false].map((offer) => ({
        seat_id: "M1",
        line: "open" as const,
        media: "connected" as const,
        push: push(state, call, offer),
      })),
    ),
  ),
];
const call = (change: Partial<CallBody>): CallBody =>
  ({ call_id: "C1", state: "answered", call_class: null, wrapped_up_at: null, incident_ids: [], ...change }) as unknown as CallBody;
const incident = (change: Partial<IncidentBody>): IncidentBody =>
  ({ incident_id: "I1", state: "open", units: [], ...change }) as unknown as IncidentBody;
const unit = (state: UnitState): UnitBody => ({ unit_id: "A1", state }) as unknown as UnitBody;
const busy = { unit_id: "A1", released_at: null } as IncidentBody["units"][number];
const recommendation = {
  units: Array.from({ length: 12 }, (_, at) => ({ unit_id: `U${at}`, recommended: at < 3 })),
} as unknown as Selection["recommendation"];

function* selections(): Generator<Selection> {
  for (const roles of ROLES)
    for (const phone of phones())
      for (const desk of [null, call({}), call({ state: "ended", call_class: "normal" })])
        for (const reporting of [true, false])
          for (const chosen of [null, incident({}), incident({ units: [busy] }), incident({ state: "closed" })])
            for (const picked of [null, unit("available"), unit("on_scene")])
              yield {
                roles,
                agency_id: null,
                phone,
                call: desk,
                reporting,
                incident: chosen,
                unit: picked,
                recommendation: chosen ? recommendation : null,
                alarm: chosen !== null,
                unit_moves: { available: ["out_of_service"], on_scene: ["available"] },
              };
}

const base: Selection = {
  roles: ["call_taker", "dispatcher"],
  agency_id: null,
  phone: { seat_id: "M1", line: "open", media: "connected", push: push("ready", null, false) },
  call: null,
  reporting: false,
  incident: null,
  unit: null,
  recommendation: null,
  alarm: false,
  unit_moves: {},
};

describe("actions", () => {
  it("never share a key for the same selection", () => {
    const clashes = new Set<string>();
    for (const selection of selections()) {
      const keys = new Map<string, string>();
      for (const { action } of available(selection))
        for (const key of action.keys) {
          const other = keys.get(key);
          if (other) clashes.add(`${key}: ${other} and ${action.name}`);
          keys.set(key, action.name);
        }
    }
    expect([...clashes]).toEqual([]);
  });

  it("each have a key and a text", () => {
    for (const { name, keys } of ACTIONS) {
      expect(keys.length, name).toBeGreaterThan(0);
      expect(Object.keys(id), name).toContain(`action.${name}`);
    }
  });

  it("are each within reach of somebody", () => {
    const seen = new Set<string>();
    for (const selection of selections()) for (const { action } of available(selection)) seen.add(action.name);
    expect(ACTIONS.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });

  it("do not let a call be wrapped up before its class is set", () => {
    const wrapUp = actionNamed("wrap-up");
    expect(wrapUp.effect({ ...base, call: call({ state: "ended" }) })).toBeNull();
    expect(wrapUp.effect({ ...base, call: call({ state: "ended", call_class: "ghost" }) })).not.toBeNull();
  });

  it("ask for a reason before a unit goes that is not recommended", () => {
    const selection = { ...base, incident: incident({}), recommendation };
    expect(actionNamed("dispatch-1").effect(selection)?.do).toBe("send");
    expect(actionNamed("dispatch-4").effect(selection)).toEqual({ do: "open", target: { open: "override", unit_id: "U3" } });
  });

  it("do not close an incident while a unit is out", () => {
    const close = actionNamed("close-incident");
    expect(close.effect({ ...base, incident: incident({ units: [busy] }) })).toBeNull();
    expect(close.effect({ ...base, incident: incident({}) })).not.toBeNull();
  });

  it("keep dispatching out of a call taker's reach", () => {
    const roles: Role[] = ["call_taker"];
    expect(actionNamed("dispatch-1").effect({ ...base, roles, incident: incident({}), recommendation })).toBeNull();
  });

  it("do not say ready before the seat has sound", () => {
    const phone = { ...base.phone, media: "no-microphone" as const, push: push("not_ready", null, false) };
    expect(actionNamed("ready").effect({ ...base, phone })).toBeNull();
  });
});
