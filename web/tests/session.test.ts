import { beforeEach, describe, expect, it, vi } from "vitest";
import { currentSession, signOff, signOn } from "../src/core/session";

const OPERATOR = { operator_id: "O1", name: "Orang", roles: ["call_taker"], unit_id: null };

/** A server that may be away, and the cookie of its session. */
function server() {
  const at = { away: false, session: true, asked: [] as string[] };
  vi.stubGlobal("fetch", async (path: string, { method }: RequestInit) => {
    at.asked.push(`${method} ${path}`);
    if (at.away) throw new TypeError("no network");
    if (method === "DELETE") at.session = false;
    if (method === "POST") at.session = true;
    return at.session ? new Response(JSON.stringify({ operator: OPERATOR })) : new Response("{}", { status: method === "DELETE" ? 200 : 401 });
  });
  return at;
}

describe("signing off", () => {
  beforeEach(() => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
      removeItem: (name: string) => void kept.delete(name),
    });
  });

  it("while the server is away leaves nobody signed on at this PC once it is back", async () => {
    const at = server();
    expect((await currentSession())?.operator.operator_id).toBe("O1");
    at.away = true;
    await signOff();
    expect(await currentSession()).toBeNull();
    at.away = false;
    expect(await currentSession()).toBeNull();
    expect([at.session, at.asked.at(-1)]).toEqual([false, "DELETE /api/session"]);
    expect((await signOn("orang", "rahasia")).ok).toBe(true);
    expect((await currentSession())?.operator.operator_id).toBe("O1");
  });
});
