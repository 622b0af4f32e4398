/** Speaking by keys with a caller who does not speak. */

import type { GhostQuestion } from "../types/phone";
import { phone, type Action } from "./action";
import { live } from "./conversation";

/** Ask a silent caller; not while the hold prompt would cover the question. */
const ask = (name: string, key: string, question: GhostQuestion): Action => ({
  name,
  keys: [key],
  group: "phone",
  effect: (selection) => {
    const call = live(selection);
    return call?.ghost && !call.on_hold && !call.transfer ? phone("ghost_ask", { question }) : null;
  },
});

export const GHOST_ACTIONS: readonly Action[] = [
  {
    name: "ghost",
    keys: ["Alt+Y"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.on_hold && !call.transfer ? phone("ghost") : null;
    },
  },
  ask("ghost-police", "Alt+6", "police"),
  ask("ghost-medical", "Alt+7", "medical"),
  ask("ghost-fire", "Alt+8", "fire"),
  ask("ghost-come", "Alt+9", "come"),
  {
    name: "ghost-end",
    keys: ["Alt+0"],
    group: "phone",
    effect: (selection) =>
      live(selection)?.ghost && selection.listened ? phone("ghost_end") : null,
  },
];
