import { describe, expect, it } from "vitest";
import { backoff_ms, Feed, FEED_BACKOFF_MAX_MS, parsedEvents } from "../src/core/feed";
import { Rows } from "../src/core/rows";
import type { UnitBody } from "../src/core/types/incident";

const unit = (state: string): UnitBody =>
  ({ unit_id: "A1", callsign: "A 1", state, operators: [] }) as unknown as UnitBody;
const sse = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const NOW = "2026-11-23T18:00:00Z";

/** A server whose answers are given, one a connection; it notes what was asked. */
function server(answers: (string[] | number)[]) {
  const asked: string[] = [];
  const fetch = async (path: string): Promise<Response> => {
    asked.push(path);
    const answer = answers.shift();
    if (answer === undefined) return new Promise<Response>(() => undefined);
    if (typeof answer === "number") return new Response(null, { status: answer });
    const bytes = new TextEncoder();
    return new Response(
      new ReadableStream({
        start(out) {
          for (const piece of answer) out.enqueue(bytes.encode(piece));
          out.close();
        },
      }),
    );
  };
  return { asked, fetch };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

describe("rows", () => {
  it("keeps the newest of two versions of a row, whichever comes last", () => {
    const rows = new Rows();
    rows.apply({ seq: 5, rows: [{ view: "unit", key: "A1", seq: 5, body: unit("en_route") }] });
    rows.apply({ seq: 5, rows: [{ view: "unit", key: "A1", seq: 3, body: unit("dispatched") }] });
    expect(rows.get("unit", "A1")?.body.state).toBe("en_route");
  });

  it("removes a row whose body is null", () => {
    const rows = new Rows();
    rows.apply({ seq: 1, rows: [{ view: "unit", key: "A1", seq: 1, body: unit("available") }] });
    rows.apply({ seq: 2, rows: [{ view: "unit", key: "A1", seq: 2, body: null }] });
    expect(rows.all("unit")).toEqual([]);
  });

  it("comes back from a snapshot as it was", () => {
    const rows = new Rows();
    rows.apply({ seq: 4, rows: [{ view: "unit", key: "A1", seq: 4, body: unit("available"), personal: { p: { text: "x" } } }] });
    const again = new Rows();
    again.apply(rows.snapshot());
    expect(again.get("unit", "A1")).toEqual(rows.get("unit", "A1"));
    expect(again.seq).toBe(4);
  });
});

describe("feed", () => {
  it("reads events that are cut anywhere", () => {
    const whole = sse("alive", { seq: 1 }) + sse("rows", { seq: 2 });
    const first = parsedEvents(whole.slice(0, 40));
    const second = parsedEvents(first.rest + whole.slice(40));
    expect([...first.events, ...second.events].map((event) => event.event)).toEqual(["alive", "rows"]);
  });

  it("asks again for what it has not seen when the connection ends", async () => {
    const rows = new Rows();
    const batch = { seq: 7, now: NOW, rows: [{ view: "unit", key: "A1", seq: 7, body: unit("available") }] };
    const { asked, fetch } = server([[sse("rows", batch)], 503]);
    const states: string[] = [];
    const feed = new Feed({ rows, fetch, onState: (state) => states.push(state) });
    feed.start();
    await until(() => asked.length === 3);
    feed.stop();
    expect(asked).toEqual(["/api/feed?after=0", "/api/feed?after=7", "/api/feed?after=7"]);
    expect(states).toEqual(["connecting", "live", "lost", "stopped"]);
  });

  it("starts from nothing when the server's log is shorter than ours", async () => {
    const rows = new Rows();
    rows.apply({ seq: 90, rows: [{ view: "unit", key: "A1", seq: 90, body: unit("available") }] });
    const { asked, fetch } = server([[sse("alive", { seq: 3, now: NOW })]]);
    const feed = new Feed({ rows, fetch });
    feed.start();
    await until(() => asked.length === 2);
    feed.stop();
    expect(asked[1]).toBe("/api/feed?after=0");
    expect(rows.all("unit")).toEqual([]);
  });

  it("stops asking once the session is over", async () => {
    const { asked, fetch } = server([401]);
    const feed = new Feed({ rows: new Rows(), fetch });
    feed.start();
    await until(() => feed.state === "signed-out");
    expect(asked).toHaveLength(1);
  });

  it("tells a supervisor's console what the switch says, which is no sign of the log", async () => {
    const board = { now: NOW, node: "", away: false, queue: [], calls: [] };
    const { asked, fetch } = server([[sse("down", { now: NOW }) + sse("live", board)]]);
    const heard: unknown[] = [];
    const states: string[] = [];
    const options = { onLive: (one: unknown) => heard.push(one), onState: (state: string) => states.push(state) };
    const feed = new Feed({ rows: new Rows(), fetch, ...options });
    feed.start();
    await until(() => asked.length === 2);
    feed.stop();
    expect(asked[0]).toBe("/api/feed?after=0&live=1");
    expect(heard).toEqual([board]);
    expect(states).toEqual(["connecting", "down", "lost", "stopped"]);
  });

  it("goes on without the switch's words when somebody is a supervisor no more", async () => {
    const { asked, fetch } = server([403, [sse("alive", { seq: 0, now: NOW })]]);
    const feed = new Feed({ rows: new Rows(), fetch, onLive: () => undefined });
    feed.start();
    await until(() => asked.length === 3);
    expect(feed.state).not.toBe("signed-out");
    feed.stop();
    expect(asked.slice(0, 2)).toEqual(["/api/feed?after=0&live=1", "/api/feed?after=0"]);
  });

  it("never waits longer than ten seconds", () => {
    expect(backoff_ms(50, FEED_BACKOFF_MAX_MS, 250, 1)).toBe(10_000);
  });
});
