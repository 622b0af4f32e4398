import { readFileSync } from "node:fs";
import { join } from "node:path";
import { render } from "svelte/server";
import { describe, expect, it } from "vitest";
import type { Problem, Result } from "../src/core/api";
import en from "../src/core/i18n/en.json";
import id from "../src/core/i18n/id.json";
import { ageOf, amount, distinct, figure, isOld, look, REASONS, SLOW_S, todoOf, TODOS, UNKNOWN_S } from "../src/telephone/health";
import Parts from "../src/telephone/Parts.svelte";
import Verdict from "../src/telephone/Verdict.svelte";
import { localOf, utcOf } from "../src/telephone/zone";

const problem = (status: number, context: Record<string, unknown> = {}): Problem => ({
  status, code: "x", title: "", detail: null, errors: [], context,
});
const asking =
  (answers: Record<string, Result<unknown>>) =>
  <T>(path: string): Promise<Result<T>> =>
    Promise.resolve(answers[path] as Result<T>);
const HEALTH = { telephone: { state: "dead", reasons: [] }, parts: { switch: { ok: false } } };

describe("is the telephone alive", () => {
  it("asks /healthz when the session cannot be confirmed, and takes its 503 as an answer", async () => {
    const away = { ok: false as const, problem: problem(503) };
    const known = await look(asking({ "/api/telephone": away, "/healthz": { ok: false, problem: problem(503, HEALTH) } }));
    expect(known).toEqual({ kind: "part", health: HEALTH });
  });

  it("does not pretend to know when nothing answers, nor look elsewhere when it may not", async () => {
    const gone = { ok: false as const, problem: problem(0) };
    expect((await look(asking({ "/api/telephone": gone, "/healthz": gone }))).kind).toBe("none");
    const forbidden = { ok: false as const, problem: problem(403) };
    expect((await look(asking({ "/api/telephone": forbidden }))).kind).toBe("none");
  });

  it("says each reason once, though the switch's alarm and a finding of the watch are the same", () => {
    const reason = (code: string, about: string) => ({ code, about, since: null, numbers: {} });
    const reasons = [reason("trunk-down", "telkom"), reason("limit-near", "disk"), reason("trunk-down", "telkom"), reason("trunk-down", "radio")];
    expect(distinct(reasons).map(({ code, about }) => `${code} ${about}`)).toEqual(["trunk-down telkom", "limit-near disk", "trunk-down radio"]);
    const verdict = { state: "degraded" as const, reasons };
    const props = { answer: "degraded" as const, verdict, old: false, age: "", now_ms: 0, text: ({ about }: { about: string }) => about };
    expect(render(Verdict, { props }).body.match(/data-testid="reason"/g)).toHaveLength(3);
  });

  it("takes what it shows for old once a look failed, hangs, or is long ago", () => {
    const now = { unreachable: false, waited_s: 1, age_s: 6 };
    expect(isOld(now)).toBe(false);
    expect(isOld({ ...now, unreachable: true })).toBe(true);
    expect(isOld({ ...now, waited_s: SLOW_S + 1 })).toBe(true);
    expect(isOld({ ...now, age_s: UNKNOWN_S + 1 })).toBe(true);
  });

  it("says an age as people do", () => {
    expect([0, 119, 120, 7_199, 7_200].map(ageOf)).toEqual([
      { unit: "seconds", n: 0 }, { unit: "seconds", n: 119 }, { unit: "minutes", n: 2 },
      { unit: "minutes", n: 119 }, { unit: "hours", n: 2 },
    ]);
  });

  it("shows the parts as they are now, and greyed with their age while the server is not reached", () => {
    const props = { parts: { switch: { ok: true }, media: { ok: false, detail: "no answer" } }, looked: "0:03 lalu", age: null };
    const now = render(Parts, { props }).body;
    expect(now).toMatch(/class="good[^"]*">hidup/);
    expect(now).toMatch(/class="bad[^"]*">mati/);
    expect(now).not.toContain("tidak terjangkau");
    const old = render(Parts, { props: { ...props, age: "3 menit" } }).body;
    expect(old).not.toMatch(/class="(good|bad)/);
    expect(old).toMatch(/class="quiet[^"]*">hidup/);
    expect(old).toContain("Keadaan 3 menit lalu. Server tidak terjangkau");
  });

  it("says every reason and what to do in both languages", () => {
    for (const texts of [id, en] as Record<string, string>[]) {
      for (const code of REASONS) {
        const alarm = texts[`switch_alarm.${code}`];
        expect(texts[`telephone.reason.${code}`] ?? alarm, code).toBeTruthy();
        // What the banner at a seat names, this page does not know: no gap may stand open here.
        if (!texts[`telephone.reason.${code}`]) expect(alarm, code).not.toContain("{");
      }
      for (const todo of TODOS) expect(texts[`telephone.todo.${todo}`], todo).toBeTruthy();
    }
    expect(todoOf("a code of a later version")).toBe("administrator");
    expect(todoOf("test-call-failed", "telkom")).toBe("trunk");
    expect(todoOf("test-call-failed", "edge-ipv6")).toBe("listener");
  });

  it("knows every alarm of the switch", () => {
    const words = readFileSync(join(import.meta.dirname, "../../src/tahuri/telephony/protocol/words.py"), "utf8");
    const codes = [.../AlarmCode = Literal\[([^\]]+)\]/.exec(words)![1]!.matchAll(/"([^"]+)"/g)].map(([, code]) => code!);
    expect(codes.length).toBeGreaterThan(5);
    for (const code of codes) expect(REASONS, code).toContain(code);
  });

  it("says why a call was refused and why a trunk is down, in both languages", () => {
    const python = (file: string): string => readFileSync(join(import.meta.dirname, "../../src/tahuri/telephony", file), "utf8");
    const list = /\nRefusedReason = Literal\[([^\]]+)\]/.exec(python("protocol/words.py"))![1]!;
    const reasons = [...list.matchAll(/"([^"]+)"/g)].map(([, code]) => `refused_reason.${code}`);
    const tls = python("sip/tls.py");
    const faults = [...tls.matchAll(/(?:return |: |, )"([a-z]+-[a-z-]+)"/g)].map(([, code]) => `trunk_fault.${code}`);
    expect(reasons.length).toBeGreaterThan(10);
    expect(new Set(faults).size).toBeGreaterThan(8);
    for (const key of [...reasons, ...faults]) for (const texts of [id, en] as Record<string, string>[]) expect(texts[key], key).toBeTruthy();
  });

  it("writes amounts as people read them", () => {
    expect(amount(42, "en")).toBe("42");
    expect(amount(6_732, "id", 8_600_000_000)).toBe("6,7 kB");
    expect(amount(0, "id", 67_100_000)).toBe("0 B");
    expect(amount(13, "id", 20_000)).toBe("13");
    expect(amount(1_048_576, "en")).toBe("1 MB");
    expect(amount(3_200_000_000, "id")).toBe("3,2 GB");
    expect(figure("bytes", 3_200_000_000, "id")).toBe("3,2 GB");
  });

  it("writes a place in the spool as a number, however far it has counted", () => {
    for (const name of ["first", "last", "position"]) expect(figure(name, 1_234_567, "en")).toBe("1,234,567");
  });

  it("takes times on the city's clock", () => {
    const at = Date.parse("2026-11-26T08:30:00Z");
    expect(localOf(at, "Asia/Jayapura")).toBe("2026-11-26T17:30");
    expect(utcOf("2026-11-26T17:30", "Asia/Jayapura")).toBe("2026-11-26T08:30:00.000Z");
    expect(utcOf("soon", "Asia/Jayapura")).toBeNull();
  });
});
