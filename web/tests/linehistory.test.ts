import { describe, expect, it } from "vitest";
import { LineHistory } from "../src/core/linehistory";
import type { LineVerdict, LineView } from "../src/core/types/call";

const line = (leg: string, verdict: LineVerdict): LineView => ({ leg, verdict }) as LineView;
const call = (...verdicts: LineVerdict[]) => [
  { call_id: "C1", lines: verdicts.map((verdict, at) => line(at ? "seat" : "caller", verdict)) },
];

describe("the last minute of a line", () => {
  it("shows a spell that is over, at its place, until a minute has passed", () => {
    const history = new LineHistory();
    history.note(call("good"), 0);
    history.note(call("good", "bad"), 31_000);
    history.note(call("good", "good"), 34_000);
    expect(history.worst("C1", 60_000)).toBe("bad");
    expect(history.bars("C1", 60_000)).toEqual([...Array(6).fill("good"), "bad", ...Array(5).fill("good")]);
    history.note(call("good"), 93_000);
    expect(history.worst("C1", 93_000)).toBe("bad");
    history.note(call("good"), 95_000);
    expect(history.worst("C1", 95_000)).toBe("good");
  });

  it("says nothing of the time before it was judged, and goes on while nothing changes", () => {
    const history = new LineHistory();
    history.note(call(), 0);
    expect(history.worst("C1", 5_000)).toBeNull();
    history.note(call("fair"), 10_000);
    expect(history.bars("C1", 20_000)).toEqual([...Array(9).fill(null), "fair", "fair", "fair"]);
    expect(history.bars("C1", 600_000)).toEqual(Array(12).fill("fair"));
  });

  it("forgets a call that is over", () => {
    const history = new LineHistory();
    history.note(call("bad"), 0);
    history.note([], 1_000);
    expect(history.worst("C1", 2_000)).toBeNull();
  });
});
