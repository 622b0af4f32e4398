/** What a number's calls were, and what the slow lane may cost: shapes and words of the server's answers. */

import { get, type Result } from "./api";
import type { MeasureBody } from "./types/callback";

/** Calls by what they count as: `real`, `prank`, `ivr_prank`, `ghost`, `other`. */
export type Counted = Record<string, number>;

export interface Score {
  value: number;
  counted: Counted;
  /** The oldest of them was so many days ago. */
  days: number;
  /** A measure is proposed; a supervisor decides. */
  proposed: boolean;
}

/** Of one call's number; null where the number is not known. */
export interface CallNoise {
  score: Score | null;
  measure: MeasureBody | null;
}

export interface Figures {
  sampled: number;
  sampled_known: number;
  sampled_real: number;
  slowed: number;
  abandoned: number;
  left_by_key: number;
  left_by_wait: number;
  answered_known: number;
  answered_real: number;
}

export interface Noise {
  numbers: { number: string; score: Score; measure_id: string | null }[];
  figures: Figures;
  /** Real emergencies expected among the calls given up in the lane, and the 95 % interval. */
  estimate: { expected: number | null; low: number; high: number };
  look_back_days: number;
}

export const MEASURE_REASONS = ["repeated-pranks", "abuse", "automatic-dialler", "other"] as const;
export const MEASURE_DAYS = 7;
export const MEASURE_DAYS_MAX = 30;

/** Kinds that a score shows, in this order; real ones always, also when there are none. */
const SHOWN_KINDS = ["prank", "ivr_prank", "ghost"] as const;

export function callNoise(call_id: string): Promise<Result<CallNoise>> {
  return get<CallNoise>(`/api/calls/${call_id}/noise`);
}

/** (kind, calls) as they are said: "3 prank, 0 real"; nothing for a number that never called. */
export function parts(counted: Counted): { kind: string; n: number }[] {
  if (Object.values(counted).every((calls) => calls === 0)) return [];
  const noisy = SHOWN_KINDS.map((kind) => ({ kind: kind as string, n: counted[kind] ?? 0 }));
  return [...noisy.filter((one) => one.n > 0), { kind: "real", n: counted["real"] ?? 0 }];
}

/** One decimal, two below one: 2.64 → 2.6, 0.031 → 0.03. */
export function rounded(value: number, decimal: string): string {
  return value.toFixed(value > 0 && value < 1 ? 2 : 1).replace(".", decimal);
}

/** Seconds of listening in that are left; 0 once the call may be ended as silent. */
export function listenLeft_s(listen_until: string, now_ms: number): number {
  const left_ms = Date.parse(listen_until) - now_ms;
  return Number.isFinite(left_ms) ? Math.max(0, Math.ceil(left_ms / 1000)) : 0;
}

/** Measures as supervisors work through them: those to be reviewed by me first, then by their end. */
export function inOrder<M extends { body: MeasureBody }>(measures: M[], operator_id: string): M[] {
  const mine = ({ body }: M): boolean => mayReview(body, operator_id);
  return measures
    .filter(({ body }) => body.ended_at === null)
    .sort(
      (a, b) =>
        Number(mine(b)) - Number(mine(a)) || (a.body.until ?? "").localeCompare(b.body.until ?? ""),
    );
}

/** Whether this supervisor may confirm it: nobody reviews their own. */
export function mayReview(measure: MeasureBody, operator_id: string): boolean {
  return (
    measure.ended_at === null && measure.reviewed_at === null && measure.set_by !== operator_id
  );
}
