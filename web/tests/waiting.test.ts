import { render } from "svelte/server";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Hand } from "../src/console/hand.svelte";
import CallsPane from "../src/console/CallsPane.svelte";
import LiveCalls from "../src/console/LiveCalls.svelte";
import { byTurn, liveCalls, recordedCalls, setAside, waitingCallers, type Waiting } from "../src/console/waiting";
import { STALE_S, type Desk } from "../src/console/desk.svelte";
import TopBar from "../src/console/TopBar.svelte";
import WaitingCallers from "../src/console/WaitingCallers.svelte";
import en from "../src/core/i18n/en.json";
import type { CallBody } from "../src/core/types/call";
import type { Role } from "../src/core/types/people";
import type { LiveBoard, PhoneCall, QueueEntry, SeatPush } from "../src/core/types/phone";
import { setLanguage } from "../src/ui/text.svelte";

const room = vi.hoisted(() => ({ hand: null as unknown }));
vi.mock("../src/console/context", () => ({ getHand: () => room.hand, setHand: () => undefined }));

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

/** A desk without a seat: the log's rows, and what the server says of the switch. */
function desk(live: Partial<LiveBoard> | null, ...rows: Partial<CallBody>[]): Desk {
  const board = live && { now: "", node: "A", away: false, queue: [], waiting: [], calls: [], ...live };
  const all = rows.map((body) => ({ key: body.call_id, personal: {}, body: { node: "A", caller: null, offered_to: null, arrived_at: "2026-11-26T03:00:05Z", ...body } }));
  return { phone: { line: "closed", push: null }, live: board, all: () => all } as unknown as Desk;
}
const ids = (calls: readonly { call_id: string }[] | null): string[] | null => calls && calls.map(({ call_id }) => call_id);
const HELD = "2026-11-26T18:01:00Z";
const PARKED = { number: null, number_status: "none" as const, seat_id: "M1", since: "", slot: null, to_seat_id: null };

describe("who waits and who talks, for a supervisor without a seat", () => {
  const queue = [{ ...caller("W", 1, { held_back_until: HELD }), trunk: "mobile" }];
  const calls = [{ call_id: "T" } as PhoneCall];
  const recorded: Partial<CallBody>[] = [
    { call_id: "W", state: "queued" },
    { call_id: "T", state: "answered" },
    { call_id: "gone", state: "answered" },
    { call_id: "W-at-B", state: "queued", node: "B" },
    { call_id: "T-at-B", state: "held", node: "B" },
    { call_id: "S", state: "queued", transferring: true, to_seat_id: "M2", aside_since: "2026-11-26T03:02:00Z" },
    { call_id: "P", state: "parked", slot: 3, aside_since: "2026-11-26T03:01:00Z" },
  ];

  it("are the switch's own words, beside other nodes' calls from the log", () => {
    const here = desk({ queue, calls }, ...recorded);
    expect(waitingCallers(here).map(({ call_id, held_back_until }) => [call_id, held_back_until])).toEqual([
      ["W", HELD],
      ["W-at-B", undefined],
    ]);
    expect(ids(liveCalls(here, true))).toEqual(["T"]);
    expect(recordedCalls(here).map(({ key }) => key)).toEqual(["T-at-B"]);
  });

  it("come from the log alone while the switch is away or the server says nothing: nobody is missing", () => {
    for (const here of [desk({ away: true }, ...recorded), desk(null, ...recorded)]) {
      expect(ids(waitingCallers(here))).toEqual(["W", "W-at-B"]);
      expect(liveCalls(here, true)).toBeNull();
      expect(recordedCalls(here).map(({ key }) => key)).toEqual(["T", "gone", "T-at-B"]);
    }
  });

  it("leave out no parked caller and none on the way to a seat, and say since when, though the log knows nothing yet", () => {
    const waiting = [
      { ...PARKED, call_id: "P", slot: 3, since: "2026-11-26T03:01:00Z" },
      { ...PARKED, call_id: "S", to_seat_id: "M2", since: "2026-11-26T03:02:00Z" },
    ];
    for (const rows of [[], recorded]) {
      const aside = setAside(desk({ queue, waiting, calls }, ...rows));
      expect(aside.map(({ call_id, slot, to_seat_id, since }) => [call_id, slot, to_seat_id, since])).toEqual([
        ["P", 3, null, "2026-11-26T03:01:00Z"],
        ["S", null, "M2", "2026-11-26T03:02:00Z"],
      ]);
    }
  });

  it("have another node's parked callers from the log beside them", () => {
    const waiting = [{ ...PARKED, call_id: "P", slot: 3 }];
    const here = desk({ waiting }, ...recorded, { call_id: "P-at-B", state: "parked", slot: 1, node: "B" });
    expect(ids(setAside(here))).toEqual(["P-at-B", "P"]);
    expect(ids(waitingCallers(here))).toEqual(["W-at-B"]);
  });

  it("are the log's while the switch is away: no parked caller is missing", () => {
    const aside = setAside(desk({ away: true }, ...recorded));
    expect(aside.map(({ call_id, slot, to_seat_id, since }) => [call_id, slot, to_seat_id, since])).toEqual([
      ["P", 3, null, "2026-11-26T03:01:00Z"],
      ["S", null, "M2", "2026-11-26T03:02:00Z"],
    ]);
  });

  it("know of a parked caller in a row of before, though not since when", () => {
    const aside = setAside(desk(null, { call_id: "P", state: "parked" }, { call_id: "S", state: "offered", transferring: true, offered_to: "M2" }));
    expect(aside.map(({ call_id, to_seat_id, since }) => [call_id, to_seat_id, since])).toEqual([
      ["P", null, null],
      ["S", "M2", null],
    ]);
  });

  it("show a caller who was picked up once, though the log still says parked", () => {
    const late = { queue: [caller("S", 1) as QueueEntry], calls: [{ call_id: "P" } as PhoneCall] };
    expect(setAside(desk(late, ...recorded))).toEqual([]);
  });

  it("name a bridged call once, whichever node's it is", () => {
    const here = desk({ calls }, { call_id: "T", state: "answered", node: "B" });
    expect(recordedCalls(here)).toEqual([]);
  });
});

