/** Coordinates as people say them: decimal degrees, decimal minutes, degrees–minutes–seconds. */

const PART = String.raw`([NSEWUTBL])?\s*([+-]?\d+(?:[.,]\d+)?)\s*[°d]?(?:\s*(\d+(?:[.,]\d+)?)\s*['′m]?)?(?:\s*(\d+(?:[.,]\d+)?)\s*(?:"|″|''|s(?![a-z]))?)?\s*([NSEWUTBL])?`;
const PAIR = new RegExp(`^\\s*${PART}\\s*(?:[,;/]\\s*|\\s+)${PART}\\s*$`, "i");
const DECIMAL = /^\s*([+-]?\d+\.\d+|[+-]?\d+)\s*[,;\s]\s*([+-]?\d+\.\d+|[+-]?\d+)\s*$/;

interface Point {
  lat: number;
  lon: number;
}

const value = (text: string | undefined): number => Number((text ?? "0").replace(",", "."));

/** Degrees with their sign; Indonesian letters too: LU, LS (U, S), BT, BB (T, B). */
function degrees(found: (string | undefined)[]): { degrees: number; axis: "lat" | "lon" | null } {
  const [before, whole, minutes, seconds, after] = found;
  const letter = (before ?? after ?? "").toUpperCase();
  const size = Math.abs(value(whole)) + value(minutes) / 60 + value(seconds) / 3600;
  const negative = value(whole) < 0 || ["S", "W", "B"].includes(letter);
  const axis = "NSU".includes(letter || "?") ? "lat" : "EWTB".includes(letter || "?") ? "lon" : null;
  return { degrees: negative ? -size : size, axis };
}

/**
 * The point that a text names, else null. Latitude first unless letters say otherwise.
 *
 * `-3.695, 128.18` · `3°41'42"S 128°10'48"E` · `3 41.7 LS 128 10.8 BT`
 */
export function parsedPoint(text: string): Point | null {
  const plain = DECIMAL.exec(text);
  if (plain) return within({ lat: value(plain[1]), lon: value(plain[2]) });
  const spoken = text.replace(/\bL([US])\b/gi, "$1").replace(/\bB([TB])\b/gi, "$1");
  const found = PAIR.exec(spoken);
  if (!found) return null;
  const first = degrees(found.slice(1, 6));
  const second = degrees(found.slice(6, 11));
  if (first.axis === null && second.axis === null && !/[°'′"″]/.test(text)) return null;
  if (first.axis !== null && first.axis === second.axis) return null;
  return first.axis === "lon" || second.axis === "lat"
    ? within({ lat: second.degrees, lon: first.degrees })
    : within({ lat: first.degrees, lon: second.degrees });
}

/** Axes are left as given: a swapped pair is for the server to refuse, and for a person to see. */
function within(point: Point): Point | null {
  return Math.abs(point.lat) <= 180 && Math.abs(point.lon) <= 180 ? point : null;
}

/** Why a point cannot be meant in this city, by the server's rule; null if it can. */
export function misplaced(
  { lat, lon }: Point,
  [west, south, east, north]: readonly [number, number, number, number],
): "swapped" | "outside" | null {
  const within = (y: number, x: number): boolean => west <= x && x <= east && south <= y && y <= north;
  if (within(lat, lon)) return null;
  return within(lon, lat) ? "swapped" : "outside";
}

/** Five decimals: about a metre. */
export function shownPoint({ lat, lon }: Point): string {
  return `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
}
