/** Times as typed on the city's clock, whatever the PC's own zone is. */

/** `2026-11-26T17:30` on the clock of `zone`. */
export function localOf(at_ms: number, zone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return format.format(at_ms).replace(" ", "T");
}

/** The moment in UTC; null for what is no time. */
export function utcOf(local: string, zone: string): string | null {
  const as_if_utc = Date.parse(`${local}Z`);
  if (Number.isNaN(as_if_utc)) return null;
  const shown = Date.parse(`${localOf(as_if_utc, zone)}Z`);
  return new Date(as_if_utc - (shown - as_if_utc)).toISOString();
}
