import { describe, expect, it } from "vitest";
import { callerHint, lineFigures, worstLine } from "./quality";
import type { LineView, LineVerdict } from "./types/call";

function line(verdict: LineVerdict, more: Partial<LineView> = {}): LineView {
  const silent = { rtt_ms: null, their_loss: null, their_mos: null };
  return { leg: "caller", verdict, mos: 4.32, loss: 0.0125, jitter_ms: 3.4, ...silent, ...more };
}

describe("the line of a call", () => {
  it("is as good as its worst leg", () => {
    expect(worstLine([line("good"), line("bad"), line("fair")])).toBe("bad");
    expect(worstLine([line("good"), line("fair")])).toBe("fair");
  });

  it("says what to do about the caller's worse direction, and nothing while the line will do", () => {
    expect(callerHint([line("fair"), line("bad", { leg: "seat" })])).toBeNull();
    expect(callerHint([line("bad", { mos: 2.5, their_mos: 4.2 })])).toBe("line.hint");
    expect(callerHint([line("bad", { mos: 4.3, their_mos: 2.1 })])).toBe("line.hint_their");
  });

  it("is not judged before anything is known", () => {
    expect(worstLine([])).toBeNull();
  });

  it("says what the far end did not tell with a dash, not with a zero", () => {
    expect(lineFigures(line("good"))).toEqual({ mos: "4.3", loss: "1.3 %", jitter: "3", rtt: "–", their: "–" });
    const told = lineFigures(line("good", { rtt_ms: 41.6, their_loss: 0 }));
    expect([told.rtt, told.their]).toEqual(["42", "0.0 %"]);
  });
});
