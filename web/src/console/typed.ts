/**
 * What stands in a dialog that is open. Who answers a call from within it finds it there again
 * when the same dialog is opened about the same; sent or cancelled, it is gone.
 */

import type { Target } from "../core/actions";

/** Dialogs that were left for a call; the oldest goes. */
const KEPT_MAX = 20;

export type Fields = Record<string, string | number>;

const nameOf = (dialog: Target): string => JSON.stringify(dialog);

export class Typed {
  readonly #kept = new Map<string, Fields>();

  /** What was typed when this dialog was left; nothing if it is new. */
  of(dialog: Target | null): Fields {
    return (dialog && this.#kept.get(nameOf(dialog))) ?? {};
  }

  /** Keep what stands there now, beside what other parts of the dialog keep. */
  keep(dialog: Target | null, fields: Fields): void {
    if (!dialog) return;
    const name = nameOf(dialog);
    const all = { ...this.#kept.get(name), ...fields };
    this.#kept.delete(name);
    this.#kept.set(name, all);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
  }

  drop(dialog: Target | null): void {
    if (dialog) this.#kept.delete(nameOf(dialog));
  }
}
