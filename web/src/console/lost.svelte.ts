/** Callers who could not be answered, as this desk works on them: whom to call, what became of them. */

import { post } from "../core/api";
import { inOrder, isSilent, nextToCall, saidOf } from "../core/callbacks";
import { mayReport } from "../core/rights";
import { personalOf } from "../core/rows";
import { soundAlarm } from "../core/sound";
import type { Caller } from "../core/types/call";
import type { CallBackBody } from "../core/types/callback";
import type { Place } from "../core/types/city";
import type { Row } from "../core/types/feed";
import { t } from "../ui/text.svelte";
import type { Hand } from "./hand.svelte";

/** A caller's word that is older was seen, or told at another desk. */
const FRESH_S = 60;
/** So long after the last letter nobody is in the middle of a word. */
const TYPED_MS = 1_500;

export class LostCallers {
  /** Whether their list stands below the queue, instead of recent calls. */
  shown = $state(false);
  /** The item that is opened in the list. */
  picked = $state<string | null>(null);
  /** The one that this desk called last and whose outcome is still owed. */
  called = $state<string | null>(null);
  readonly #hand: Hand;
  readonly #lateSounded = new Set<string>();
  readonly #wordsSounded = new Set<string>();
  #asking: ReturnType<typeof setTimeout> | undefined;

  constructor(hand: Hand) {
    this.#hand = hand;
  }

  /** Open items in their order. */
  get items(): Row<CallBackBody>[] {
    return inOrder(this.#hand.desk.all("callback"));
  }

  /** Whom one key would call: the item that is picked, else the first that can be called. */
  get next(): CallBackBody | null {
    const picked = this.#body(this.picked);
    if (picked?.state === "open" && picked.dialable && picked.calling === null) return picked;
    return nextToCall(this.#hand.desk.all("callback"))?.body ?? null;
  }

  /** The item whose outcome would be said: picked, or just called. */
  get toSettle(): CallBackBody | null {
    return [this.picked, this.called].map((id) => this.#body(id)).find((body) => body?.state === "open") ?? null;
  }

  #body(callback_id: string | null): CallBackBody | null {
    return this.#hand.desk.row("callback", callback_id)?.body ?? null;
  }

  /** Each caller whom nobody called back in time is told loudly, once. */
  soundOverdue(): void {
    if (!mayReport(this.#hand.roles)) return;
    const late = this.items.filter(({ body }) => body.overdue && !this.#lateSounded.has(body.callback_id));
    for (const { key } of late) this.#lateSounded.add(key);
    if (late.length > 0) soundAlarm();
  }

  /** Each fresh word on a caller's page is told loudly, once. */
  soundWords(): void {
    const { desk, roles, toasts } = this.#hand;
    if (!mayReport(roles)) return;
    for (const row of this.items) {
      const words = saidOf(row.body);
      const said = words.at(-1);
      const name = `${row.key} ${words.length}`;
      if (!said || this.#wordsSounded.has(name)) continue;
      this.#wordsSounded.add(name);
      if (desk.since_s(said.at) > FRESH_S) continue;
      const number = personalOf<Caller>(row, row.body.caller)?.number ?? t("common.erased");
      toasts.say("toast.caller_told", { number, word: t(`caller_word.${said.word}`) }, null, null, row.key);
      soundAlarm();
    }
  }

  /** Write a report about who was lost, at the place that they sent. */
  reportFor(row: Row<CallBackBody>, place: Place | null): void {
    const { forms } = this.#hand;
    forms.openForCall(row.body.calls.at(-1)?.call_id ?? null, true);
    if (place) forms.change({ place, place_text: place.label });
    this.#hand.tab = "map";
  }

  /** Call back; whoever told that they cannot speak, only after a question. */
  call(callback_id: string): void {
    const body = this.#body(callback_id);
    if (body && isSilent(body)) this.#hand.dialog = { open: "call-back-silent", callback_id };
    else void this.callNow(callback_id);
  }

  /** Call back at once; never kept to be sent later, when nobody sits there to talk. */
  async callNow(callback_id: string): Promise<void> {
    this.#hand.closeDialog();
    this.shown = true;
    this.picked = callback_id;
    const answer = await post(`/api/callbacks/${callback_id}/call`, {});
    if (!answer.ok) this.#hand.toasts.refuse(answer.problem, t("action.call-back"));
  }

  /** Our call is over: its outcome is asked for, unless something else is being written. */
  over(callback_id: string): void {
    this.called = this.picked = callback_id;
    this.shown = true;
    this.#askOutcome(callback_id);
  }

  /** A dialog that came up by itself under a hand that types would take its digits for an outcome. */
  #askOutcome(callback_id: string): void {
    clearTimeout(this.#asking);
    const { dialog, desk, typed_at_ms } = this.#hand;
    const { push } = desk.phone;
    if (dialog !== null || push?.call || push?.offer || this.called !== callback_id) return;
    const left_ms = typed_at_ms + TYPED_MS - Date.now();
    if (left_ms > 0) this.#asking = setTimeout(() => this.#askOutcome(callback_id), left_ms);
    else this.#hand.dialog = { open: "call-back-outcome", callback_id };
  }

  /** Nothing more to write: the seat goes back to where calls come from. */
  settled(): void {
    const { desk } = this.#hand;
    const { push } = desk.phone;
    if (desk.deskCall === null && push?.seat.state === "not_ready" && push.seat.reason === "wrap-up") {
      void desk.line.tell("ready");
    }
  }

  /** The item was closed by this desk. */
  closed(callback_id: string): void {
    if (this.called === callback_id) this.called = null;
    if (this.picked === callback_id) this.picked = null;
    this.settled();
  }
}
