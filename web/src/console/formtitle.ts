/** What a report form is called on its tab. */

import { timeOfDay } from "../core/clock";
import { personalOf } from "../core/rows";
import type { Caller } from "../core/types/call";
import { t } from "../ui/text.svelte";
import type { Form } from "./forms.svelte";
import type { Hand } from "./hand.svelte";

export function formTitle({ desk }: Hand, { draft }: Form): string {
  if (draft.incident_id) {
    const number = desk.row("incident", draft.incident_id)?.body.number ?? "";
    return t("report.amends", { number });
  }
  if (draft.call_id === null) return t("report.without_call");
  if (draft.call_id === desk.deskCall?.call_id) return t("report.of_call");
  const row = desk.row("call", draft.call_id);
  const arrived_at = row?.body.arrived_at;
  const time = arrived_at ? timeOfDay(arrived_at, desk.reference.city.zone).slice(0, 5) : "";
  // Two callers of one minute are told apart by the number's end.
  const number = (row && personalOf<Caller>(row, row.body.caller)?.number)?.slice(-4);
  return t("report.of_earlier_call", { time: number ? `${time} …${number}` : time });
}
