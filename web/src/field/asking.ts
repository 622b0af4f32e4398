/** Asks for a unit's assignment: one question at a time, and again while something is missing. */

import { get, type Result } from "../core/api";
import type { PlaceAt } from "../core/types/city";
import { assignmentOf, placeOf, type Assignment, type AssignmentAnswer } from "./assignment";

/** An assignment that the feed does not bring is asked for again after this. */
export const ASSIGNMENT_AGAIN_MS = 20_000;
export const ASSIGNMENT_MISSING_AGAIN_MS = 5_000;

export interface AskingOptions {
  onFound: (found: Assignment) => void;
  onWhere: (about: Assignment, where: PlaceAt) => void;
  ask?: <T>(path: string) => Promise<Result<T>>;
}

export class Asking {
  readonly #options: AskingOptions;
  #busy = false;
  /** The unit to be asked for once more when the answer on its way is in. */
  #next: string | null = null;
  #asked_ms = Number.NEGATIVE_INFINITY;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  async ask(unit_id: string): Promise<void> {
    if (this.#busy) {
      this.#next = unit_id;
      return;
    }
    this.#busy = true;
    this.#asked_ms = Date.now();
    const path = `/api/units/${encodeURIComponent(unit_id)}/assignment`;
    const answer = await this.#get<AssignmentAnswer | null>(path);
    this.#busy = false;
    const found = answer.ok ? assignmentOf(answer.value, Date.now()) : null;
    if (found) this.#options.onFound(found);
    const next = this.#next;
    this.#next = null;
    if (next !== null) await this.ask(next);
  }

  /** Which ward and road the place lies at: a comfort, asked for once. */
  async askWhere(about: Assignment): Promise<void> {
    const place = placeOf(about);
    if (!place) return;
    const answer = await this.#get<PlaceAt>(`/api/places/at?lat=${place.lat}&lon=${place.lon}`);
    if (answer.ok) this.#options.onWhere(about, answer.value);
  }

  /**
   * Whether it is time to ask again.
   *
   * @param fetched_at_ms when the present assignment was fetched; 0: not yet.
   * @param byFeed the feed brings its changes.
   */
  isDue(now_ms: number, fetched_at_ms: number, byFeed: boolean): boolean {
    if (byFeed && fetched_at_ms > 0) return false;
    const wait_ms = fetched_at_ms > 0 ? ASSIGNMENT_AGAIN_MS : ASSIGNMENT_MISSING_AGAIN_MS;
    return now_ms - this.#asked_ms > wait_ms;
  }

  #get<T>(path: string): Promise<Result<T>> {
    return (this.#options.ask ?? get)<T>(path);
  }
}
