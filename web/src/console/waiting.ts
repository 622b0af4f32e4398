/** Who waits: as the switch says while the phone is on, else as the log says. */

import { personalOf } from "../core/rows";
import type { Caller, NumberStatus } from "../core/types";
import type { Desk } from "./desk.svelte";

export interface Waiting {
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
          }));
  const slow = ({ lane }: Waiting): number => Number(lane === "slow");
  return [...found].sort((a, b) => slow(a) - slow(b) || a.arrived_at.localeCompare(b.arrived_at));
}