/** A console in front of somebody. */
function sat(...roles: Role[]): Hand {
  const hand = new Hand({ operator: { operator_id: "op1", name: "Orang", roles, unit_id: null }, confirmed: true });
  room.hand = hand;
  return hand;
}

describe("on screen", () => {
  beforeEach(() => {
    vi.stubGlobal("document", { documentElement: {} });
    setLanguage("id");
  });

  it("a waiting caller says that ready seats are kept for other lines, and until when on the city's clock", () => {
    const props = { canPick: false, keyed: null, onpick: () => undefined };
    const waits = caller("W", 1, { number: "0811000501", held_back_until: HELD });
    for (const role of ["call_taker", "supervisor"] as const) {
      sat(role);
      const held = render(WaitingCallers, { props: { ...props, callers: [waits] } }).body;
      expect(held).toContain("kursi siap disimpan untuk saluran lain, paling lama sampai 03:01:00");
      const free = render(WaitingCallers, { props: { ...props, callers: [{ ...waits, held_back_until: null }] } }).body;
      expect(free).toContain("0811000501");
      expect(free).not.toContain('data-testid="held-back"');
    }
    setLanguage("en");
    const english = render(WaitingCallers, { props: { ...props, callers: [waits] } }).body;
    expect(english).toContain(en["queue.held_back"].replace("{at}", "03:01:00"));
  });

  it("a live call says who talks at which seat; from no seat it cannot be taken part in, and the screen says why", () => {
    const hand = sat("supervisor");
    const talks = {
      call_id: "T", answered_at: null, number: "0811000504", number_status: "present", on_hold: false, parties: [],
      seat_id: "M1", operator_name: "Penerima Satu", lines: [],
    } as unknown as PhoneCall;
    const alone = render(LiveCalls, { props: { calls: [talks] } }).body;
    expect(alone).toContain("M1 Penerima Satu");
    expect(alone).toMatch(/data-testid="live-call"[^>]* disabled/);
    expect(alone).toContain("ambil kursi");
    const push = { seat: { seat_id: "M2" }, queue: [], call: null, offer: null, live: [talks] } as unknown as SeatPush;
    hand.desk.phone = { ...hand.desk.phone, seat_id: "M2", line: "open", media: "connected", push };
    const seated = render(LiveCalls, { props: { calls: [talks] } }).body;
    expect(seated).not.toMatch(/data-testid="live-call"[^>]* disabled/);
    expect(seated).not.toContain("ambil kursi");
  });

  it("a switch that does not answer is said in alarm, beside where to look", () => {
    const { desk } = sat("supervisor");
    const board = { now: "", node: "", away: false, queue: [], waiting: [], calls: [] };
    const heard = vi.spyOn(desk, "live", "get").mockReturnValue(board);
    expect(render(CallsPane).body).not.toContain("tidak menjawab");
    heard.mockReturnValue({ ...board, away: true });
    expect(render(CallsPane).body).toMatch(/role="alert".*Sentral telepon tidak menjawab.*menurut catatan.*Alt\+H/s);
  });

  it("rows that nothing renews are never called live, though the server tells of the switch", () => {
    const { desk } = sat("supervisor");
    desk.feedState = "live";
    const age = vi.spyOn(desk, "dataAge_s", "get").mockReturnValue(STALE_S - 1);
    expect(render(TopBar).body).toContain("Data langsung");
    age.mockReturnValue(STALE_S);
    const old = render(TopBar).body;
    expect(old).not.toContain("Data langsung");
    expect(old).toContain("Data tertinggal");
    desk.feedState = "down";
    expect(render(TopBar).body).toContain("Basis data mati");
  });
});
