import { describe, expect, it } from "vitest";
import { listsOf } from "./lists";
import { REFERENCE_CACHE, shellCache, staleCaches, wayOf } from "./shell";
import type { Entry } from "../core/outbox";
import { Settling, SETTLED_AFTER_MS } from "./settling";
import { Silence, SILENCE_TOLD_AFTER_MS } from "./silence";

const FILES = ["/field", "/assets/field-abc.js"];

describe("the service worker", () => {
  it("opens the page and its parts without a network", () => {
    expect(wayOf("GET", "/field", true, FILES)).toBe("shell");
    expect(wayOf("GET", "/assets/field-abc.js", true, FILES)).toBe("shell");
    expect(wayOf("GET", "/api/reference", true, FILES)).toBe("reference");
  });

  it("keeps neither the feed, nor assignments, nor what is sent, nor other sites", () => {
    for (const path of ["/api/feed", "/api/session", "/api/units/PSC-01/assignment", "/console", "/"]) {
      expect(wayOf("GET", path, true, FILES)).toBe("network");
    }
    expect(wayOf("POST", "/api/reference", true, FILES)).toBe("network");
    expect(wayOf("GET", "/field", false, FILES)).toBe("network");
  });

  it("drops the builds that are gone, and nothing else", () => {
    const names = [shellCache("old"), shellCache("new"), REFERENCE_CACHE, "another"];
    expect(staleCaches(names, "new")).toEqual([shellCache("old")]);
  });
});

describe("silence", () => {
  it("is told once, and only if it lasts", () => {
    const silence = new Silence();
    expect(silence.isNews(0)).toBe(false);
    silence.begin(0);
    silence.begin(5_000);
    expect(silence.isNews(SILENCE_TOLD_AFTER_MS - 1)).toBe(false);
    expect(silence.isNews(SILENCE_TOLD_AFTER_MS)).toBe(true);
    expect(silence.isNews(SILENCE_TOLD_AFTER_MS + 1)).toBe(false);
    silence.end();
    silence.begin(100_000);
    expect(silence.isNews(100_000 + SILENCE_TOLD_AFTER_MS)).toBe(true);
  });
});

describe("the lists", () => {
  it("know which units carry patients", () => {
    const answer = {
      unit_kinds: [
        { code: "ambulance", carries_patients: true },
        { code: "fire-engine", carries_patients: false },
      ],
    };
    expect([...listsOf(answer).carriers]).toEqual(["ambulance"]);
    expect([...listsOf(null).carriers]).toEqual([]);
  });
});

describe("a command that was answered", () => {
  const entry = (id: string, seq: number, state: Entry["state"]) => ({ id, seq, state }) as Entry;

  it("is not pending for ever where the feed has no row to say so", () => {
    const settling = new Settling();
    const entries = [entry("A", 7, "answered"), entry("B", 9, "waiting")];
    expect(settling.reached(entries, 0)).toBe(0);
    expect(settling.reached(entries, SETTLED_AFTER_MS - 1)).toBe(0);
    expect(settling.reached(entries, SETTLED_AFTER_MS)).toBe(7);
  });

  it("is pending as long as the feed is silent", () => {
    const settling = new Settling();
    settling.reached([entry("A", 7, "answered")], 0);
    settling.restart();
    expect(settling.reached([entry("A", 7, "answered")], SETTLED_AFTER_MS)).toBe(0);
    expect(settling.reached([], SETTLED_AFTER_MS)).toBe(0);
  });
});
