/** Who waits and who talks: as the switch says where it is heard, else as the log says. */

import { personalOf } from "../core/rows";
import type { CallBody, Caller, NumberStatus, Turn } from "../core/types/call";
import type { Row } from "../core/types/feed";
import type { PhoneCall, SetAside } from "../core/types/phone";
import type { Desk } from "./desk.svelte";

export interface Waiting extends Turn {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  lane?: "normal" | "slow";
}

/** A call that is parked or on its way to a seat; old rows of the log do not say since when. */
export type Aside = Omit<SetAside, "since" | "seat_id"> & { since: string | null };

export function waitingCallers(desk: Desk): Waiting[] {
  const { line, push } = desk.phone;
  if (line === "open" && push) return push.queue;
  const told = desk.live?.queue ?? [];
  const recorded = desk.all("call").filter(({ body }) => waits(body) && isOnlyInLog(desk, body));
  return recorded.length === 0 ? told : [...told, ...recorded.map(callerOf)].sort(byTurn);
}

/** Every live call in the switch's words, for a supervisor; null: only the log tells of them. */
export function liveCalls(desk: Desk, supervises: boolean): PhoneCall[] | null {
  const { line, push } = desk.phone;
  if (line === "open" && push) return supervises ? (push.live ?? []) : null;
  return desk.live && !desk.live.away ? desk.live.calls : null;
}

/** Calls that talk, as the log says; beside the switch's own only those of other nodes. */
export function recordedCalls(desk: Desk): Row<CallBody>[] {
  return desk.all("call").filter(({ body }) => (body.state === "answered" || body.state === "held") && isOnlyInLog(desk, body));
}

/** Parked calls, and those on their way to a seat. */
export function setAside(desk: Desk): Aside[] {
  const { line, push } = desk.phone;
  if (line === "open" && push) return push.waiting ?? [];
  const recorded: Aside[] = desk
    .all("call")
    .filter(({ body }) => isAside(body) && isOnlyInLog(desk, body))
    .map((row) => ({
      call_id: row.key,
      number: numberOf(row),
      number_status: row.body.number_status,
      since: row.body.aside_since ?? null,
      slot: row.body.slot ?? null,
      to_seat_id: row.body.to_seat_id ?? row.body.offered_to,
    }));
  return [...(desk.live?.waiting ?? []), ...recorded].sort((a, b) => (a.slot ?? Infinity) - (b.slot ?? Infinity) || (a.since ?? "").localeCompare(b.since ?? ""));
}

const isAside = ({ state, transferring }: CallBody): boolean =>
  state === "parked" || (Boolean(transferring) && (state === "queued" || state === "offered"));

const waits = (body: CallBody): boolean => (body.state === "queued" || body.state === "offered") && !isAside(body);

/** Whether the switch that is heard does not tell of the call: it is away, or the call another node's. */
function isOnlyInLog({ live }: Desk, { call_id, node }: CallBody): boolean {
  if (live === null || live.away) return true;
  return (node || "") !== live.node && !isTold({ live }, call_id);
}

/** Whether the switch that is heard says that the call waits or talks, whatever the log knows by now. */
function isTold({ live }: Pick<Desk, "live">, call_id: string): boolean {
  return live !== null && [...live.queue, ...live.waiting, ...live.calls].some((one) => one.call_id === call_id);
}

const numberOf = (row: Row<CallBody>): string | null => personalOf<Caller>(row, row.body.caller)?.number ?? null;

function callerOf(row: Row<CallBody>): Waiting {
  return {
    call_id: row.key,
    arrived_at: row.body.arrived_at,
    number: numberOf(row),
    number_status: row.body.number_status,
    lane: row.body.lane === "slow" ? "slow" : "normal",
    precedence: row.body.precedence ?? 0,
    precedence_reason: row.body.precedence_reason ?? null,
    language: row.body.language ?? null,
    agency_id: row.body.agency_id ?? null,
    overflow: row.body.overflow ?? [],
    requeued: Boolean(row.body.requeued),
  };
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
