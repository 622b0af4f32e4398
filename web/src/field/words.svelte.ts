/** Ages, distances and reports in words, in the language of the screen. */

import { timeOfDay } from "../core/clock";
import type { Entry } from "../core/outbox";
import type { Reference } from "../core/reference";
import { language, t } from "../ui/text.svelte";
import { LABELS, reachedIn, reportIn } from "./reports";

/** `12 dtk`, `4 mnt`, `2 jam`. */
export function ageText(told: number): string {
  const seconds = Math.max(0, told); // a phone's clock may be behind the server's
  if (seconds < 60) return t("common.seconds", { n: Math.floor(seconds) });
  if (seconds < 3600) return t("common.minutes", { n: Math.floor(seconds / 60) });
  return t("field.hours", { n: Math.floor(seconds / 3600) });
}

export function distanceText(metres: number): string {
  if (metres < 950) return t("common.metres", { n: Math.round(metres / 50) * 50 });
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return t("common.kilometres", { n: (metres / 1000).toLocaleString(language(), digits) });
}

/** `03:07`: seconds help nobody on the road. */
export function clockText(at: string | number, zone: string): string {
  return timeOfDay(at, zone).slice(0, 5);
}

/** What an entry of the outbox says, such as the state it reports. */
export function entryText(entry: Entry, reference: Reference): string {
  const report = reportIn(entry);
  const reached = reachedIn(entry);
  if (reached) return t(`milestone.${reached.milestone}`);
  if (!report) return t(entry.label);
  const hospital = reference.hospitals.find(({ id }) => id === report.hospital_id)?.name;
  const state = t(`unit_state.${report.state}`);
  return hospital ? `${state} – ${hospital}` : state;
}

export function noteIn(entry: Entry): string | null {
  return entry.label === LABELS.note ? (entry.body as { text: string }).text : null;
}
