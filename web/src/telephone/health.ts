/** Shapes of `/api/telephone` and `/healthz`, and what may be said while only the latter answers. */

import { get, type Problem, type Result } from "../core/api";

export type State = "alive" | "degraded" | "dead" | "unknown";

export interface Reason {
  code: string;
  about: string;
  since: string | null;
  numbers: Record<string, number>;
}

export interface Verdict {
  state: State;
  reasons: Reason[];
}

export interface Line {
  name: string;
  last_at: string | null;
  last_ok_at: string | null;
  ok: boolean;
  fault: string | null;
  status: number | null;
  answer_ms: number | null;
  sound_ms: number | null;
}

export interface Trunk {
  name: string;
  state: "up" | "down" | "unknown";
  since: string | null;
  rtt_ms: number | null;
  /** What it answered instead of carrying calls, and why it could not be reached; while it is down. */
  status: number | null;
  fault: string;
  calls: number;
}

/** Calls from one address that were refused for one reason, since the switch started. */
export interface Refused {
  source: string;
  /** Null: an address that no trunk names in `sources`. */
  trunk: string | null;
  status: number;
  reason: string;
  count: number;
  first_at: string;
  last_at: string;
}

export interface Finding {
  finding_id: string;
  code: string;
  about: string;
  numbers: Record<string, number>;
  state: "open" | "accepted";
  opened_at: string;
  /** Whose watch saw it; empty where there is but one node. */
  node: string;
  accepted_by: string | null;
  reason_text: string | null;
}

export interface Limit {
  name: string;
  used: number;
  limit: number;
  percent: number;
  hours_left: number | null;
}

export interface Traffic {
  state: "learning" | "usual" | "quiet" | "surge";
  hours: number;
  seen: number;
  expected: number;
  days: number;
  calls: number;
}

export interface Part {
  ok: boolean;
  detail?: string;
}

export interface Copying {
  waiting: number;
  oldest_at: string | null;
  fault: PlaceFault | null;
  to_erase?: number;
  failing_since?: string | null;
}

/** Why a place for recordings does not do what is asked: `telephone.place_fault.<code>`. */
export interface PlaceFault {
  code: string;
  detail: string;
}

export interface Telephone {
  now: string;
  zone: string;
  verdict: Verdict;
  last_call: { at: string; trunk: string } | null;
  lines: Line[];
  test_call_every_s: number;
  trunks: Trunk[] | null;
  refused?: Refused[] | null;
  parts: Record<string, Part>;
  findings: Finding[];
  limits: Limit[];
  limit_percent_max: number;
  traffic: Traffic;
  copying: Copying | null;
  storing?: Copying | null;
  round_at: string | null;
}

interface Health {
  telephone: Verdict;
  parts: Record<string, Part>;
}

/** What is known now: everything, or only what `/healthz` tells anybody while PostgreSQL is away. */
export type Known =
  | { kind: "whole"; telephone: Telephone }
  | { kind: "part"; health: Health }
  | { kind: "none"; problem: Problem };

type Asking = <T>(path: string) => Promise<Result<T>>;

export async function look(ask: Asking = get): Promise<Known> {
  const whole = await ask<Telephone>("/api/telephone");
  if (whole.ok) return { kind: "whole", telephone: whole.value };
  if (whole.problem.status === 401 || whole.problem.status === 403)
    return { kind: "none", problem: whole.problem };
  const part = await ask<Health>("/healthz");
  // 503 is an answer as well: no calls can be taken, and here is why.
  const health = part.ok ? part.value : (part.problem.context as unknown as Partial<Health>);
  if (health.telephone && health.parts) return { kind: "part", health: health as Health };
  return { kind: "none", problem: whole.problem };
}

/** A look that has no answer after so long will hardly get one. */
export const SLOW_S = 8;
/** After so long without an answer the page no longer says whether the telephone is alive. */
export const UNKNOWN_S = 30;

/**
 * Whether what stands on the page is no longer the present.
 *
 * `waited_s`: how long the look that runs now has no answer; `age_s`: since the last answer.
 */
export function isOld(now: { unreachable: boolean; waited_s: number; age_s: number }): boolean {
  return now.unreachable || now.waited_s > SLOW_S || now.age_s > UNKNOWN_S;
}

