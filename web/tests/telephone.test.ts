import { describe, expect, it } from "vitest";
import type { Problem, Result } from "../src/core/api";
import en from "../src/core/i18n/en.json";
import id from "../src/core/i18n/id.json";
import { amount, look, REASONS, todoOf, TODOS } from "../src/telephone/health";
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

  it("says every reason and what to do in both languages", () => {
    for (const texts of [id, en] as Record<string, string>[]) {
      for (const code of REASONS) {
        const alarm = texts[`switch_alarm.${code}`];
        expect(texts[`telephone.reason.${code}`] ?? alarm, code).toBeTruthy();
      }
      for (const todo of TODOS) expect(texts[`telephone.todo.${todo}`], todo).toBeTruthy();
    }
    expect(todoOf("a code of a later version")).toBe("administrator");
  });

  it("writes amounts as people read them", () => {
    expect(amount(42, "en")).toBe("42");
    expect(amount(1_048_576, "en")).toBe("1 MB");
    expect(amount(3_200_000_000, "id")).toBe("3,2 GB");
  });

  it("takes times on the city's clock", () => {
    const at = Date.parse("2026-11-26T08:30:00Z");
    expect(localOf(at, "Asia/Jayapura")).toBe("2026-11-26T17:30");
    expect(utcOf("2026-11-26T17:30", "Asia/Jayapura")).toBe("2026-11-26T08:30:00.000Z");
    expect(utcOf("soon", "Asia/Jayapura")).toBeNull();
  });
});
