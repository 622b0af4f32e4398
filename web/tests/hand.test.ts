import { render } from "svelte/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import Dialogs from "../src/console/Dialogs.svelte";
import { Hand } from "../src/console/hand.svelte";
import { answered, refused } from "../src/console/outcomes";
import TextEntry from "../src/console/TextEntry.svelte";
import MeasureForm from "../src/console/MeasureForm.svelte";
import AddParty from "../src/console/AddParty.svelte";
import CallsPane from "../src/console/CallsPane.svelte";
import IncomingCall from "../src/console/IncomingCall.svelte";
import ReportForm from "../src/console/ReportForm.svelte";
import TopBar from "../src/console/TopBar.svelte";
import CallPanel from "../src/console/CallPanel.svelte";
import IncidentList from "../src/console/IncidentList.svelte";
import type { Result } from "../src/core/api";
import type { Target } from "../src/core/actions";
import type { Answer, Entry } from "../src/core/outbox";
import type { Role } from "../src/core/types/people";
import type { SeatPush } from "../src/core/types/phone";
import { setLanguage } from "../src/ui/text.svelte";

const room = vi.hoisted(() => ({ hand: null as unknown }));
vi.mock("../src/console/context", () => ({ getHand: () => room.hand, setHand: () => undefined }));

const AT = "2026-11-26T03:00:00Z";
const unit = (unit_id: string, more: object = {}) => ({
  unit_id, state: "dispatched", dispatched_at: AT, ack_overdue: false, released_at: null, ...more,
});

/** A console with incidents A and B, of which A is selected. */
function room_with(...roles: Role[]): Hand {
  const hand = new Hand({ operator: { operator_id: "op1", name: "Orang", roles, unit_id: null }, confirmed: true });
  room.hand = hand;
  for (const [at, key] of ["A", "B"].entries()) incident(hand, key, at + 1);
  hand.select("A");
  return hand;
}

function incident(hand: Hand, key: string, seq: number, more: object = {}): void {
  const body = {
    incident_id: key, number: `2026-000${key}`, state: "open", priority: 2, opened_at: AT, category: "fire", place: null,
    report: null, units: [], notes: [], hazards: [], call_ids: [], notify: [], injured: null, opened_by: "op1", reopened: 0, ...more,
  };
  hand.desk.rows.apply({ seq, rows: [{ view: "incident", key, seq, body, personal: {} } as never] });
}

function rings(hand: Hand, call_id = "C2"): void {
  const push = { seat: { seat_id: "M1", state: "offered" }, queue: [], call: null, offer: { call_id } } as unknown as SeatPush;
  hand.desk.phone = { ...hand.desk.phone, seat_id: "M1", line: "open", media: "connected", push };
}

function talks(hand: Hand, call_id: string): void {
  const call = { call_id, parties: [], on_hold: false, muted: false, state: "live", number: null };
  const push = { seat: { seat_id: "M1", state: "busy" }, queue: [], call, offer: null } as unknown as SeatPush;
  hand.desk.phone = { ...hand.desk.phone, seat_id: "M1", line: "open", media: "connected", push };
}

/** What was put on its way, and how the server answers it. */
function outbox(hand: Hand, answer: Result<Answer> = { ok: true, value: {} }) {
  return vi.spyOn(hand.desk.outbox, "send").mockResolvedValue(answer);
}

const entry = (label: string, subject: string): Entry => ({ label, subject, problem: null }) as unknown as Entry;
const REFUSED: Result<Answer> = {
  ok: false,
  problem: { status: 409, code: "unit-not-available", title: "", detail: null, errors: [], context: {} },
};

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse(AT) });
  vi.stubGlobal("document", { documentElement: {} });
  vi.stubGlobal("navigator", {});
  setLanguage("id");
});
afterEach(() => vi.useRealTimers());

describe("a dialog", () => {
  it("is about the incident that it was opened for, though another is selected meanwhile", () => {
    const hand = room_with("dispatcher");
    hand.run("note");
    hand.select("B");
    expect(hand.dialog).toEqual({ open: "note", incident_id: "A" });
    expect(render(Dialogs).body).toContain("2026-000A");
    expect(render(Dialogs).body).not.toContain("2026-000B");
  });

  it("that takes a closing back reopens the incident that was closed, whatever is selected by then", () => {
    const hand = room_with("dispatcher");
    answered(hand, entry("command.close", "A"), {});
    hand.select("B");
    expect(hand.pressed("z")).toBe(true);
    expect(hand.dialog).toEqual({ open: "reopen", incident_id: "A" });
  });

  it("that is waited for closes no other one", () => {
    const hand = room_with("supervisor");
    const waited: Target = { open: "measure", number: "0811000501" };
    hand.dialog = waited;
    hand.dialog = { open: "note", incident_id: "A" };
    hand.closeDialog(waited);
    expect(hand.dialog).toEqual({ open: "note", incident_id: "A" });
  });
});

