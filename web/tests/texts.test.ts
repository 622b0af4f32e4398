import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import en from "../src/core/i18n/en.json";
import id from "../src/core/i18n/id.json";

const source = join(import.meta.dirname, "../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.(svelte|ts)$/.test(name),
);
const texts = files.map((name) => [name, readFileSync(join(source, name), "utf8")] as const);
const keys = Object.keys(id);

describe("texts", () => {
  it("are the same set in both languages", () => {
    expect(Object.keys(en).sort()).toEqual(keys.slice().sort());
  });

  it("are filled with the same values in both languages", () => {
    const holes = (said: string): string[] => [...said.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const key of keys) {
      expect(holes((en as Record<string, string>)[key] ?? ""), key).toEqual(holes((id as Record<string, string>)[key] ?? ""));
    }
  });

  it("exist for every key that a screen asks for", () => {
    const missing = texts.flatMap(([name, code]) =>
      [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].filter(([, key]) => !keys.includes(key ?? "")).map(([, key]) => `${name}: ${key}`),
    );
    expect(missing).toEqual([]);
  });

  it("exist for every family of keys that a screen builds", () => {
    const missing = texts.flatMap(([name, code]) =>
      [...code.matchAll(/\bt\(\s*`([^`$]+)\$\{/g)]
        .filter(([, start]) => !keys.some((key) => key.startsWith(start ?? "")))
        .map(([, start]) => `${name}: ${start}…`),
    );
    expect(missing).toEqual([]);
  });
});

describe("the lock file", () => {
  it("names no host", () => {
    const lock = readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8");
    expect(lock.match(/\w+:\/\/[^"]*/g)).toBeNull();
  });
});
