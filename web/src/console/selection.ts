/** What the actions look at, out of what is in hand. */

import type { Selection } from "../core/actions";
import { listenLeft_s } from "../core/noise";
import type { CallBody } from "../core/types/call";
import type { Hand } from "./hand.svelte";

export function selectionOf(hand: Hand): Selection {
  const { desk } = hand;
  const call = desk.deskCall;
  return {
    roles: hand.roles,
    agency_id: desk.operator.agency_id ?? null,
    operator_id: desk.operator.operator_id,
    phone: desk.phone,
    call: call && {
      ...(call.row?.body ?? unrecorded(call.call_id, call.live !== null)),
      // The commands of a call go one after the other: a class on its way is there in time.
      call_class: desk.classOf(call.call_id),
    },
    listened: listenLeft_s(desk.phone.push?.call?.ghost?.listen_until ?? "", desk.now_ms) === 0,
    reporting: hand.forms.open !== null,
    incident: hand.incident?.body ?? null,
    unit: desk.row("unit", hand.selectedUnit)?.body ?? null,
    recommendation: hand.recommending.current,
    alarm: hand.alarms.open.length > 0,
    unit_moves: desk.reference.unit_moves,
    callBack: hand.lost.next,
    toSettle: hand.lost.toSettle,
    watched: hand.watched,
    waiting: hand.waiting,
    undo: hand.toasts.undoable !== null,
  };
}

/** A call that the switch knows and the log does not yet. */
function unrecorded(call_id: string, live: boolean): CallBody {
  return {
    call_id,
    state: live ? "answered" : "ended",
    call_class: null,
    wrapped_up_at: null,
    incident_ids: [],
  } as unknown as CallBody;
}