describe("what was typed in a dialog", () => {
  const measure: Target = { open: "measure", number: "0811000501" };

  it("stands there again after a call was answered from within it, and is gone once it is sent or cancelled", () => {
    const hand = room_with("supervisor");
    hand.dialog = measure;
    hand.typed.keep(measure, { number: "0811000501", reason: "abuse", days: 3, remarks: "tiga kali semalam" });
    rings(hand);
    const told = vi.spyOn(hand.desk.line, "tell").mockResolvedValue(null);
    expect(hand.pressedInDialog("F2")).toBe(true);
    expect(told).toHaveBeenCalledWith("answer", { call_id: "C2" });
    expect(hand.dialog).toBeNull();
    hand.dialog = measure;
    expect(render(MeasureForm, { props: { number: "0811000501" } }).body).toContain("tiga kali semalam");
    hand.closeDialog();
    hand.dialog = measure;
    expect(render(MeasureForm, { props: { number: "0811000501" } }).body).not.toContain("tiga kali semalam");
  });

  it("belongs to its own call and number, and to its own dialog", () => {
    const hand = room_with("call_taker");
    hand.typed.keep({ open: "transfer", call_id: "C1" }, { address: "0911345678" });
    const address = (target: Target, call_id: string, transfer: boolean): string => {
      talks(hand, call_id);
      hand.dialog = target;
      return /<input[^>]*data-testid="party-address"[^>]*/.exec(render(AddParty, { props: { call_id, transfer } }).body)?.[0] ?? "";
    };
    expect(address({ open: "transfer", call_id: "C1" }, "C1", true)).toContain("0911345678");
    expect(address({ open: "transfer", call_id: "C2" }, "C2", true)).not.toContain("0911345678");
    expect(address({ open: "add-party", call_id: "C1" }, "C1", false)).not.toContain("0911345678");
  });

  it("is kept of the last twenty dialogs, not for ever", () => {
    const { typed } = room_with("call_taker");
    for (let at = 0; at < 30; at++) typed.keep({ open: "transfer", call_id: `C${at}` }, { address: "0911" });
    expect(typed.of({ open: "transfer", call_id: "C9" })).toEqual({});
    expect(typed.of({ open: "transfer", call_id: "C10" })).toEqual({ address: "0911" });
  });

  it("also where a reason is written", () => {
    const hand = room_with("dispatcher");
    hand.dialog = { open: "reopen", incident_id: "A" };
    hand.typed.keep(hand.dialog, { text: "api menyala lagi" });
    expect(render(TextEntry, { props: { label: "", submit: "", onsubmit: () => undefined } }).body).toContain("api menyala lagi");
  });

  it("sends no other call away than the one it was opened for", () => {
    const hand = room_with("call_taker");
    talks(hand, "C2");
    hand.dialog = { open: "transfer", call_id: "C1" };
    const body = render(AddParty, { props: { call_id: "C1", transfer: true } }).body;
    expect(body).toContain("tidak lagi di kursi ini");
    expect(body).toMatch(/data-testid="party-add"[^>]* disabled|disabled[^>]*data-testid="party-add"/);
  });
});

describe("an alarm of a dispatch", () => {
  const alarmed = (): Hand => {
    const hand = room_with("dispatcher");
    incident(hand, "A", 3, { units: [unit("U1", { ack_overdue: true })] });
    return hand;
  };

  it("that was marked by mistake comes back by one key", () => {
    const hand = alarmed();
    expect(hand.alarms.open).toHaveLength(1);
    hand.pressed("h");
    expect(hand.alarms.open).toHaveLength(0);
    expect(hand.toasts.list.at(-1)?.text).toBe("toast.alarm_handled");
    hand.pressed("z");
    expect(hand.alarms.open).toHaveLength(1);
  });

  it("says whether the other unit was really sent: a refusal is no dispatch", async () => {
    const hand = alarmed();
    outbox(hand, REFUSED);
    const command = { path: "/api/incidents/A/dispatch", body: {}, label: "command.dispatch", subject: "U2" };
    expect(await hand.do({ do: "send", command })).toBe(false);
    expect(hand.alarms.open).toHaveLength(1);
  });
});

