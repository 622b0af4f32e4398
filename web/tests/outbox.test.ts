import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import { problemOf, UNAVAILABLE, type Result } from "../src/core/api";
import { memoryStore, openStore, type Store } from "../src/core/idb";
import { Outbox, type Answer, type Entry } from "../src/core/outbox";

interface Sent {
  path: string;
  key: string;
}

/** A server that gives the answers in order, then keeps silent for ever. */
function server(answers: Result<Answer>[]) {
  const sent: Sent[] = [];
  const send = async (path: string, _body: unknown, key: string): Promise<Result<Answer>> => {
    sent.push({ path, key });
    return answers.shift() ?? new Promise<never>(() => undefined);
  };
  return { sent, send };
}

const recorded = (seq: number): Result<Answer> => ({ ok: true, value: { seq } });
const refused: Result<Answer> = {
  ok: false,
  problem: problemOf(409, { code: "unit-not-available", errors: [{ field: "unit_id", message: "busy" }] }),
};
const lost: Result<Answer> = { ok: false, problem: UNAVAILABLE };
const signedOut: Result<Answer> = { ok: false, problem: problemOf(401, null) };
const note = { path: "/api/incidents/I1/note", body: { text: "x" }, label: "command.note", subject: "I1" };

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

describe("outbox", () => {
  let store: Store<Entry>;
  beforeEach(() => {
    store = memoryStore<Entry>();
  });

  it("calls a command pending until the feed has brought what it changed", async () => {
    const outbox = new Outbox({ store, operator_id: "O1", send: server([recorded(9)]).send });
    expect(await outbox.send(note)).toEqual(recorded(9));
    outbox.feedReached(8);
    expect(outbox.isPending("I1")).toBe(true);
    outbox.feedReached(9);
    expect(outbox.isPending("I1")).toBe(false);
  });

  it("repeats with the same key after a loss", async () => {
    const { sent, send } = server([lost, recorded(3)]);
    const outbox = new Outbox({ store, operator_id: "O1", send, backoffMax_ms: 1 });
    expect((await outbox.send(note)).ok).toBe(true);
    expect(new Set(sent.map((each) => each.key)).size).toBe(1);
    expect(sent).toHaveLength(2);
  });

  it("sends after a reload what the page before it could not", async () => {
    const disk = openStore<Entry>("outbox");
    const before = new Outbox({ store: disk, operator_id: "O1", send: server([]).send });
    void before.send(note);
    void before.send({ ...note, path: "/api/incidents/I1/close" });
    await until(() => before.entries.length === 2);
    await new Promise((done) => setTimeout(done, 30));
    before.close();
    const { sent, send } = server([recorded(1), recorded(2)]);
    const after = new Outbox({ store: disk, operator_id: "O1", send });
    await after.open();
    await until(() => sent.length === 2);
    expect(sent.map((each) => each.path)).toEqual(["/api/incidents/I1/note", "/api/incidents/I1/close"]);
  });

  it("never sends what another operator left on this PC", async () => {
    const before = new Outbox({ store, operator_id: "O1", send: server([]).send });
    void before.send(note);
    await new Promise((done) => setTimeout(done, 10));
    before.close();
    const { sent, send } = server([]);
    const after = new Outbox({ store, operator_id: "O2", send });
    await after.open();
    expect(sent).toEqual([]);
    expect(after.entries).toEqual([]);
  });

  it("keeps a refusal in sight, with its fields, until it is read", async () => {
    const outbox = new Outbox({ store, operator_id: "O1", send: server([refused]).send });
    const result = await outbox.send(note);
    expect(result.ok ? null : result.problem.errors[0]?.field).toBe("unit_id");
    const [entry] = outbox.entries;
    expect(entry?.problem?.code).toBe("unit-not-available");
    outbox.dismiss(entry?.id ?? "");
    expect(outbox.entries).toEqual([]);
  });

  it("waits while signed out and goes on after signing on", async () => {
    const { sent, send } = server([signedOut, recorded(5)]);
    let out = false;
    const outbox = new Outbox({ store, operator_id: "O1", send, onSignedOut: () => (out = true) });
    const result = outbox.send(note);
    await until(() => out);
    expect(sent).toHaveLength(1);
    await new Promise((done) => setTimeout(done, 5));
    outbox.resume();
    expect((await result).ok).toBe(true);
  });

  it("asks again where the log may not have heard of the call yet", async () => {
    const unknown: Result<Answer> = { ok: false, problem: problemOf(404, { code: "call-unknown" }) };
    const { sent, send } = server([unknown, recorded(2)]);
    const mayPass = (_: Entry, { code }: { code: string }): boolean => code === "call-unknown";
    const outbox = new Outbox({ store, operator_id: "O1", send, backoffMax_ms: 1, mayPass });
    expect((await outbox.send(note)).ok).toBe(true);
    expect(sent).toHaveLength(2);
  });

  it("lets a stuck lane hold up nobody else", async () => {
    const answers: Record<string, Result<Answer>[]> = { "/a": [], "/b": [recorded(1)] };
    const send = async (path: string): Promise<Result<Answer>> =>
      answers[path]?.shift() ?? new Promise<never>(() => undefined);
    const outbox = new Outbox({ store, operator_id: "O1", send, laneOf: (command) => command.path });
    void outbox.send({ path: "/a", body: {}, label: "a" });
    expect((await outbox.send({ path: "/b", body: {}, label: "b" })).ok).toBe(true);
  });
});
