import { describe, expect, it } from "vitest";
import { available, type Selection } from "../src/core/actions";
import { inOrder, listenLeft_s, mayReview, parts, rounded } from "../src/core/noise";
import type { MeasureBody } from "../src/core/types/callback";
import type { Ghost, SeatPush } from "../src/core/types/phone";

const measure = (change: Partial<MeasureBody>): { body: MeasureBody } => ({
  body: { measure_id: "M", set_by: "ana", until: "2026-12-01", reviewed_at: null, ended_at: null, ...change } as MeasureBody,
});

describe("a number's score", () => {
  it("names the real ones always, and nothing for a number that never called", () => {
    expect(parts({})).toEqual([]);
    expect(parts({ prank: 3 })).toEqual([{ kind: "prank", n: 3 }, { kind: "real", n: 0 }]);
    expect(parts({ real: 2, ghost: 1, other: 4 })).toEqual([{ kind: "ghost", n: 1 }, { kind: "real", n: 2 }]);
    expect(parts({ other: 1 })).toEqual([{ kind: "real", n: 0 }]);
  });

  it("is written as people of the language write it", () => {
    expect([0, 0.031, 2.64, 12].map((value) => rounded(value, ","))).toEqual(["0,0", "0,03", "2,6", "12,0"]);
  });
});

describe("measures", () => {
  it("that wait for me come first, then those that end first; those that are over are not there", () => {
    const listed = inOrder(
      [
        measure({ measure_id: "own", set_by: "budi", until: "2026-11-28" }),
        measure({ measure_id: "over", ended_at: "2026-11-27" }),
        measure({ measure_id: "later", reviewed_at: "2026-11-27", until: "2026-12-20" }),
        measure({ measure_id: "mine", until: "2026-12-05" }),
      ],
      "budi",
    );
    expect(listed.map(({ body }) => body.measure_id)).toEqual(["mine", "own", "later"]);
  });

  it("are reviewed once, by somebody else, while they last", () => {
    expect(mayReview(measure({}).body, "budi")).toBe(true);
    expect(mayReview(measure({}).body, "ana")).toBe(false);
    expect(mayReview(measure({ reviewed_at: "2026-11-27" }).body, "budi")).toBe(false);
    expect(mayReview(measure({ ended_at: "2026-11-27" }).body, "budi")).toBe(false);
  });
});

describe("a silent call", () => {
  const until = "2026-11-26T09:00:30Z";
  const at = (s: number): number => Date.parse("2026-11-26T09:00:00Z") + s * 1000;

  it("counts down to the end of listening in, and not beyond", () => {
    expect([0, 29.2, 30, 99].map((s) => listenLeft_s(until, at(s)))).toEqual([30, 1, 0, 0]);
    expect(listenLeft_s("", at(0))).toBe(0);
  });

  const selection = (ghost: Ghost | null, on_hold: boolean, listened: boolean): Selection => ({
    roles: ["call_taker"], agency_id: null, call: null, listened, reporting: false, incident: null,
    unit: null, recommendation: null, alarm: false, unit_moves: {},
    phone: {
      seat_id: "M1", line: "open", media: "connected",
      push: { seat: { state: "busy" }, queue: [], offer: null, call: { call_id: "C", on_hold, muted: false, parties: [], ghost } } as unknown as SeatPush,
    },
  });
  const offered = (...given: Parameters<typeof selection>): string[] =>
    available(selection(...given)).map(({ action }) => action.name).filter((name) => name.startsWith("ghost"));
  const begun: Ghost = { question: null, answers: [], listen_until: until };

  it("is begun by one key, asked by others, and ended only when listening in is over", () => {
    expect(offered(null, false, true)).toEqual(["ghost"]);
    expect(offered(begun, false, false)).toEqual(["ghost", "ghost-police", "ghost-medical", "ghost-fire", "ghost-come"]);
    expect(offered(begun, false, true).at(-1)).toBe("ghost-end");
  });

  it("is asked nothing while the hold prompt would cover it", () => {
    expect(offered(begun, true, false)).toEqual([]);
  });
});