describe("a seat that cannot take calls", () => {
  it("says so where it would wait for them, and what to do without a microphone", () => {
    const hand = room_with("call_taker");
    const push = { seat: { seat_id: "M1", state: "not_ready", reason: "technical" }, queue: [{ call_id: "W", arrived_at: AT, number: null, number_status: "none" }], call: null, offer: null } as unknown as SeatPush;
    hand.desk.phone = { ...hand.desk.phone, seat_id: "M1", line: "open", media: "no-microphone", push };
    expect(render(ReportForm, { props: { idle: false } }).body).toContain("tidak siap");
    expect(render(TopBar).body).toContain("Pasang headset");
    expect(render(CallsPane).body).not.toContain('data-testid="pick-up"');
    hand.desk.phone = { ...hand.desk.phone, media: "connected", push: { ...push, seat: { ...push.seat, state: "ready" } } };
    expect(render(ReportForm, { props: { idle: false } }).body).toContain("Menunggu panggilan");
    expect(render(TopBar).body).not.toContain("Pasang headset");
    expect(render(CallsPane).body).toContain('data-testid="pick-up"');
  });

  it("flashes no answer button while the switch is not reached", async () => {
    const hand = room_with("call_taker");
    rings(hand);
    const props = { offer: { call_id: "C2", arrived_at: AT, number: null, number_status: "none" as const, location: null } };
    expect(render(IncomingCall, { props }).body).not.toContain("answer-lost");
    hand.desk.phone = { ...hand.desk.phone, line: "lost" };
    expect(render(IncomingCall, { props }).body).toContain("answer-lost");
    expect(await hand.do({ do: "phone", op: "answer" })).toBe(false);
    expect(hand.toasts.list.at(-1)?.values["what"]).toBe("Jawab");
  });
});

describe("keys", () => {
  it("that are held down do nothing more, and reach no bar of the browser", () => {
    const hand = room_with("call_taker");
    for (const key of ["F1", "F3", "F6", "F7", "F10", "Ctrl+K", "Alt+D"]) expect(hand.held(key), key).toBe(true);
    for (const key of ["F5", "F11", "n", "Ctrl+C", "Alt+Tab"]) expect(hand.held(key), key).toBe(false);
  });

  it("of a digit send no unit that has just come to its place", async () => {
    const hand = room_with("dispatcher");
    const sent = outbox(hand);
    const units = (...ids: string[]) => ({ needs: [], units: ids.map((unit_id) => ({ unit_id, recommended: true, needs_reason: false })) });
    const answers = [units("U1", "U2", "U3"), units("U1", "U3", "U2")];
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(answers.shift())));
    await hand.recommend();
    await hand.recommend();
    expect(hand.recommending.current?.units[1]?.unit_id).toBe("U3");
    hand.pressed("2");
    expect(sent).not.toHaveBeenCalled();
    expect(hand.toasts.list.at(-1)?.text).toBe("toast.just_moved");
    hand.pressed("1");
    expect(sent).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(800);
    hand.pressed("2");
    expect(sent).toHaveBeenCalledTimes(2);
    vi.unstubAllGlobals();
  });
});

describe("a report that is answered", () => {
  const reported = (hand: Hand, ago_ms: number): void => {
    const created_at = new Date(Date.now() - ago_ms).toISOString();
    answered(hand, { ...entry("command.report", "C1"), created_at }, { incident_id: "B", number: "2026-000B" });
  };

  it("is selected, and takes no digit that was meant for the incident before", async () => {
    const hand = room_with("dispatcher");
    const sent = outbox(hand);
    reported(hand, 300);
    expect(hand.selectedIncident).toBe("B");
    const units = { needs: [], units: [{ unit_id: "U9", recommended: true, needs_reason: false }] };
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(units)));
    await hand.recommend();
    hand.pressed("1");
    expect(sent).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    hand.pressed("1");
    expect(sent).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });

  it("late, after the database was away, takes nothing out of the operator's hand", () => {
    const hand = room_with("dispatcher");
    reported(hand, 60_000);
    expect([hand.selectedIncident, hand.toasts.list.at(-1)?.text]).toEqual(["A", "toast.reported"]);
  });
});

describe("a call that was put away", () => {
  it("while the next one is written up leaves the seat as it is", () => {
    const hand = room_with("call_taker");
    const call = { call_id: "C2", state: "ended", operator_id: "op1", wrapped_up_at: null, incident_ids: [], robot: false };
    hand.desk.rows.apply({ seq: 9, rows: [{ view: "call", key: "C2", seq: 9, body: call, personal: {} } as never] });
    hand.desk.chosenCall = "C2";
    const push = { seat: { seat_id: "M1", state: "not_ready", reason: "wrap-up" }, queue: [], call: null, offer: null } as unknown as SeatPush;
    hand.desk.phone = { ...hand.desk.phone, seat_id: "M1", line: "open", media: "connected", push };
    const told = vi.spyOn(hand.desk.line, "tell").mockResolvedValue(null);
    answered(hand, entry("command.wrap-up", "C1"), {});
    expect([told.mock.calls, hand.desk.deskCall?.call_id]).toEqual([[], "C2"]);
    answered(hand, entry("command.wrap-up", "C2"), {});
    expect(told).toHaveBeenCalledWith("ready");
  });
});

