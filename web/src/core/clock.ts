/** The server's time as seen from here: a PC's clock may be wrong, a call's clock must not be. */

let offset_ms = 0;

/** Learn from a message that carries the server's time. */
export function learnTime(now: string, received_ms: number = Date.now()): void {
  const server_ms = Date.parse(now);
  if (Number.isFinite(server_ms)) offset_ms = server_ms - received_ms;
}

/** The server's time now, milliseconds since 1970. */
export function serverNow_ms(): number {
  return Date.now() + offset_ms;
}

/** Whole seconds from `at` to `now_ms`; never negative, 0 for an unreadable time. */
export function secondsSince(at: string | null, now_ms: number = serverNow_ms()): number {
  const at_ms = at === null ? Number.NaN : Date.parse(at);
  return Number.isFinite(at_ms) ? Math.max(0, Math.floor((now_ms - at_ms) / 1000)) : 0;
}

/** 7 → `0:07`, 75 → `1:15`, 3 700 → `1:01:40`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A time of day in the city's zone, such as `03:07:45`; with the date when asked. */
export function timeOfDay(at: string | number, zone: string, withDate = false): string {
  const name = `${zone} ${withDate}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      timeStyle: "medium",
      ...(withDate ? { dateStyle: "short" as const } : {}),
    });
    formats.set(name, format);
  }
  return format.format(typeof at === "number" ? at : Date.parse(at));
}

const ZONE_NAMES: Record<string, string> = {
  "Asia/Jakarta": "WIB",
  "Asia/Pontianak": "WIB",
  "Asia/Makassar": "WITA",
  "Asia/Jayapura": "WIT",
};

/** What people of the city call their zone; the zone's own name elsewhere. */
export function zoneName(zone: string): string {
  return ZONE_NAMES[zone] ?? zone;
}
