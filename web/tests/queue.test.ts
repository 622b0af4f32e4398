import { describe, expect, it } from "vitest";
import { actionNamed, precedenceEffect, type Effect, type Selection } from "../src/core/actions";
import { isAway } from "../src/core/aside";
import { languagesOf, seatsFor } from "../src/core/skills";
import type { Role } from "../src/core/types/people";
import type { SeatPush } from "../src/core/types/phone";
import type { SeatBody } from "../src/core/types/room";

const at = (precedence: number, roles: Role[] = ["supervisor"]): Selection =>
  ({ roles, waiting: { call_id: "C1", name: "0811", precedence } }) as unknown as Selection;
const sent = (effect: Effect | null): unknown => (effect?.do === "send" ? effect.command : null);

describe("a waiting caller's turn", () => {
  it("goes up and down by one, with the way back to what it was", () => {
    const up = actionNamed("precedence-up").effect(at(0));
    expect(sent(up)).toMatchObject({ path: "/api/calls/C1/precedence", body: { precedence: 1 } });
    expect(up).toMatchObject({ back: { command: { body: { precedence: 0 } }, values: { number: "0811", n: "1" } } });
    const down = actionNamed("precedence-down").effect(at(1));
    expect(down).toMatchObject({ command: { body: { precedence: 0 } }, back: { text: "toast.precedence_none" } });
  });

  it("does not leave its scale", () => {
    expect(precedenceEffect({ call_id: "C1", name: "", precedence: 9 }, 1)).toBeNull();
    expect(precedenceEffect({ call_id: "C1", name: "", precedence: 0 }, -1)).toBeNull();
  });

  it("is a supervisor's word, as the server says", () => {
    for (const name of ["precedence-up", "precedence-down", "ask-skill", "next-waiting"]) {
      expect(actionNamed(name).effect(at(3)), name).not.toBeNull();
      expect(actionNamed(name).effect(at(3, ["call_taker", "dispatcher"])), name).toBeNull();
      expect(actionNamed(name).effect({ ...at(3), waiting: null }), name).toBeNull();
    }
  });
});

describe("skills of seats", () => {
  const seat = (change: Partial<SeatBody>): SeatBody => ({ state: "ready", ...change }) as SeatBody;
  const seats = [
    seat({ languages: ["id", "en"] }),
    seat({ languages: ["en"], agency_id: "DAMKAR", state: "busy" }),
    seat({ languages: ["nl"], state: "vanished" }),
    seat({}),
  ];

  it("offer the languages of who is there, the usual ones, and what is asked", () => {
    expect(languagesOf(seats, "de")).toEqual(["id", "en", "de"]);
    expect(languagesOf([], null)).toEqual(["id", "en"]);
  });

  it("count who could take the call", () => {
    expect(seatsFor(seats, { language: "en", agency_id: null })).toEqual({ all: 2, ready: 1 });
    expect(seatsFor(seats, { language: "en", agency_id: "DAMKAR" })).toEqual({ all: 1, ready: 0 });
    expect(seatsFor(seats, { language: "nl", agency_id: null })).toEqual({ all: 0, ready: 0 });
    expect(seatsFor(seats, { language: null, agency_id: null })).toEqual({ all: 3, ready: 2 });
  });
});

describe("a call that was sent on", () => {
  const push = (change: object): SeatPush => ({ call: null, waiting: [], ...change }) as unknown as SeatPush;

  it("is away while it rings elsewhere or is parked, and no longer once it is back or answered", () => {
    expect(isAway(push({ waiting: [{ call_id: "C1" }] }), "C1")).toBe(true);
    expect(isAway(push({ call: { call_id: "C1", transfer: { kind: "blind" } } }), "C1")).toBe(true);
    expect(isAway(push({ call: { call_id: "C1", transfer: null } }), "C1")).toBe(false);
    expect(isAway(push({ waiting: [{ call_id: "C2" }] }), "C1")).toBe(false);
    expect(isAway(null, "C1")).toBe(false);
  });
});