describe("a call that the switch has ended", () => {
  it("runs on no clock, though the log has not heard of its end", () => {
    const hand = room_with("call_taker");
    const call = {
      call_id: "C2", state: "answered", answered_at: AT, operator_id: "op1", seat_id: "M1", wrapped_up_at: null, incident_ids: [], robot: false,
      number_status: "none", caller: null, location: null, parties: [],
    };
    hand.desk.rows.apply({ seq: 9, rows: [{ view: "call", key: "C2", seq: 9, body: call, personal: {} } as never] });
    expect(render(CallPanel).body).toContain("0:00");
    const push = { seat: { seat_id: "M1", state: "not_ready" }, queue: [], call: null, offer: null } as unknown as SeatPush;
    hand.desk.phone = { ...hand.desk.phone, seat_id: "M1", line: "open", push };
    expect(render(CallPanel).body).not.toContain("0:00");
    expect(render(CallPanel).body).toContain("Selesai");
  });
});

describe("what became of a caller who was called back", () => {
  it("is asked for when the operator's typing pauses, so that no digit of a report is taken for an outcome", async () => {
    const hand = room_with("call_taker");
    hand.typed_at_ms = Date.now();
    hand.lost.over("B1");
    expect(hand.dialog).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    hand.typed_at_ms = Date.now();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hand.dialog).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hand.dialog).toEqual({ open: "call-back-outcome", callback_id: "B1" });
  });

  it("is not asked for over the next call", async () => {
    const hand = room_with("call_taker");
    hand.typed_at_ms = Date.now();
    hand.lost.over("B1");
    rings(hand);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(hand.dialog).toBeNull();
    expect(hand.lost.called).toBe("B1");
  });
});

describe("what cannot be done", () => {
  it("is told with its name, and longer than what was done", async () => {
    const hand = room_with("dispatcher");
    hand.toasts.say("toast.reported");
    hand.toasts.refuse(REFUSED.ok ? (null as never) : REFUSED.problem, "Pengerahan");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(hand.toasts.list.map(({ text, values }) => [text, values["what"]])).toEqual([["toast.refused", "Pengerahan"]]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(hand.toasts.list).toEqual([]);
  });

  it("is said once: by the form that is still open, else by a notice", () => {
    const hand = room_with("supervisor");
    const refusal = { ...entry("command.measure", "measure 0811"), problem: REFUSED.ok ? null : REFUSED.problem };
    hand.dialog = { open: "measure", number: "0811" };
    refused(hand, refusal);
    expect(hand.toasts.list).toEqual([]);
    hand.closeDialog();
    refused(hand, refusal);
    expect(hand.toasts.list.map(({ values }) => values["what"])).toEqual(["Tindakan pada nomor"]);
  });

  it("is no signing off without a word while commands wait at this PC", () => {
    const hand = room_with("call_taker");
    hand.desk.entries = [{ ...entry("command.report", "C1"), state: "waiting" }];
    const leaves = vi.spyOn(hand, "signOff").mockResolvedValue();
    hand.run("sign-off");
    expect([hand.dialog, leaves.mock.calls.length]).toEqual([{ open: "sign-off-unsent" }, 0]);
    hand.closeDialog();
    hand.desk.entries = [];
    hand.run("sign-off");
    expect(leaves).toHaveBeenCalledOnce();
  });

  it("is no throwing away: a correction waits until its incident is loaded", () => {
    const hand = room_with("dispatcher");
    hand.forms.openForIncident(hand.incident as never);
    hand.forms.change({ place: { lat: -3.69, lon: 128.18, label: "Pasar", detail: "", source: "map" }, summary: "Dua lantai, ada orang di atas" });
    hand.desk.rows.clear();
    hand.submit();
    expect(hand.forms.open?.draft.summary).toBe("Dua lantai, ada orang di atas");
    expect(hand.toasts.list.at(-1)?.text).toBe("toast.not_loaded");
  });
});

describe("an empty list", () => {
  it("is called empty only once the server was heard", () => {
    const { desk } = room_with("dispatcher");
    desk.rows.clear();
    const heard = vi.spyOn(desk, "dataAge_s", "get").mockReturnValue(null);
    desk.feedState = "connecting";
    expect(render(IncidentList).body).toContain("Memuat");
    desk.feedState = "down";
    expect(render(IncidentList).body).toContain("Belum dimuat");
    heard.mockReturnValue(1);
    expect(render(IncidentList).body).not.toContain("Belum dimuat");
  });
});
