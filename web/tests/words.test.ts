import { beforeEach, describe, expect, it, vi } from "vitest";
import { Hand } from "../src/console/hand.svelte";
import type { CallerSaid } from "../src/core/types/callback";
import type { Operator, Role } from "../src/core/types/people";

const alarm = vi.hoisted(() => vi.fn());
vi.mock("../src/core/sound", () => ({ soundAlarm: alarm, startRinging: () => undefined, wakeSound: () => undefined }));

function at(...roles: Role[]): Hand {
  const operator: Operator = { operator_id: "op1", name: "Penerima", roles, unit_id: null };
  return new Hand({ operator, confirmed: true });
}

const said = (word: CallerSaid["word"], seconds_ago: number): CallerSaid => ({
  word,
  at: new Date(Date.now() - 1000 * seconds_ago).toISOString(),
  text: null,
  location: null,
});

let seq = 0;
/** The feed brings a lost caller with all that they have said on their page. */
function told(hand: Hand, words: CallerSaid[], callback_id = "CB1", number: string | null = "0811000501"): void {
  const body = {
    callback_id, state: "open", opened_at: "2026-11-26T18:00:00Z", caller: "P1", number_status: "present",
    dialable: true, calling: null, calls: [], attempts: [], risk: 0, said: words, wish: null,
  };
  const personal = { P1: number === null ? null : { number } };
  seq += 1;
  hand.desk.rows.apply({ seq, rows: [{ view: "callback", key: callback_id, seq, body, personal }] });
  hand.lost.soundWords();
}

const toasts = (hand: Hand): Record<string, string>[] => hand.toasts.list.map(({ text, values }) => ({ text, ...values }));

describe("a word on a lost caller's page", () => {
  beforeEach(() => void alarm.mockClear());

  it("is said with the number and sounds, once, however often the rows come", () => {
    const hand = at("call_taker");
    told(hand, [said("cannot-speak", 2)]);
    expect(toasts(hand)).toEqual([{ text: "toast.caller_told", number: "0811000501", word: "TIDAK BISA BICARA" }]);
    expect(alarm).toHaveBeenCalledTimes(1);
    told(hand, [said("cannot-speak", 2)]);
    expect(hand.toasts.list).toHaveLength(1);
    expect(alarm).toHaveBeenCalledTimes(1);
  });

  it("takes the place of the caller's word before, and sounds again; another caller's stands beside it", () => {
    const hand = at("dispatcher");
    told(hand, [said("cannot-speak", 9)]);
    told(hand, [said("cannot-speak", 9), said("location", 1)]);
    told(hand, [said("text", 1)], "CB2", "0811000502");
    expect(toasts(hand).map(({ number, word }) => [number, word])).toEqual([
      ["0811000501", "mengirim lokasi"],
      ["0811000502", "menulis pesan"],
    ]);
    expect(alarm).toHaveBeenCalledTimes(3);
  });

  it("makes no noise when it is old news: a console that opens late has the list", () => {
    const hand = at("supervisor");
    told(hand, [said("call-me", 65)]);
    expect([hand.toasts.list.length, alarm.mock.calls.length]).toEqual([0, 0]);
    told(hand, [said("call-me", 65), said("text", 1)]);
    expect([hand.toasts.list.length, alarm.mock.calls.length]).toEqual([1, 1]);
  });

  it("says so where the number has been erased", () => {
    const hand = at("call_taker");
    told(hand, [said("text", 1)], "CB1", null);
    expect(toasts(hand)[0]?.["number"]).toBe("(sudah dihapus)");
  });

  it("is not for desks that call nobody back", () => {
    const hand = at("agency_desk");
    told(hand, [said("cannot-speak", 1)]);
    expect([hand.toasts.list.length, alarm.mock.calls.length]).toEqual([0, 0]);
  });
});
