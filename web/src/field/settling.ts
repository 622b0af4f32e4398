/** When an answered command is taken for recorded though no row of the feed has said so. */

import type { Entry } from "../core/outbox";

/** Two heartbeats of the feed and a little: whatever the command changed has come by then. */
export const SETTLED_AFTER_MS = 12_000;

/**
 * A report that changes nothing any more, such as a late one, changes no row, and so the feed need
 * not reach its seq until somebody else changes something. It must not be called pending all night.
 */
export class Settling {
  readonly #since = new Map<string, number>();

  /** The highest seq that has been answered long enough ago; 0: none. Call while the feed lives. */
  reached(entries: readonly Entry[], now_ms: number): number {
    let seq = 0;
    const answered = entries.filter((entry) => entry.state === "answered");
    for (const id of this.#since.keys()) {
      if (!answered.some((entry) => entry.id === id)) this.#since.delete(id);
    }
    for (const entry of answered) {
      const since_ms = this.#since.get(entry.id);
      if (since_ms === undefined) this.#since.set(entry.id, now_ms);
      else if (now_ms - since_ms >= SETTLED_AFTER_MS) seq = Math.max(seq, entry.seq ?? 0);
    }
    return seq;
  }

  /** The feed is silent: what it might bring is still to come. */
  restart(): void {
    this.#since.clear();
  }
}
