import { describe, expect, it } from "vitest";
import { inOrder, nextToCall, outcomesOf, readyToCall } from "../src/core/callbacks";
import en from "../src/core/i18n/en.json";
import type { CallBackAttempt, CallBackBody } from "../src/core/types/callback";
import type { Row } from "../src/core/types/feed";
import type { SeatPush } from "../src/core/types/phone";

const item = (callback_id: string, change: Partial<CallBackBody> = {}): Row<CallBackBody> => ({
  view: "callback",
  key: callback_id,
  seq: 1,
  personal: {},
  body: {
    callback_id,
    state: "open",
    opened_at: "2026-11-23T03:00:00Z",
    dialable: true,
    calling: null,
    risk: 0,
    attempts: [],
    said: [],
    wish: null,
    ...change,
  } as unknown as CallBackBody,
});
const tried = (result: string): CallBackAttempt[] => [{ result } as unknown as CallBackAttempt];

describe("call-backs", () => {
  it("come by risk, then by how long they wait; closed ones not at all", () => {
    const rows = [
      item("young", { risk: 3, opened_at: "2026-11-23T03:05:00Z" }),
      item("closed", { risk: 9, state: "closed" }),
      item("old", { risk: 3 }),
      item("risky", { risk: 7, opened_at: "2026-11-23T03:09:00Z" }),
    ];
    expect(inOrder(rows).map(({ key }) => key)).toEqual(["risky", "old", "young"]);
  });

  it("are called by one key in that order, past those without a number and those in hand", () => {
    const rows = [
      item("no-number", { risk: 9, dialable: false }),
      item("in-hand", { risk: 8, calling: "C1" }),
      item("silent", { risk: 7, wish: "cannot-speak" }),
      item("reached", { risk: 7, attempts: tried("reached") }),
      item("next", { risk: 1 }),
    ];
    expect(nextToCall(rows)?.key).toBe("next");
    expect(nextToCall([])).toBeNull();
  });

  it("offer only outcomes that are true", () => {
    expect(outcomesOf(item("a").body, null)).not.toContain("not-reached-after-attempts");
    expect(outcomesOf(item("a", { attempts: tried("busy") }).body, null)[0]).toBe("not-reached-after-attempts");
    const spoken = item("a", { attempts: tried("reached") }).body;
    expect(outcomesOf(spoken, null)).not.toContain("reached-emergency");
    expect(outcomesOf(spoken, "I1")).toContain("reached-emergency");
    expect(outcomesOf(item("a", { dialable: false }).body, null)[0]).toBe("no-number");
    const wrote = [{ word: "text", at: "2026-11-23T03:06:00Z", text: "P1", location: null }] as const;
    expect(outcomesOf(item("a", { said: [...wrote] }).body, "I1")).toContain("reached-emergency");
    expect(outcomesOf(item("a", { calling: "C1" }).body, null)).toEqual([]);
    for (const code of [...outcomesOf(spoken, "I1"), ...outcomesOf(item("a", { attempts: tried("busy") }).body, null)])
      expect(Object.keys(en)).toContain(`call_back_outcome.${code}`);
  });

  it("need a seat that is free or writes up, with sound", () => {
    const push = (state: string, reason: string | null, media = "connected"): SeatPush =>
      ({ seat: { state, reason, media }, call: null, offer: null }) as unknown as SeatPush;
    expect(readyToCall(push("ready", null))).toBe(true);
    expect(readyToCall(push("not_ready", "wrap-up"))).toBe(true);
    expect(readyToCall(push("not_ready", "break"))).toBe(false);
    expect(readyToCall(push("ready", null, "down"))).toBe(false);
    expect(readyToCall(null)).toBe(false);
  });
});
