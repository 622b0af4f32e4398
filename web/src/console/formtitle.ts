/** What a report form is called on its tab. */

import { timeOfDay } from "../core/clock";
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
  const arrived_at = desk.row("call", draft.call_id)?.body.arrived_at;
  const time = arrived_at ? timeOfDay(arrived_at, desk.reference.city.zone).slice(0, 5) : "";
  return t("report.of_earlier_call", { time });
}
