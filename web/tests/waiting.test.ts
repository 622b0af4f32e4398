import { describe, expect, it } from "vitest";
import { byTurn, type Waiting } from "../src/console/waiting";

const caller = (call_id: string, second: number, turn: Partial<Waiting> = {}): Waiting => ({
  call_id,
  arrived_at: `2026-11-26T03:00:0${second}Z`,
  number: null,
  number_status: "none",
  ...turn,
});

describe("who waits, as the log says while the switch is away", () => {
  it("has the order of the switch: cut off, then precedence, then arrival", () => {
    const callers = [
      caller("late", 3),
      caller("early", 1),
      caller("urgent", 4, { precedence: 2 }),
      caller("most", 5, { precedence: 4 }),
      caller("cut-off", 6, { requeued: true }),
    ];
    const order = callers.sort(byTurn).map(({ call_id }) => call_id);
    expect(order).toEqual(["cut-off", "most", "urgent", "early", "late"]);
  });
});
