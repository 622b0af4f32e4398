/** Who waits: as the switch says while the phone is on, else as the log says. */

import { personalOf } from "../core/rows";
import type { Caller, NumberStatus, Turn } from "../core/types";
import type { Desk } from "./desk.svelte";

export interface Waiting extends Turn {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  lane?: "normal" | "slow";
}

export function waitingCallers(desk: Desk): Waiting[] {
  const { line, push } = desk.phone;
  const found: Waiting[] =
    line === "open" && push
      ? push.queue
      : desk
          .all("call")
          .filter(({ body }) => body.state === "queued" || body.state === "offered")
          .map((row) => ({
            call_id: row.key,
            arrived_at: row.body.arrived_at,
            number: personalOf<Caller>(row, row.body.caller)?.number ?? null,
            number_status: row.body.number_status,
            lane: row.body.lane === "slow" ? ("slow" as const) : ("normal" as const),
            precedence: row.body.precedence ?? 0,
            precedence_reason: row.body.precedence_reason ?? null,
            language: row.body.language ?? null,
            agency_id: row.body.agency_id ?? null,
            overflow: row.body.overflow ?? [],
            requeued: Boolean(row.body.requeued),
          }));
  return line === "open" && push ? found : [...found].sort(byTurn);
}

/** As the switch orders them: cut off first, the slow lane last, between them precedence, then arrival. */
export function byTurn(a: Waiting, b: Waiting): number {
  const slow = ({ lane }: Waiting): number => Number(lane === "slow");
  return (
    Number(b.requeued ?? false) - Number(a.requeued ?? false) ||
    slow(a) - slow(b) ||
    (b.precedence ?? 0) - (a.precedence ?? 0) ||
    a.arrived_at.localeCompare(b.arrived_at)
  );
}
