/** Sending calls on, parking them, taking them, and taking part in another seat's. */

import type { SupervisionMode } from "../types/phone";
import { open, phone, type Action } from "./action";
import { isFree, live, parked, sentOn, watchedCall } from "./conversation";

const supervise = (name: SupervisionMode, key: string): Action => ({
  name,
  keys: [key],
  group: "phone",
  effect: (selection) => {
    const call = watchedCall(selection);
    const now = selection.phone.push?.supervision;
    const isSo = now?.call_id === call?.call_id && now?.mode === name;
    return call && !isSo ? phone("supervise", { call_id: call.call_id, mode: name }) : null;
  },
});

export const CALL_CONTROL: readonly Action[] = [
  {
    name: "transfer",
    keys: ["F3"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.transfer ? open({ open: "transfer", call_id: call.call_id }) : null;
    },
  },
  {
    name: "take-back",
    keys: ["F3"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      const call_id = call?.transfer ? call.call_id : sentOn(selection)?.call_id;
      return call_id ? phone("take_back", { call_id }) : null;
    },
  },
  {
    name: "complete-transfer",
    keys: ["Alt+O"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      const joined = call?.parties.some(({ state }) => state === "joined");
      return joined && !call?.transfer ? phone("complete_transfer") : null;
    },
  },
  {
    name: "park",
    keys: ["F7"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.transfer ? phone("park") : null;
    },
  },
  {
    name: "unpark",
    keys: ["F7"],
    group: "phone",
    effect: (selection) => {
      const call = isFree(selection) ? parked(selection) : null;
      return call ? phone("pick_up", { call_id: call.call_id }) : null;
    },
  },
  {
    name: "pick-up",
    keys: ["Alt+J"],
    group: "phone",
    effect: (selection) => {
      const { push } = selection.phone;
      const first = push?.queue.find(({ call_id }) => call_id !== push.offer?.call_id);
      return first && isFree(selection) ? phone("pick_up", { call_id: first.call_id }) : null;
    },
  },
  supervise("listen", "Alt+5"),
  supervise("whisper", "Alt+6"),
  supervise("barge", "Alt+8"),
  {
    name: "take-over",
    keys: ["Alt+D"],
    group: "phone",
    effect: (selection) => {
      const call = watchedCall(selection);
      return call ? phone("take_over", { call_id: call.call_id }) : null;
    },
  },
  {
    name: "end-supervision",
    keys: ["F8"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.supervision && !push.call ? phone("end_supervision") : null,
  },
];
