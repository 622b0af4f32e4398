/** What follows when the server has answered a command, or refused it. */

import type { Entry } from "../core/outbox";
import { personalOf } from "../core/rows";
import { t } from "../ui/text.svelte";
import type { Hand } from "./hand.svelte";

/** An answer that comes later finds the operator at something else. */
const LATE_MS = 5_000;

export function answered(hand: Hand, entry: Entry, answer: Record<string, unknown>): void {
  const { forms, lost, toasts } = hand;
  if (entry.draft) forms.drop(entry.draft);
  const subject = entry.subject ?? "";
  switch (entry.label) {
    case "command.report":
      if (typeof answer["incident_id"] !== "string") return;
      hand.selectReported(answer["incident_id"], Date.now() - Date.parse(entry.created_at) > LATE_MS);
      toasts.say("toast.reported", { number: String(answer["number"] ?? "") });
      return;
    case "command.wrap-up":
      wrappedUp(hand, subject);
      return;
    case "command.ask-call-back":
      toasts.say("toast.call_back_asked");
      return;
    case "command.close-call-back": {
      const callback_id = subject.replace("callback ", "");
      lost.closed(callback_id);
      const reopen = (): void => void (hand.dialog = { open: "call-back-reopen", callback_id });
      toasts.say("toast.call_back_closed", {}, null, reopen);
      return;
    }
    case "command.lift":
      lifted(hand, subject);
      return;
    case "command.close":
      toasts.say("toast.closed", {}, null, () => void (hand.dialog = { open: "reopen", incident_id: subject }));
      return;
  }
}

/** A refused report comes back with its reason; all else is told. */
export function refused(hand: Hand, entry: Entry): void {
  if (entry.draft && hand.forms.list.some(({ key }) => key === entry.draft)) {
    hand.forms.openKey = entry.draft;
    return;
  }
  // The form that is still open says it at the field.
  const told = entry.label === "command.measure" && hand.dialog?.open === "measure";
  if (entry.problem && !told) hand.toasts.refuse(entry.problem, t(entry.label));
  hand.desk.outbox.dismiss(entry.id);
}

/** Whoever lifted the wrong one can set it again at once. */
function lifted(hand: Hand, measure_id: string): void {
  const { desk, toasts } = hand;
  const row = desk.row("measure", measure_id);
  const number = row && personalOf<{ number: string }>(row, row.body.number)?.number;
  const again = (): void => void (hand.dialog = { open: "measure", number: number ?? "" });
  toasts.say("toast.lifted", {}, null, number ? again : null);
}

/** The desk is free again: the seat goes back to where calls come from, unless the next one is written up already. */
function wrappedUp({ desk, forms }: Hand, call_id: string): void {
  forms.dropBlank(call_id);
  if (desk.chosenCall === call_id) desk.chosenCall = null;
  const { push } = desk.phone;
  if ((desk.deskCall?.call_id ?? call_id) !== call_id) return;
  if (push?.seat.state === "not_ready" && push.seat.reason === "wrap-up") {
    void desk.line.tell("ready");
  }
}
