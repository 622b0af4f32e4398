/** The calls that an action means. */

import { maySupervise } from "../rights";
import type { PhoneCall, SetAside } from "../types/phone";
import type { Selection } from "./action";

/** The conversation; a call of ours is none before it is answered. */
export const live = ({ phone: { push } }: Selection) =>
  push?.call && (push.call.state ?? "live") === "live" ? push.call : null;

/** What this seat sent to another seat and may take back. */
export function sentOn({ phone: { push } }: Selection): SetAside | null {
  const own = (push?.waiting ?? []).filter(
    ({ seat_id, to_seat_id }) => to_seat_id !== null && seat_id === push?.seat.seat_id,
  );
  return push?.call ? null : (own.at(-1) ?? null);
}

/** The parked call that one key picks up: the one in front of the operator, then this seat's own. */
export function parked({ call, phone: { push } }: Selection): SetAside | null {
  const found = (push?.waiting ?? []).filter(({ slot }) => slot !== null);
  const inFront = found.find(({ call_id }) => call_id === call?.call_id);
  return inFront ?? found.find(({ seat_id }) => seat_id === push?.seat.seat_id) ?? found[0] ?? null;
}

/** Whether the seat could take another call now. */
export function isFree({ phone: { seat_id, line, media, push } }: Selection): boolean {
  const sits = seat_id !== null && line === "open" && media === "connected";
  return sits && !!push && !push.call && !push.supervision;
}

/** The call that a supervisor's keys mean: the one taken part in, the one chosen, the oldest. */
export function watchedCall({ roles, phone: { media, push }, watched }: Selection): PhoneCall | null {
  if (!maySupervise(roles) || media !== "connected" || !push || push.call) return null;
  const calls = (push.live ?? []).filter(({ seat_id }) => seat_id !== push.seat.seat_id);
  const wanted = push.supervision?.call_id ?? watched;
  return calls.find(({ call_id }) => call_id === wanted) ?? calls[0] ?? null;
}
