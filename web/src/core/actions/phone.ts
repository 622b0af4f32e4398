/** The seat, its call, and calling back. */

import { readyToCall } from "../callbacks";
import { mayReport, maySit, maySupervise, mayTakeCalls } from "../rights";
import { open, phone, type Action, type Effect, type Selection } from "./action";
import { live } from "./conversation";

function seatAction({ roles, phone: { seat_id, line, media, push } }: Selection): {
  name: "take-seat" | "ready" | "not-ready";
  effect: Effect;
} | null {
  if (!maySit(roles)) return null;
  if (seat_id === null) return { name: "take-seat", effect: open({ open: "seat" }) };
  if (line !== "open" || !push) return null;
  if (push.seat.state === "ready") return { name: "not-ready", effect: open({ open: "not-ready" }) };
  return push.seat.state === "not_ready" && media === "connected"
    ? { name: "ready", effect: phone("ready") }
    : null;
}

const seatEffect =
  (name: "take-seat" | "ready" | "not-ready") =>
  (selection: Selection): Effect | null => {
    const next = seatAction(selection);
    return next?.name === name ? next.effect : null;
  };

export const PHONE_ACTIONS: readonly Action[] = [
  {
    name: "answer",
    keys: ["F2", "Enter"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.offer ? phone("answer", { call_id: push.offer.call_id }) : null,
  },
  { name: "take-seat", keys: ["Alt+R"], group: "phone", effect: seatEffect("take-seat") },
  { name: "ready", keys: ["Alt+R"], group: "phone", effect: seatEffect("ready") },
  { name: "not-ready", keys: ["Alt+R"], group: "phone", effect: seatEffect("not-ready") },
  {
    name: "extend-wrap-up",
    keys: ["F4"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.seat.wrap_up_until ? phone("extend_wrap_up", { for_s: 120 }) : null,
  },
  {
    name: "surge",
    keys: ["Alt+N"],
    group: "phone",
    effect: ({ roles }) => (maySupervise(roles) ? open({ open: "surge" }) : null),
  },
  {
    name: "leave-seat",
    keys: ["Alt+X"],
    group: "phone",
    effect: ({ phone: { seat_id, push } }) =>
      seat_id !== null && !push?.call && !push?.offer ? phone("leave") : null,
  },
  {
    name: "hold",
    keys: ["F4"],
    group: "phone",
    effect: (selection) => (live(selection)?.on_hold === false ? phone("hold") : null),
  },
  {
    name: "resume",
    keys: ["F4"],
    group: "phone",
    effect: (selection) => (live(selection)?.on_hold ? phone("resume") : null),
  },
  {
    name: "mute",
    keys: ["F6"],
    group: "phone",
    effect: (selection) => (live(selection)?.muted === false ? phone("mute") : null),
  },
  {
    name: "unmute",
    keys: ["F6"],
    group: "phone",
    effect: (selection) => (live(selection)?.muted ? phone("unmute") : null),
  },
  {
    name: "hang-up",
    keys: ["F8"],
    group: "phone",
    effect: ({ phone: { push } }) => (push?.call ? phone("hang_up") : null),
  },
  {
    name: "call-back",
    keys: ["Alt+O"],
    group: "phone",
    effect: ({ roles, phone: status, callBack }) =>
      mayTakeCalls(roles) && callBack && readyToCall(status.push)
        ? open({ open: "call-back", callback_id: callBack.callback_id })
        : null,
  },
  {
    name: "call-back-outcome",
    keys: ["Alt+Z"],
    group: "phone",
    effect: ({ roles, toSettle }) =>
      mayReport(roles) && toSettle && toSettle.calling === null
        ? open({ open: "call-back-outcome", callback_id: toSettle.callback_id })
        : null,
  },
  {
    name: "call-backs",
    keys: ["Alt+V"],
    group: "phone",
    effect: ({ roles }) => (mayReport(roles) ? open({ open: "call-backs" }) : null),
  },
  {
    name: "ask-call-back",
    keys: ["Alt+F"],
    group: "phone",
    effect: ({ roles, call }) =>
      mayReport(roles) && call && !call.test && call.direction !== "out"
        ? {
            do: "send",
            command: {
              path: "/api/callbacks",
              body: { call_id: call.call_id },
              label: "command.ask-call-back",
              subject: call.call_id,
            },
          }
        : null,
  },
  {
    name: "add-party",
    keys: ["F9"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && open({ open: "add-party", call_id: call.call_id });
    },
  },
  {
    name: "drop-party",
    keys: ["F10"],
    group: "phone",
    effect: (selection) => {
      const party = live(selection)?.parties.findLast(({ state }) => state !== "left");
      return party ? phone("drop_party", { leg_id: party.leg_id }) : null;
    },
  },
];
