/** Whose turn it is: a supervisor lets a waiting caller go first, or asks whom they are for. */

import type { Command } from "../outbox";
import { maySupervise } from "../rights";
import { open, type Action, type Effect, type Queued, type Selection } from "./action";

export const PRECEDENCE_MAX = 9;
/** Commands that mean nothing once their caller no longer waits. */
export const QUEUE_LABELS: readonly string[] = ["command.precedence", "command.skill"];

const chosen = ({ roles, waiting }: Selection): Queued | null =>
  maySupervise(roles) ? (waiting ?? null) : null;

const set = (call_id: string, precedence: number): Command => ({
  path: `/api/calls/${call_id}/precedence`,
  body: { precedence },
  label: "command.precedence",
  subject: `queue ${call_id}`,
});

/** By so much, and back by one press; nothing beyond the ends. */
export function precedenceEffect({ call_id, name, precedence }: Queued, by: 1 | -1): Effect | null {
  const next = precedence + by;
  if (next < 0 || next > PRECEDENCE_MAX) return null;
  return {
    do: "send",
    command: set(call_id, next),
    back: {
      text: next === 0 ? "toast.precedence_none" : "toast.precedence",
      values: { number: name, n: String(next) },
      command: set(call_id, precedence),
    },
  };
}

const step = (name: string, key: string, by: 1 | -1): Action => ({
  name,
  keys: [key],
  group: "phone",
  effect: (selection) => {
    const call = chosen(selection);
    return call && precedenceEffect(call, by);
  },
});

export const QUEUE_ACTIONS: readonly Action[] = [
  step("precedence-up", "Alt+=", 1),
  step("precedence-down", "Alt+-", -1),
  {
    name: "ask-skill",
    keys: ["Alt+/"],
    group: "phone",
    effect: (selection) => {
      const call = chosen(selection);
      return call && open({ open: "skill", call_id: call.call_id });
    },
  },
  {
    name: "next-waiting",
    keys: ["Alt+."],
    group: "phone",
    effect: (selection) => (chosen(selection) ? open({ open: "next-waiting" }) : null),
  },
];
