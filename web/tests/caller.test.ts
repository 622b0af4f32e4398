import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallerLine, type PageState } from "../src/caller/line";
import { WORDS } from "../src/caller/words";

const STATE: PageState = {
  state: "waiting",
  city: "Kota Ambon",
  number: "112",
  lost_at: "2026-11-23T03:00:00Z",
  now: "2026-11-23T03:01:00Z",
  expires_at: "2026-11-24T03:00:00Z",
  wish: null,
  texts: 0,
  located_at: null,
  left: 60,
};
const TOKEN = "abcdefghijklmnopqrstuv";

interface Asked {
  method: string;
  key: string | undefined;
  body: Record<string, unknown> | null;
}

/** A centre that answers in order: a status, or nothing at all; then always 200. */
function centre(...answers: (number | null)[]) {
  const asked: Asked[] = [];
  const ask = async (_: unknown, init: RequestInit): Promise<Response> => {
    const headers = init.headers as Record<string, string>;
    expect(headers["Authorization"]).toBe(`Bearer ${TOKEN}`);
    const body = init.body === null ? null : (JSON.parse(String(init.body)) as Record<string, unknown>);
    asked.push({ method: String(init.method), key: headers["Idempotency-Key"], body });
    const status = answers.length > 0 ? (answers.shift() as number | null) : 200;
    if (status === null) throw new TypeError("no network");
    return new Response(status === 200 ? JSON.stringify(STATE) : "{}", { status });
  };
  return { asked, ask: ask as unknown as typeof fetch };
}

function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

describe("what a lost caller says", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is sent once there is a network, once, in its order, with its age", async () => {
    const { asked, ask } = centre(null, 503, 200);
    const line = new CallerLine(TOKEN, storage(), ask, () => undefined);
    line.say({ word: "text", text: "tolong" });
    line.say({ word: "cannot-speak" });
    await vi.advanceTimersByTimeAsync(10);
    expect([line.reach, line.waiting.length]).toEqual(["offline", 2]);
    await vi.advanceTimersByTimeAsync(2_000 + 4_000 + 100);
    expect([line.reach, line.waiting.length]).toEqual(["ok", 0]);
    expect(asked.map(({ body }) => body?.["word"])).toEqual(["text", "text", "text", "cannot-speak"]);
    expect(new Set(asked.slice(0, 3).map(({ key }) => key)).size).toBe(1);
    expect(asked[3]?.key).not.toBe(asked[0]?.key);
    expect(asked[2]?.body?.["age_s"]).toBeGreaterThanOrEqual(6);
  });

  it("outlives the page, and is forgotten when its holder leaves quickly", async () => {
    const kept = storage();
    new CallerLine(TOKEN, kept, centre(null).ask, () => undefined).say({ word: "text", text: "tolong" });
    await vi.advanceTimersByTimeAsync(10);
    const { asked, ask } = centre();
    const next = new CallerLine(TOKEN, kept, ask, () => undefined);
    expect(next.waiting).toEqual([{ word: "text", text: "tolong" }]);
    await next.look();
    expect([asked[0]?.method, kept.kept.size]).toEqual(["POST", 0]);
    const last = new CallerLine(TOKEN, kept, centre(null).ask, () => undefined);
    last.say({ word: "text", text: "dia datang" });
    last.forget();
    expect(kept.kept.size).toBe(0);
  });

  it("is lost in neither of two windows of one link, whichever is closed", async () => {
    const kept = storage();
    const first = new CallerLine(TOKEN, kept, centre(null).ask, () => undefined);
    const centreOfSecond = centre(null, null, 200);
    const second = new CallerLine(TOKEN, kept, centreOfSecond.ask, () => undefined);
    first.say({ word: "text", text: "tolong" });
    second.say({ word: "cannot-speak" });
    const third = new CallerLine(TOKEN, kept, centre(null).ask, () => undefined);
    expect(third.waiting.map(({ word }) => word)).toEqual(["text", "cannot-speak"]);
    await vi.advanceTimersByTimeAsync(10);
    await second.look();
    await second.look();
    expect(second.waiting).toEqual([]);
    const words = centreOfSecond.asked.slice(2).map(({ body }) => body?.["word"]);
    expect(words.sort()).toEqual(["cannot-speak", "text"]);
    expect(kept.kept.size).toBe(0);
  });

  it("is kept where a network's own page answers in the centre's place", async () => {
    let signedIn = false;
    const ask = (async () => new Response(signedIn ? JSON.stringify(STATE) : "<html>Masuk</html>")) as unknown as typeof fetch;
    const line = new CallerLine(TOKEN, storage(), ask, () => undefined);
    await line.look();
    expect([line.reach, line.state]).toEqual(["offline", null]);
    line.say({ word: "text", text: "tolong" });
    await vi.advanceTimersByTimeAsync(10);
    expect([line.reach, line.waiting.length]).toEqual(["offline", 1]);
    signedIn = true;
    await vi.advanceTimersByTimeAsync(2_100);
    expect([line.reach, line.waiting.length, line.state]).toEqual(["ok", 0, STATE]);
  });

  it("stands on the page, though a look that began before it is answered after it", async () => {
    let late: (answer: Response) => void = () => undefined;
    const ask = ((_: unknown, { method }: RequestInit) =>
      method === "GET"
        ? new Promise<Response>((done) => (late = done))
        : Promise.resolve(new Response(JSON.stringify({ ...STATE, wish: "cannot-speak" })))) as unknown as typeof fetch;
    const line = new CallerLine(TOKEN, storage(), ask, () => undefined);
    const looking = line.look();
    line.say({ word: "cannot-speak" });
    await vi.advanceTimersByTimeAsync(10);
    late(new Response(JSON.stringify(STATE)));
    await looking;
    expect(line.state?.wish).toBe("cannot-speak");
  });

  it.each([
    [404, "gone"],
    [429, "full"],
    [422, "unknown"],
  ])("goes back to who wrote it when the centre says %i", async (status, reach) => {
    const line = new CallerLine(TOKEN, storage(), centre(status).ask, () => undefined);
    line.say({ word: "text", text: "tolong" });
    await vi.advanceTimersByTimeAsync(10);
    expect([line.reach, line.returned, line.waiting.length]).toEqual([reach, ["tolong"], 0]);
  });

  it("works where nothing can be stored, and from broken stores", async () => {
    const refuse = (): never => {
      throw new Error("storage is off");
    };
    const off = { getItem: refuse, setItem: refuse, removeItem: refuse };
    const line = new CallerLine(TOKEN, off, centre().ask, () => undefined);
    line.say({ word: "call-me" });
    await vi.advanceTimersByTimeAsync(10);
    expect(line.state).toEqual(STATE);
    const broken = storage();
    broken.setItem(`tahuri.caller.${TOKEN.slice(0, 8)}`, "{");
    expect(new CallerLine(TOKEN, broken, centre().ask, () => undefined).waiting).toEqual([]);
  });

  it("is asked in whole sentences of both languages, with the same gaps", () => {
    const gaps = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const [name, text] of Object.entries(WORDS.id)) {
      expect(gaps(WORDS.en[name as keyof typeof WORDS.en]), name).toEqual(gaps(text));
    }
  });
});
