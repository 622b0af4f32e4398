/** The city's lists as a crew needs them. */

import { get } from "../core/api";
import { referenceOf, type Reference } from "../core/reference";

export interface Lists {
  reference: Reference;
  /** Kinds of units that carry patients. */
  carriers: ReadonlySet<string>;
}

interface Kinds {
  unit_kinds?: { code: string; carries_patients?: boolean }[];
}

export function listsOf(answer: unknown): Lists {
  const kinds = (answer as Kinds | null)?.unit_kinds ?? [];
  const carriers = kinds.filter((kind) => kind.carries_patients).map((kind) => kind.code);
  return { reference: referenceOf(answer), carriers: new Set(carriers) };
}

const AGAIN_MS = 5_000;

/** Asks for the lists until they come, once. */
export class ListsAsking {
  readonly #onLists: (lists: Lists) => void;
  #loaded = false;
  #asked_ms = Number.NEGATIVE_INFINITY;

  constructor(onLists: (lists: Lists) => void) {
    this.#onLists = onLists;
  }

  async tick(now_ms: number): Promise<void> {
    if (this.#loaded || now_ms - this.#asked_ms < AGAIN_MS) return;
    this.#asked_ms = now_ms;
    const answer = await get<unknown>("/api/reference");
    if (!answer.ok) return;
    this.#loaded = true;
    this.#onLists(listsOf(answer.value));
  }
}
