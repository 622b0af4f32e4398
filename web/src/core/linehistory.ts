/** How lines sounded in the last minute. The switch tells every change of a verdict at once. */

import { worstLine } from "./quality";
import type { LineVerdict } from "./types/call";
import type { PhoneCall } from "./types/phone";

export const HISTORY_S = 60;
export const BAR_S = 5;

interface Change {
  at_ms: number;
  /** The worst of the call's legs; null while none can be judged. */
  verdict: LineVerdict | null;
}

/** Of each live call since it was first seen here; a reload begins anew. */
export class LineHistory {
  readonly #changes = new Map<string, Change[]>();

  /** Take what the switch says of all calls that this seat sees; others are forgotten. */
  note(calls: readonly Pick<PhoneCall, "call_id" | "lines">[], now_ms: number): void {
    const seen = new Set(calls.map(({ call_id }) => call_id));
    for (const call_id of this.#changes.keys()) if (!seen.has(call_id)) this.#changes.delete(call_id);
    for (const { call_id, lines } of calls) {
      const changes = this.#changes.get(call_id) ?? [];
      const verdict = worstLine(lines ?? []);
      if (changes.length === 0 || changes.at(-1)?.verdict !== verdict) changes.push({ at_ms: now_ms, verdict });
      // The last change before the minute still says how it began.
      while ((changes[1]?.at_ms ?? Infinity) <= now_ms - 1000 * HISTORY_S) changes.shift();
      this.#changes.set(call_id, changes);
    }
  }

  /** The worst verdict in each of the last spans of BAR_S seconds, oldest first; null: not judged. */
  bars(call_id: string, now_ms: number): (LineVerdict | null)[] {
    const changes = this.#changes.get(call_id) ?? [];
    return Array.from({ length: HISTORY_S / BAR_S }, (_, at) => {
      const end_ms = now_ms - 1000 * (HISTORY_S - BAR_S * (at + 1));
      return worstBetween(changes, end_ms - 1000 * BAR_S, end_ms);
    });
  }

  /** The worst of the last minute; null: nothing could be judged. */
  worst(call_id: string, now_ms: number): LineVerdict | null {
    return worstBetween(this.#changes.get(call_id) ?? [], now_ms - 1000 * HISTORY_S, now_ms);
  }
}

function worstBetween(changes: readonly Change[], begin_ms: number, end_ms: number): LineVerdict | null {
  const heard = changes.filter(({ at_ms }, at) => at_ms <= end_ms && (changes[at + 1]?.at_ms ?? Infinity) > begin_ms);
  return worstLine(heard.flatMap(({ verdict }) => (verdict === null ? [] : [{ verdict }])));
}
