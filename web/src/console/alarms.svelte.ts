/** Dispatches that nobody acknowledged in time: loud once, marked until somebody deals with them. */

import { mayDispatch } from "../core/rights";
import { soundAlarm } from "../core/sound";
import type { IncidentBody, IncidentUnit } from "../core/types/incident";
import type { Desk } from "./desk.svelte";

const KEPT_AS = "tahuri.alarms-handled";
/** Older ones have been forgotten by the log's rows too. */
const KEPT_MAX = 200;

export interface Alarm {
  name: string;
  incident: IncidentBody;
  unit: IncidentUnit;
}

export class Alarms {
  readonly #desk: Desk;
  #handled = $state.raw<readonly string[]>([]);
  readonly #sounded = new Set<string>();

  constructor(desk: Desk) {
    this.#desk = desk;
    try {
      this.#handled = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]") as string[];
    } catch {
      // An alarm too many is better than one too few.
    }
  }

  /** Unanswered dispatches that nobody has dealt with, the oldest first. */
  get open(): Alarm[] {
    if (!mayDispatch(this.#desk.operator.roles)) return [];
    return this.#desk
      .all("incident")
      .filter(({ body }) => body.state === "open")
      .flatMap(({ body }) =>
        body.units
          .filter((unit) => unit.ack_overdue && unit.released_at === null)
          .map((unit) => ({ name: `${body.incident_id} ${unit.unit_id} ${unit.dispatched_at}`, incident: body, unit })),
      )
      .filter(({ name }) => !this.#handled.includes(name))
      .sort((a, b) => a.unit.dispatched_at.localeCompare(b.unit.dispatched_at));
  }

  /** Sound each alarm once. */
  sound(): void {
    const fresh = this.open.filter(({ name }) => !this.#sounded.has(name));
    for (const { name } of fresh) this.#sounded.add(name);
    if (fresh.length > 0) soundAlarm();
  }

  handle(name: string): void {
    this.#keep([...this.#handled, name].slice(-KEPT_MAX));
  }

  /** It was marked by mistake. */
  restore(name: string): void {
    this.#keep(this.#handled.filter((one) => one !== name));
  }

  #keep(handled: readonly string[]): void {
    this.#handled = handled;
    try {
      localStorage.setItem(KEPT_AS, JSON.stringify(this.#handled));
    } catch {
      // It will be shown again after a reload.
    }
  }
}
