import { describe, expect, it } from "vitest";
import { UNAVAILABLE, type Result } from "../core/api";
import {
  distance_m,
  FIX_AGE_MAX_MS,
  fixOf,
  isDue,
  POSITION_EVERY_MS,
  POSITION_STILL_MS,
  Tracker,
  type Fix,
  type Receiver,
} from "./position";

const START_MS = 1_000_000;
const HERE: Fix = { lat: -3.6954, lon: 128.1814, at_ms: START_MS, speed_kmh: null, heading: null, accuracy_m: 8 };
/** About 111 m further north. */
const THERE: Fix = { ...HERE, lat: HERE.lat + 0.001 };

function position(fix: Fix, speed: number | null = null): GeolocationPosition {
  const coords = { latitude: fix.lat, longitude: fix.lon, accuracy: 8, altitude: null, altitudeAccuracy: null, heading: Number.NaN, speed };
  return { coords, timestamp: fix.at_ms } as unknown as GeolocationPosition;
}

describe("distance", () => {
  it("of a thousandth of a degree of latitude is 111 m", () => {
    expect(distance_m(HERE, THERE)).toBeCloseTo(111.19, 1);
    expect(distance_m(HERE, HERE)).toBe(0);
  });
});

describe("a position", () => {
  it("is told first, then at most every 5 s while moving", () => {
    expect(isDue(HERE, null, Number.NEGATIVE_INFINITY, START_MS)).toBe(true);
    const soon_ms = START_MS + POSITION_EVERY_MS - 1;
    expect(isDue({ ...THERE, at_ms: soon_ms }, HERE, START_MS, soon_ms)).toBe(false);
    const later_ms = START_MS + POSITION_EVERY_MS;
    expect(isDue({ ...THERE, at_ms: later_ms }, HERE, START_MS, later_ms)).toBe(true);
  });

  it("of a unit that stands still is told once a minute: the battery lasts a shift", () => {
    const still_ms = START_MS + 30_000;
    expect(isDue({ ...HERE, at_ms: still_ms }, HERE, START_MS, still_ms)).toBe(false);
    const minute_ms = START_MS + POSITION_STILL_MS;
    expect(isDue({ ...HERE, at_ms: minute_ms }, HERE, START_MS, minute_ms)).toBe(true);
  });

  it("that is old is not told as new", () => {
    expect(isDue(HERE, null, Number.NEGATIVE_INFINITY, START_MS + FIX_AGE_MAX_MS + 1)).toBe(false);
  });

  it("is told after the phone's clock was set back", () => {
    expect(isDue({ ...HERE, at_ms: 5_000 }, HERE, START_MS, 5_000)).toBe(true);
  });

  it("has its speed in km/h and no made-up heading", () => {
    expect(fixOf(position(HERE, 10))).toMatchObject({ speed_kmh: 36, heading: null });
    expect(fixOf(position(HERE))).toMatchObject({ speed_kmh: null });
  });
});

describe("the tracker", () => {
  function tracked() {
    const sent: { path: string; body: unknown }[] = [];
    const said: Receiver[] = [];
    const watched: { exact: boolean | undefined; cleared: boolean }[] = [];
    let fixed: PositionCallback = () => undefined;
    let failed: PositionErrorCallback = () => undefined;
    let answer: Result<unknown> = { ok: true, value: null };
    const clock = { now_ms: START_MS };
    const geolocation = {
      watchPosition(success: PositionCallback, error: PositionErrorCallback, options: PositionOptions) {
        [fixed, failed] = [success, error];
        watched.push({ exact: options.enableHighAccuracy, cleared: false });
        return watched.length - 1;
      },
      clearWatch: (id: number) => void (watched[id]!.cleared = true),
    } as unknown as Geolocation;
    const tracker = new Tracker({
      onChange: (receiver) => said.push(receiver),
      geolocation,
      send: async (path, body) => (sent.push({ path, body }), answer),
      now_ms: () => clock.now_ms,
    });
    return {
      tracker,
      sent,
      said,
      watched,
      clock,
      fix: (fix: Fix) => fixed(position({ ...fix, at_ms: clock.now_ms })),
      fail: (code: number) => failed({ code } as GeolocationPositionError),
      answer: (next: Result<unknown>) => (answer = next),
    };
  }
  const settled = () => new Promise((done) => setTimeout(done, 0));

  it("is silent until the crew is signed on, and after they sign off", async () => {
    const { tracker, sent, watched, said, fix } = tracked();
    tracker.follow(null, false);
    expect(watched).toEqual([]);
    tracker.follow("PSC-01", true);
    fix(HERE);
    await settled();
    expect(sent.map(({ path }) => path)).toEqual(["/api/units/PSC-01/position"]);
    tracker.follow(null, false);
    expect(watched[0]?.cleared).toBe(true);
    fix(THERE);
    await settled();
    expect(sent).toHaveLength(1);
    expect(said.at(-2)).toBe("off");
  });

  it("asks the exact receiver only on the way", () => {
    const { tracker, watched } = tracked();
    tracker.follow("PSC-01", false);
    tracker.follow("PSC-01", true);
    tracker.follow("PSC-01", true);
    expect(watched).toEqual([
      { exact: false, cleared: true },
      { exact: true, cleared: false },
    ]);
  });

  it("does not queue what does not get through: the next fix says more", async () => {
    const { tracker, sent, clock, fix, answer } = tracked();
    tracker.follow("PSC-01", true);
    answer({ ok: false, problem: UNAVAILABLE });
    fix(HERE);
    fix(THERE);
    await settled();
    expect(sent).toHaveLength(1);
    clock.now_ms += POSITION_EVERY_MS;
    answer({ ok: true, value: null });
    fix(THERE);
    await settled();
    expect(sent).toHaveLength(2);
    expect(sent[1]?.body).toMatchObject({ lat: THERE.lat, lon: THERE.lon });
  });

  it("says when the crew has not allowed it, or the phone cannot", () => {
    const { tracker, said, fail } = tracked();
    tracker.follow("PSC-01", true);
    fail(1);
    expect(said.at(-1)).toBe("denied");
    fail(3);
    expect(said.at(-1)).toBe("waiting");
    const without: Receiver[] = [];
    new Tracker({ onChange: (receiver) => without.push(receiver), geolocation: null }).follow("PSC-01", true);
    expect(without).toEqual(["none"]);
  });
});