/** Each reason once: the switch's own alarm and the watch's finding may say the same. */
export function distinct(reasons: readonly Reason[]): Reason[] {
  const first = new Map<string, Reason>();
  for (const reason of reasons) {
    const name = `${reason.code} ${reason.about}`;
    if (!first.has(name)) first.set(name, reason);
  }
  return [...first.values()];
}

/** An age as people say it: seconds up to two minutes, minutes up to two hours, then hours. */
export function ageOf(seconds: number): { unit: "seconds" | "minutes" | "hours"; n: number } {
  if (seconds < 120) return { unit: "seconds", n: Math.round(seconds) };
  if (seconds < 7_200) return { unit: "minutes", n: Math.floor(seconds / 60) };
  return { unit: "hours", n: Math.floor(seconds / 3_600) };
}

/** What to do, by code: many faults ask for the same. */
const TODO: Record<string, string> = {
  "switch-down": "restart",
  "media-down": "restart",
  "database-down": "database",
  "disk-down": "disk",
  "edge-silent": "restart",
  "edge-half-silent": "listener",
  "line-silent": "trunk",
  "lines-silent": "trunk",
  "nobody-watches": "watch",
  "no-seat-ready": "seats",
  "media-lost": "wait",
  "spool-disk-full": "disk",
  "spool-disk-failing": "administrator",
  "spool-full": "database",
  "spool-filling": "database",
  "spool-memory-only": "disk",
  "facts-lost": "administrator",
  "fact-unreadable": "version",
  "facts-set-aside": "aside",
  "recording-failed": "disk",
  "trunk-down": "trunk",
  draining: "draining",
  "test-call-missing": "trunk",
  "test-call-failed": "trunk",
  "log-behind": "database",
  "call-without-end": "call",
  "call-not-in-log": "call",
  "call-without-sound": "call",
  "caller-forgotten": "call",
  "port-unknown": "administrator",
  "recording-stopped": "recording",
  "recording-ownerless": "administrator",
  "recording-lacking": "recording",
  "recording-missing": "recording",
  "recording-altered": "recording",
  "recording-length": "recording",
  "recording-of-nobody": "recording",
  "recording-not-erased": "administrator",
  "traffic-quiet": "quiet",
  "traffic-surge": "surge",
  "limit-near": "limit",
  "copy-behind": "copy",
  "copy-not-erased": "copy",
  "copy-failing": "copy",
  "certificate-ending": "certificate",
  "certificate-expired": "certificate",
  "certificate-spoilt": "certificate",
  "copy-damaged": "copy",
  "recording-lost": "lost",
  "recordings-unread": "unread",
  "recordings-repaired": "health",
  "place-strange": "place",
  "node-silent": "node",
};

export const REASONS: readonly string[] = Object.keys(TODO);
export const TODOS: readonly string[] = [...new Set([...Object.values(TODO), "administrator"])];

/** The lines of our own edge, and the address family of those that are one of two. */
const EDGES: Record<string, string> = { edge: "", "edge-ipv4": "IPv4", "edge-ipv6": "IPv6" };

/** The address family that a line of our own edge speaks; empty: the only one; null: no such line. */
export function familyOf(line: string): string | null {
  return EDGES[line] ?? null;
}

export function todoOf(code: string, about = ""): string {
  const todo = TODO[code] ?? "administrator";
  return todo === "trunk" && familyOf(about) !== null ? "listener" : todo;
}

/** Numbers that count facts, however many: never bytes. */
const PLACES: readonly string[] = ["first", "last", "position"];

/** One of a reason's numbers as it is read. */
export function figure(name: string, value: number, language: string): string {
  return PLACES.includes(name) ? value.toLocaleString(language) : amount(value, language);
}

/**
 * 1 234 567 890 → `1,2 GB`; numbers below a million as they are.
 *
 * @param of what it is a part of: 6 732 of 8,6 GB is `6,7 kB`, and never reads as the larger half.
 */
export function amount(value: number, language: string, of = value): string {
  if (of < 1e6) return value.toLocaleString(language, { maximumFractionDigits: 0 });
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let rest = value;
  while (rest >= 1000 && step < 4) {
    rest /= 1000;
    step += 1;
  }
  const digits = step > 0 && rest < 100 ? 1 : 0;
  return `${rest.toLocaleString(language, { maximumFractionDigits: digits })} ${units[step]}`;
}
