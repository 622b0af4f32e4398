/** Reports through a dead spot: the core's outbox as this page uses it. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { problemOf, UNAVAILABLE, type Result } from "../core/api";
import { memoryStore } from "../core/idb";
import { Outbox, type Answer, type Entry } from "../core/outbox";
import type { UnitState } from "../core/types/incident";
import { noteCommand, planned, reportCommand, type Report } from "./reports";

const BACKOFF_MAX_MS = 60_000;

/** A server that may be out of reach; it counts what gets through. */
class Server {
  reachable = true;
  seq = 0;
  readonly tried: { at_ms: number; key: string }[] = [];
  readonly recorded: { path: string; body: unknown; key: string }[] = [];
  refuse: (path: string) => Result<Answer> | null = () => null;
  /** The request gets through but its answer is lost. */
  answersLost = 0;
  inFlight = 0;
  most = 0;

  readonly send = async (path: string, body: unknown, key: string): Promise<Result<Answer>> => {
    this.tried.push({ at_ms: Date.now(), key });
    this.most = Math.max(this.most, ++this.inFlight);
    await new Promise((done) => setTimeout(done, 50));
    this.inFlight -= 1;
    if (!this.reachable) return { ok: false, problem: UNAVAILABLE };
    const refused = this.refuse(path);
    if (refused) return refused;
    if (!this.recorded.some((known) => known.key === key)) {
      this.recorded.push({ path, body, key });
      this.seq += 1;
    }
    if (this.answersLost-- > 0) return { ok: false, problem: UNAVAILABLE };
    return { ok: true, value: { seq: this.seq } };
  };
}

const at = (): string => new Date().toISOString();
const report = (state: UnitState) =>
  reportCommand("PSC-01", { state, at: at(), hospital_id: null, incident_id: "I1" });
const statesOf = (server: Server): string[] =>
  server.recorded.map(({ body }) => (body as Report).state);

describe("a crew in a dead spot", () => {
  const server = { now: new Server() };
  let store = memoryStore<Entry>();
  const opened = async (): Promise<Outbox> => {
    const outbox = new Outbox({
      store,
      operator_id: "O1",
      backoffMax_ms: BACKOFF_MAX_MS,
      send: server.now.send,
    });
    await outbox.open();
    return outbox;
  };

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse("2026-11-23T03:00:00Z") });
    server.now = new Server();
    store = memoryStore<Entry>();
  });
  afterEach(() => vi.useRealTimers());

  it("has its reports sent in the order in which they were pressed, one at a time", async () => {
    const outbox = await opened();
    server.now.reachable = false;
    for (const state of ["acknowledged", "en_route", "on_scene"] as const) {
      void outbox.send(report(state));
      await vi.advanceTimersByTimeAsync(60_000);
    }
    server.now.reachable = true;
    outbox.resume();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(statesOf(server.now)).toEqual(["acknowledged", "en_route", "on_scene"]);
    expect(server.now.most).toBe(1);
  });

  it("keeps the time of the press, not of the sending", async () => {
    const outbox = await opened();
    server.now.reachable = false;
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(20 * 60_000);
    server.now.reachable = true;
    await vi.advanceTimersByTimeAsync(2 * BACKOFF_MAX_MS);
    expect((server.now.recorded[0]?.body as Report).at).toBe("2026-11-23T03:00:00.000Z");
  });

  it("tries again by itself, less and less often, but at least once a minute", async () => {
    const outbox = await opened();
    server.now.reachable = false;
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(3600_000);
    const gaps = server.now.tried.slice(1).map(({ at_ms }, n) => at_ms - (server.now.tried[n]?.at_ms ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(BACKOFF_MAX_MS + 50);
    expect(gaps[0]).toBeLessThanOrEqual(1_000);
    expect(server.now.tried.length).toBeLessThan(140);
    expect(new Set(server.now.tried.map(({ key }) => key)).size).toBe(1);
  });

  it("tries at once when the network is back", async () => {
    const outbox = await opened();
    server.now.reachable = false;
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(3600_000);
    server.now.reachable = true;
    outbox.resume();
    await vi.advanceTimersByTimeAsync(100);
    expect(statesOf(server.now)).toEqual(["en_route"]);
  });

  it("records a report once, though its answer was lost", async () => {
    const outbox = await opened();
    server.now.answersLost = 2;
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(statesOf(server.now)).toEqual(["en_route"]);
    expect(server.now.tried).toHaveLength(3);
  });

  it("loses nothing when the phone is switched off", async () => {
    const before = await opened();
    server.now.reachable = false;
    void before.send(report("en_route"));
    void before.send(report("on_scene"));
    await vi.advanceTimersByTimeAsync(5_000);
    before.close();
    server.now.reachable = true;
    await opened();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(statesOf(server.now)).toEqual(["en_route", "on_scene"]);
  });

  it("keeps the order when the phone's clock is set back meanwhile", async () => {
    const before = await opened();
    server.now.reachable = false;
    void before.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(100);
    before.close();
    vi.setSystemTime(Date.parse("2026-11-23T02:00:00Z"));
    const after = await opened();
    void after.send(report("on_scene"));
    void after.send(report("available"));
    server.now.reachable = true;
    after.resume();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(statesOf(server.now)).toEqual(["en_route", "on_scene", "available"]);
  });

  it("reads in words what was refused, and what comes after is still sent", async () => {
    const outbox = await opened();
    server.now.refuse = (path) =>
      path.endsWith("/note") ? { ok: false, problem: problemOf(409, { code: "incident-closed" }) } : null;
    void outbox.send(noteCommand("I1", "jembatan putus"));
    void outbox.send(report("available"));
    await vi.advanceTimersByTimeAsync(1_000);
    const refused = outbox.entries.find((entry) => entry.state === "refused");
    expect(refused?.problem?.code).toBe("incident-closed");
    expect(refused?.body).toEqual({ text: "jembatan putus" });
    expect(statesOf(server.now)).toEqual(["available"]);
    expect((await store.all()).map((entry) => entry.state)).toEqual(["refused"]);
  });

  it("sees a report as pending until the feed has brought it, and no longer", async () => {
    const outbox = await opened();
    const unit = {
      unit_id: "PSC-01",
      agency_id: "DINKES",
      station_id: null,
      kind: "ambulance",
      callsign: "PSC-01",
      state: "acknowledged" as UnitState,
      incident_id: "I1",
      since: null,
      reason: null,
      operators: ["O1"],
    };
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(planned(unit, outbox.entries)).toMatchObject({ state: "en_route", pending: true });
    outbox.feedReached(1);
    expect(planned({ ...unit, state: "en_route" }, outbox.entries)).toMatchObject({ pending: false });
  });

  it("waits for the password when the session has ended, and then goes on", async () => {
    const outbox = await opened();
    server.now.refuse = () => ({ ok: false, problem: problemOf(401, { code: "not-signed-in" }) });
    void outbox.send(report("en_route"));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.now.tried).toHaveLength(1);
    server.now.refuse = () => null;
    outbox.resume();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(statesOf(server.now)).toEqual(["en_route"]);
  });
});
