/** Places by what is typed: one question a pause, and only the answer to what stands there now. */

import { get, type Result } from "../core/api";
import type { FoundPlace } from "../core/types/city";

const QUIET_MS = 120;
const FOUND_MAX = 8;

type Asking = (path: string) => Promise<Result<{ places: FoundPlace[] }>>;

export class PlaceSearch {
  found = $state.raw<FoundPlace[]>([]);
  #hidden = false;
  state = $state<"idle" | "searching" | "found" | "nothing" | "unreachable">("idle");
  /** Counts changes of the text: an answer to an older one is not wanted any more. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #ask: Asking;

  constructor(ask: Asking = (path) => get(path)) {
    this.#ask = ask;
  }

  /** Search when the typing pauses. What was found for an older text goes at once: Enter must not take it. */
  soon(text: string): void {
    this.stop();
    this.#hidden = false;
    const turn = this.#turn;
    this.#timer = setTimeout(() => void this.#search(text, turn), QUIET_MS);
  }

  /** The field was left: nothing pops up over other fields, though what was typed is still looked for. */
  hide(): void {
    this.#hidden = true;
    this.found = [];
  }

  /** A place was chosen: what was typed is not looked for any more. */
  stop(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.found = [];
    this.state = "idle";
  }

  async #search(text: string, turn: number): Promise<void> {
    this.state = "searching";
    const answer = await this.#ask(`/api/places?q=${encodeURIComponent(text)}&limit=${FOUND_MAX}`);
    if (turn !== this.#turn) return;
    const places = answer.ok ? answer.value.places : [];
    this.found = this.#hidden ? [] : places;
    this.state = !answer.ok ? "unreachable" : places.length > 0 ? "found" : "nothing";
  }
}
