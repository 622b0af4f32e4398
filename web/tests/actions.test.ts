import { describe, expect, it } from "vitest";
import { ACTIONS, actionNamed, available, type Selection } from "../src/core/actions";
import id from "../src/core/i18n/id.json";
import type { CallBody } from "../src/core/types/call";
import type { CallBackBody } from "../src/core/types/callback";
import type { IncidentBody, UnitBody, UnitState } from "../src/core/types/incident";
import type { Role } from "../src/core/types/people";
import type { PhoneCall, SeatPush } from "../src/core/types/phone";
import type { SeatState } from "../src/core/types/room";

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
const silent = { question: null, answers: [], listen_until: "" };
const CALLS = [
  null,
  live({}),
  live({ state: "ringing", direction: "out" }),
  live({ on_hold: true, parties: [party], ghost: silent }),
  live({ muted: true, ghost: silent }),
];
const push = (state: SeatState, call: PhoneCall | null, offer: boolean): SeatPush =>
  ({ seat: { state, reason: state === "not_ready" ? "wrap-up" : null, media: "connected" }, call, offer: offer ? { call_id: "C2" } : null, queue: [] }) as unknown as SeatPush;
const sent = { call_id: "C3", seat_id: "M1", to_seat_id: "M2", slot: null };
const parked = { call_id: "C4", seat_id: "M2", to_seat_id: null, slot: 1 };
const other = live({ call_id: "C5", seat_id: "M2" });
/** Of a seat that moves calls about, or whose supervisor takes part in another's. */
const moving = (change: Partial<SeatPush>, state: SeatState = "ready"): Selection["phone"] => ({
  seat_id: "M1",
  line: "open",
  media: "connected",
  push: {
    ...push(state, null, false),
    seat: { seat_id: "M1", state },
    queue: [{ call_id: "C6" }],
    ...change,
  } as unknown as SeatPush,
});
const transferring = live({ transfer: { kind: "blind", target: "113", to_seat: false, since: "" } });
const wrapUp = { seat_id: "M1", state: "not_ready", reason: "wrap-up", media: "connected", wrap_up_until: "2026-11-26T03:00:00Z" };
const phones = (): Selection["phone"][] => [
  moving({ call: transferring, live: [transferring, other], waiting: [sent, parked] } as Partial<SeatPush>, "busy"),
  moving({ waiting: [sent, parked], live: [other] } as Partial<SeatPush>),
  moving({ live: [other], supervision: { call_id: "C5", mode: "whisper", since: "" }, waiting: [parked] } as Partial<SeatPush>, "supervising"),
  moving({ seat: wrapUp, waiting: [sent, parked], live: [other] } as unknown as Partial<SeatPush>, "not_ready"),
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
const owed = { callback_id: "B1", state: "open", calling: null } as unknown as CallBackBody;
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
                listened: desk !== null,
                reporting,
                incident: chosen,
                unit: picked,
                recommendation: chosen ? recommendation : null,
                alarm: chosen !== null,
                unit_moves: { available: ["out_of_service"], on_scene: ["available"] },
                callBack: reporting ? owed : null,
                toSettle: reporting ? owed : null,
                undo: chosen !== null,
                waiting: reporting ? null : { call_id: "C6", name: "0811", precedence: 3 },
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

  it("call nobody back from a seat that talks, rings or is away", () => {
    const callBack = actionNamed("call-back");
    const at = (state: SeatState, call: PhoneCall | null, offer: boolean): Selection => ({
      ...base,
      callBack: owed,
      phone: { ...base.phone, push: push(state, call, offer) },
    });
    expect(callBack.effect(at("ready", null, false))).not.toBeNull();
    expect(callBack.effect(at("not_ready", null, false))).not.toBeNull(); // it writes up
    expect(callBack.effect(at("busy", live({}), false))).toBeNull();
    expect(callBack.effect(at("offered", null, true))).toBeNull();
    expect(callBack.effect({ ...at("ready", null, false), callBack: null })).toBeNull();
    expect(callBack.effect({ ...at("ready", null, false), roles: ["dispatcher"] })).toBeNull();
  });

  it("let a call of ours be hung up, but not held, before it is answered", () => {
    const ringing: Selection = {
      ...base,
      phone: { ...base.phone, push: push("busy", live({ state: "ringing", direction: "out" }), false) },
    };
    expect(actionNamed("hang-up").effect(ringing)).not.toBeNull();
    for (const name of ["hold", "mute", "add-party"]) expect(actionNamed(name).effect(ringing), name).toBeNull();
  });

  it("do not let a call be wrapped up before its class is set", () => {
    const wrapUp = actionNamed("wrap-up");
    expect(wrapUp.effect({ ...base, call: call({ state: "ended" }) })).toBeNull();
    expect(wrapUp.effect({ ...base, call: call({ state: "ended", call_class: "ghost" }) })).not.toBeNull();
  });

  it("ask for a reason before a unit goes that is not recommended", () => {
    const selection = { ...base, incident: incident({}), recommendation };
    expect(actionNamed("dispatch-1").effect(selection)?.do).toBe("send");
    expect(actionNamed("dispatch-4").effect(selection)).toEqual({ do: "open", target: { open: "override", incident_id: "I1", unit_id: "U3" } });
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

  it("take a transfer back by the key that began it", () => {
    const ringing = { ...base, phone: moving({ call: transferring }, "busy") };
    expect(actionNamed("transfer").effect(ringing)).toBeNull();
    expect(actionNamed("park").effect(ringing)).toBeNull();
    expect(actionNamed("take-back").effect(ringing)).toEqual({ do: "phone", op: "take_back", body: { call_id: "C1" } });
    const away = { ...base, phone: moving({ waiting: [parked, sent] } as Partial<SeatPush>) };
    expect(actionNamed("take-back").effect(away)).toEqual({ do: "phone", op: "take_back", body: { call_id: "C3" } });
  });

  it("pick up what this seat parked before what others did", () => {
    const own = { ...parked, call_id: "C7", seat_id: "M1", slot: 2 };
    const phone = moving({ waiting: [parked, own] } as Partial<SeatPush>);
    expect(actionNamed("unpark").effect({ ...base, phone })).toEqual({ do: "phone", op: "pick_up", body: { call_id: "C7" } });
  });

  it("pick up the parked call whose panel shows the key, also where another was parked before", () => {
    const first = { ...parked, call_id: "C7", seat_id: "M1" };
    const last = { ...first, call_id: "C8", slot: 2 };
    const phone = moving({ waiting: [first, last] } as Partial<SeatPush>);
    const inFront = { ...base, phone, call: call({ call_id: "C8" }) };
    expect(actionNamed("unpark").effect(inFront)).toEqual({ do: "phone", op: "pick_up", body: { call_id: "C8" } });
  });

  it("leave a call to a party only when one has joined", () => {
    const complete = actionNamed("complete-transfer");
    const calling = live({ parties: [{ ...party, state: "calling" }] });
    expect(complete.effect({ ...base, phone: moving({ call: calling }, "busy") })).toBeNull();
    expect(complete.effect({ ...base, phone: moving({ call: live({ parties: [party] }) }, "busy") })).not.toBeNull();
  });

  it("let supervisors alone take part in others' calls, and never in their own", () => {
    const phone = moving({ live: [other] } as Partial<SeatPush>);
    expect(actionNamed("listen").effect({ ...base, phone })).toBeNull();
    const roles: Role[] = ["supervisor"];
    expect(actionNamed("listen").effect({ ...base, roles, phone })).toEqual({
      do: "phone",
      op: "supervise",
      body: { call_id: "C5", mode: "listen" },
    });
    const own = moving({ live: [live({ seat_id: "M1" })] } as Partial<SeatPush>);
    expect(actionNamed("barge").effect({ ...base, roles, phone: own })).toBeNull();
  });
});
