/** What the page says of reasons, places and times, in the language of the screen. */

import { duration, secondsSince, timeOfDay } from "../core/clock";
import { has } from "../core/i18n";
import { language, t } from "../ui/text.svelte";
import { ageOf, familyOf, figure, type PlaceFault, type Reason, type Telephone } from "./health";

/** Settings that name a place for recordings, and its name. */
const PLACES: Record<string, string> = { recordings_copy: "folder", recordings_store: "store" };

/** `whole`: what else is known, such as why copies fail; null while only a part is. */
export function reasonText({ code, about, numbers, since }: Reason, zone: string, whole: Telephone | null): string {
  const begun_ms = Date.parse(since ?? "") - 1000 * (numbers["failing_s"] ?? 0);
  const time = Number.isFinite(begun_ms) ? timeOfDay(begun_ms, zone, true) : "";
  const words = { about: nameOf(code, about), ...rounded(numbers), time };
  const fault = code === "copy-failing" ? (about === "recordings_store" ? whole?.storing : whole?.copying)?.fault : null;
  const why = fault ? ` ${faultText(fault)}` : "";
  if (has(`telephone.reason.${code}`)) return t(`telephone.reason.${code}`, words) + why;
  return has(`switch_alarm.${code}`) ? t(`switch_alarm.${code}`) : `${code} ${about}`;
}

function nameOf(code: string, about: string): string {
  const key = `telephone.limit.${about}`;
  if (code === "limit-near" && has(key)) return t(key);
  const place = `telephone.place.${PLACES[about] ?? about}`;
  if (has(place)) return t(place);
  return lineName(about);
}

/** A line by which test calls come. */
export function lineName(line: string): string {
  const family = familyOf(line);
  if (family === null) return line;
  return family ? t("telephone.edge_family", { family }) : t("telephone.edge");
}

export function faultText({ code, detail }: PlaceFault): string {
  const key = `telephone.place_fault.${code}`;
  return has(key) ? t(key, { detail }) : `${code} ${detail}`;
}

function rounded(numbers: Record<string, number>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, figure(name, value, language())]));
}

export function ageText(seconds: number): string {
  const { unit, n } = ageOf(seconds);
  return t(`telephone.age.${unit}`, { n });
}

export function ago(at: string | null, now_ms: number): string {
  return at === null ? t("telephone.never") : t("telephone.ago", { time: duration(secondsSince(at, now_ms)) });
}
