/** A caller who waits while no seat is ready: whoever sits, though not ready, must hear of it. */

import type { SeatPush } from "./types/phone";

/** So long the queue may be without a ready seat: somebody is just writing a report up. */
export const UNATTENDED_S = 20;

/** Whether this seat is to be called to the queue: it is free, and nobody is ready for who waits. */
export function isUnattended(push: SeatPush | null, now_ms: number): boolean {
  if (!push || push.seat.state !== "not_ready" || push.seats_ready > 0 || push.offer || push.call) return false;
  return push.queue.some(({ arrived_at }) => now_ms - Date.parse(arrived_at) >= 1000 * UNATTENDED_S);
}
