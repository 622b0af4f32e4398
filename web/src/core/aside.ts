/** Calls that a seat has sent on or parked, as long as it can take them back. */

import type { SeatPush } from "./types/phone";

/** Whether the call is parked, on its way to a seat, or rings at somebody outside. */
export function isAway(push: SeatPush | null, call_id: string): boolean {
  if (push === null) return false;
  if (push.call?.call_id === call_id) return !!push.call.transfer;
  return (push.waiting ?? []).some((one) => one.call_id === call_id);
}
