import { describe, expect, it } from "vitest";
import { Drafts, draftsIn, type DraftServer } from "../src/core/drafts";

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
});
