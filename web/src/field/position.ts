/** Where the phone is, told to the centre: seldom, never queued, and only while signed on. */

import { request, type Result } from "../core/api";
import { serverNow_ms } from "../core/clock";

/** Never more often than this. */
export const POSITION_EVERY_MS = 5_000;
/** A unit that stands still says so at least this often, so that its place is known to be fresh. */
export const POSITION_STILL_MS = 60_000;
/** Less than this is the receiver's noise, not a move. */
export const POSITION_MOVE_M = 20;
/** A fix older than this tells nothing about now. */
export const FIX_AGE_MAX_MS = 30_000;
const EARTH_RADIUS_M = 6_371_008.8;

export interface Point {
  lat: number;
  lon: number;
}

export interface Fix extends Point {
  /** Device clock, ms since 1970. */
  at_ms: number;
  speed_kmh: number | null;
  heading: number | null;
  accuracy_m: number | null;
}

/** Metres over the Earth's surface: haversine (R. W. Sinnott, Sky & Telescope 68(2), 1984). */
export function distance_m(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const half =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** Whether the fix is worth a message, after the last one that got through. */
export function isDue(fix: Fix, last: Fix | null, sent_at_ms: number, now_ms: number): boolean {
  if (now_ms - fix.at_ms > FIX_AGE_MAX_MS) return false;
  if (last === null) return true;
  const since_ms = now_ms - sent_at_ms;
  if (since_ms >= 0 && since_ms < POSITION_EVERY_MS) return false;
  return (
    since_ms < 0 || since_ms >= POSITION_STILL_MS || distance_m(fix, last) >= POSITION_MOVE_M
  );
}

/** What the browser says, in our units; null fields where the receiver does not know. */
export function fixOf({ coords, timestamp }: GeolocationPosition): Fix {
  const known = (value: number | null): number | null =>
    value !== null && Number.isFinite(value) ? value : null;
  const speed = known(coords.speed);
  return {
    lat: coords.latitude,
    lon: coords.longitude,
    at_ms: timestamp,
    speed_kmh: speed === null ? null : Math.min(1_000, Math.max(0, speed * 3.6)),
    heading: known(coords.heading),
    accuracy_m: known(coords.accuracy),
  };
}

export type Receiver = "off" | "waiting" | "on" | "denied" | "none";

export interface TrackerOptions {
  onChange: (receiver: Receiver, fix: Fix | null) => void;
  geolocation?: Geolocation | null;
  send?: (path: string, body: unknown) => Promise<Result<unknown>>;
  now_ms?: () => number;
}

/** Watches the receiver while a unit is given to `follow`. */
export class Tracker {
  readonly #options: TrackerOptions;
  readonly #geolocation: Geolocation | null;
  #watch: number | null = null;
  #unit_id: string | null = null;
  #exact = false;
  #busy = false;
  #last: Fix | null = null;
  #tried_at_ms = Number.NEGATIVE_INFINITY;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#geolocation =
      options.geolocation === undefined
        ? ((globalThis.navigator as Navigator | undefined)?.geolocation ?? null)
        : options.geolocation;
  }

  /** Report for this unit; null: stop. The exact receiver drains the battery: only on the way. */
  follow(unit_id: string | null, exact: boolean): void {
    if (unit_id === this.#unit_id && exact === this.#exact) return;
    if (this.#watch !== null) this.#geolocation?.clearWatch(this.#watch);
    this.#watch = null;
    if (unit_id !== this.#unit_id) this.#last = null;
    this.#unit_id = unit_id;
    this.#exact = exact;
    if (unit_id === null) return this.#options.onChange("off", null);
    if (!this.#geolocation) return this.#options.onChange("none", null);
    if (this.#last === null) this.#options.onChange("waiting", null);
    this.#watch = this.#geolocation.watchPosition(
      (position) => this.#fixed(fixOf(position)),
      (error) => this.#options.onChange(error.code === 1 ? "denied" : "waiting", null),
      { enableHighAccuracy: exact, maximumAge: exact ? 2_000 : 30_000 },
    );
  }

  #fixed(fix: Fix): void {
    this.#options.onChange("on", fix);
    const now_ms = this.#options.now_ms?.() ?? Date.now();
    if (this.#busy || this.#unit_id === null) return;
    if (!isDue(fix, this.#last, this.#tried_at_ms, now_ms)) return;
    void this.#send(this.#unit_id, fix, now_ms);
  }

  /** One at a time; what does not get through is not repeated, the next fix says more. */
  async #send(unit_id: string, fix: Fix, now_ms: number): Promise<void> {
    const send = this.#options.send ?? ((path, body) => request("POST", path, body));
    const { at_ms, ...where } = fix;
    const at = new Date(serverNow_ms() - (now_ms - at_ms)).toISOString();
    this.#busy = true;
    this.#tried_at_ms = now_ms;
    const result = await send(`/api/units/${encodeURIComponent(unit_id)}/position`, { ...where, at });
    this.#busy = false;
    if (result.ok && unit_id === this.#unit_id) this.#last = fix;
  }
}
