import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startReminding } from "../src/core/sound";
import type { SeatPush } from "../src/core/types/phone";
import { isUnattended, UNATTENDED_S } from "../src/core/unattended";

const ARRIVED = Date.parse("2026-11-26T18:00:00Z");
const LATE = ARRIVED + 1000 * UNATTENDED_S;

function pushed(more: object = {}): SeatPush {
  const waits = { call_id: "C1", arrived_at: "2026-11-26T18:00:00Z" };
  return { seat: { state: "not_ready" }, seats_ready: 0, offer: null, call: null, queue: [waits], ...more } as unknown as SeatPush;
}

describe("a queue that nobody is ready for", () => {
  it("calls a seat that is not ready, once somebody has waited for long", () => {
    expect(isUnattended(pushed(), LATE)).toBe(true);
    expect(isUnattended(pushed(), LATE - 1)).toBe(false);
    expect(isUnattended(pushed({ queue: [] }), LATE)).toBe(false);
  });

  it("leaves whoever has a call, is rung, or is not alone with it", () => {
    for (const more of [
      { seats_ready: 1 },
      { offer: { call_id: "C1" } },
      { call: { call_id: "C2" } },
      { seat: { state: "supervising" } },
      { seat: { state: "ready" } },
    ])
      expect(isUnattended(pushed(more), LATE), JSON.stringify(more)).toBe(false);
    expect(isUnattended(null, LATE)).toBe(false);
  });
});

describe("the reminder", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("sounds until it is ended", () => {
    const sounded = vi.fn();
    vi.stubGlobal("navigator", { get userActivation() { sounded(); return { hasBeenActive: false }; } });
    const end = startReminding();
    const once = sounded.mock.calls.length;
    expect(once).toBeGreaterThan(0);
    vi.advanceTimersByTime(10_000);
    expect(sounded.mock.calls.length).toBe(2 * once);
    end();
    vi.advanceTimersByTime(60_000);
    expect(sounded.mock.calls.length).toBe(2 * once);
    vi.unstubAllGlobals();
  });
});
