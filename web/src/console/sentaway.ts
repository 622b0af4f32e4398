/** Calls that this seat has sent on or parked: for a while one press brings them back. */

import { isAway } from "../core/aside";
import type { Hand } from "./hand.svelte";

/** Begins what a toast is about. */
const ASIDE = "aside ";
const aside = (call_id: string): string => `${ASIDE}${call_id}`;

export class SentAway {
  readonly #hand: Hand;
  /** Seen away from this seat after it had sent them on. */
  readonly #seen = new Set<string>();

  constructor(hand: Hand) {
    this.#hand = hand;
  }

  /** The call is no longer at this seat; `text` says so. */
  sent(text: string, call_id: string, target = ""): void {
    this.#seen.delete(call_id);
    const back = (): void => void this.#hand.do({ do: "phone", op: "take_back", body: { call_id } });
    this.#hand.toasts.say(text, { target }, null, back, aside(call_id));
    this.lookForReturned();
  }

  /** A call that was away and is no longer (taken back, come back, or another's) needs no way back. */
  lookForReturned(): void {
    const { desk, toasts } = this.#hand;
    for (const { about, id } of toasts.list) {
      if (!about?.startsWith(ASIDE)) continue;
      const call_id = about.slice(ASIDE.length);
      if (isAway(desk.phone.push, call_id)) this.#seen.add(call_id);
      else if (this.#seen.delete(call_id)) toasts.hush(id);
    }
  }
}
