/** Callers who could not be answered: whom to call next, and what may be said of them. */

import type { CallBackAttempt, CallBackBody, CallerSaid } from "./types/callback";
import type { Row } from "./types/feed";
import type { SeatPush } from "./types/phone";

/** Reasons for being not ready that do not keep a seat from calling somebody back. */
const WRITING_UP = ["wrap-up", "missed-offer"];

/** Open items as the room works them off: the riskiest first, then who has waited longest. */
export function inOrder(rows: readonly Row<CallBackBody>[]): Row<CallBackBody>[] {
  return rows
    .filter(({ body }) => body.state === "open")
    .sort(
      ({ body: a }, { body: b }) =>
        b.risk - a.risk || a.opened_at.localeCompare(b.opened_at) || a.callback_id.localeCompare(b.callback_id),
    );
}

/** Whether somebody can be called now: there is a number, and nobody calls it already. */
export function canBeCalled(body: CallBackBody): boolean {
  return body.state === "open" && body.dialable && body.calling === null;
}

/** Whom one key would call: the first of the order who was not reached yet and may be heard. */
export function nextToCall(rows: readonly Row<CallBackBody>[]): Row<CallBackBody> | null {
  return inOrder(rows).find(({ body }) => canBeCalled(body) && !wasReached(body) && !isSilent(body)) ?? null;
}

/** Whether the caller told that they cannot speak: a ringing telephone may put them in danger. */
export function isSilent(body: CallBackBody): boolean {
  return body.wish === "cannot-speak";
}

/** What the caller told; rows that were folded before the page existed have no such field. */
export function saidOf(body: CallBackBody): readonly CallerSaid[] {
  return (body.said as CallerSaid[] | undefined) ?? [];
}

/** Whether the caller told in writing what is the matter. */
export function hasWritten(body: CallBackBody): boolean {
  return saidOf(body).some(({ text, location }) => text !== null || location !== null);
}

export function wasReached(body: CallBackBody): boolean {
  return body.attempts.some(({ result }) => result === "reached");
}

export function lastAttempt(body: CallBackBody): CallBackAttempt | null {
  return body.attempts.at(-1) ?? null;
}

/** Whether the seat could place a call: free, or writing up. */
export function readyToCall(push: SeatPush | null): boolean {
  if (!push || push.call || push.offer || push.seat.media !== "connected") return false;
  const { state, reason } = push.seat;
  return state === "ready" || (state === "not_ready" && WRITING_UP.includes(reason ?? ""));
}

/**
 * The outcomes that would be true, the likeliest first; the server refuses the others.
 *
 * `incident_id`: what an emergency would be linked to; null while there is none.
 */
export function outcomesOf(body: CallBackBody, incident_id: string | null): string[] {
  if (body.state !== "open" || body.calling !== null) return [];
  const others = ["prank", "duplicate"];
  if (wasReached(body) || hasWritten(body)) {
    return ["reached-no-emergency", ...(incident_id ? ["reached-emergency"] : []), ...others];
  }
  if (!body.dialable) return ["no-number", "answered-later", ...others];
  return [...(body.attempts.length > 0 ? ["not-reached-after-attempts"] : []), "answered-later", ...others];
}
