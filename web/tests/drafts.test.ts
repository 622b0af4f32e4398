import { describe, expect, it, vi } from "vitest";
import { DRAFT_QUIET_MS, Drafts, draftsIn, type DraftServer } from "../src/core/drafts";

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    key: (at: number) => [...kept.keys()][at] ?? null,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
    clear: () => kept.clear(),
  } as Storage;
}

function server(held: unknown = {}): DraftServer {
  return {
    list: async () => ({ ok: true, value: held }),
    put: async () => ({ ok: true, value: null }),
    remove: async () => ({ ok: true, value: null }),
  };
}

describe("drafts", () => {
  it("has each keystroke after a reload a moment later", () => {
    const disk = storage();
    new Drafts<string>("O1", disk, server()).keep("report.C1", "kebakaran di Pas");
    // At once: the form of a live call opens before the server has said anything.
    const after = new Drafts<string>("O1", disk, server());
    expect(after.get("report.C1")).toBe("kebakaran di Pas");
  });

  it("takes the later of the server's and this PC's copy", async () => {
    const disk = storage();
    new Drafts<string>("O1", disk, server()).keep("report.C1", "old");
    const later = new Date(Date.now() + 5_000).toISOString();
    const elsewhere = { drafts: { "report.C1": { typed_at: later, content: "new" } } };
    const after = new Drafts<string>("O1", disk, server(elsewhere));
    await after.load();
    expect(after.get("report.C1")).toBe("new");
  });

  it("shows nobody another operator's draft", async () => {
    const disk = storage();
    new Drafts<string>("O1", disk, server()).keep("report.C1", "secret");
    expect(await new Drafts<string>("O2", disk, server()).load()).toEqual([]);
  });

  it("passes over what it cannot read", () => {
    const answer = { drafts: { "report.C1": null, other: { summary: "x" } } };
    expect(draftsIn(answer)).toEqual([]);
  });

  it("stays away once it was sent, also from a list that the server had begun before", async () => {
    let list: (answer: { ok: true; value: unknown }) => void = () => undefined;
    const typed_at = "2026-11-23T03:00:00.000Z";
    const late: DraftServer = { ...server(), list: () => new Promise((done) => (list = done)) };
    const drafts = new Drafts<string>("O1", storage(), late);
    const loading = drafts.load(Date.parse(typed_at));
    drafts.keep("report.C1", "pohon tumbang");
    drafts.drop("report.C1");
    list({ ok: true, value: { drafts: { "report.C1": { typed_at, content: "pohon" } } } });
    expect(await loading).toEqual([]);
    drafts.keep("report.C1", "pohon lagi");
    expect(drafts.get("report.C1")).toBe("pohon lagi");
    drafts.drop("report.C1");
  });

  it("is not stored by a word that the server gets late, after it was thrown away", async () => {
    vi.useFakeTimers();
    const said: string[] = [];
    let stored: () => void = () => undefined;
    const slow: DraftServer = {
      ...server(),
      put: () => new Promise((done) => (stored = () => (said.push("put"), done({ ok: true, value: null })))),
      remove: async () => (said.push("remove"), { ok: true, value: null }),
    };
    const drafts = new Drafts<string>("O1", storage(), slow);
    drafts.keep("report.C1", "pohon");
    await vi.advanceTimersByTimeAsync(DRAFT_QUIET_MS);
    drafts.drop("report.C1");
    await vi.advanceTimersByTimeAsync(0);
    stored();
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(["put", "remove"]);
    vi.useRealTimers();
  });
});
