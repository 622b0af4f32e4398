import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PlaceSearch } from "../src/console/placesearch.svelte";
import { Recommending } from "../src/console/recommending.svelte";
import { UNAVAILABLE, type Result } from "../src/core/api";
import type { Row } from "../src/core/types/feed";
import type { IncidentBody, Recommendation } from "../src/core/types/incident";

/** A server whose answers come when the test says so, in any order. */
function server<T>() {
  const asked: { path: string; answer: (value: T | null) => Promise<void> }[] = [];
  const ask = (path: string): Promise<Result<T>> =>
    new Promise((done) => {
      asked.push({
        path,
        answer: async (value) => {
          done(value === null ? { ok: false, problem: { ...UNAVAILABLE } } : { ok: true, value });
          await vi.advanceTimersByTimeAsync(0);
        },
      });
    });
  return { asked, ask };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a place that is searched", () => {
  const places = (...names: string[]) => ({ places: names.map((name) => ({ name }) as never) });
  const names = (search: PlaceSearch): string[] => search.found.map(({ name }) => name);

  it("is never one of an older text: Enter would send a crew there", async () => {
    const { asked, ask } = server<{ places: never[] }>();
    const search = new PlaceSearch(ask);
    search.soon("jl pat");
    await vi.advanceTimersByTimeAsync(150);
    search.soon("jl pattimura 12");
    await asked[0]?.answer(places("Jl Patty"));
    expect([search.state, names(search)]).toEqual(["idle", []]);
    await vi.advanceTimersByTimeAsync(150);
    await asked[1]?.answer(places("Jl Pattimura"));
    expect([search.state, names(search)]).toEqual(["found", ["Jl Pattimura"]]);
    search.soon("jl pattimura 13");
    expect(names(search)).toEqual([]);
  });

  it("pops up no more once one is chosen or the field is left", async () => {
    const { asked, ask } = server<{ places: never[] }>();
    const search = new PlaceSearch(ask);
    search.soon("batu");
    await vi.advanceTimersByTimeAsync(150);
    search.stop();
    await asked[0]?.answer(places("Batu Merah"));
    expect([search.state, names(search)]).toEqual(["idle", []]);
    search.soon("tantui");
    await vi.advanceTimersByTimeAsync(150);
    search.hide();
    await asked[1]?.answer(places("Tantui"));
    expect([search.state, names(search)]).toEqual(["found", []]);
  });

  it("says whether nothing was found or nobody could be asked", async () => {
    const { asked, ask } = server<{ places: never[] }>();
    const search = new PlaceSearch(ask);
    for (const [answer, state] of [[places(), "nothing"], [null, "unreachable"]] as const) {
      search.soon("xyz");
      await vi.advanceTimersByTimeAsync(150);
      await asked.at(-1)?.answer(answer);
      expect(search.state).toBe(state);
    }
  });
});

describe("a recommendation", () => {
  const incident = (key: string, state = "open") => ({ key, body: { state } }) as unknown as Row<IncidentBody>;
  const says = (...ids: string[]) => ({ needs: [], units: ids.map((unit_id) => ({ unit_id })) }) as unknown as Recommendation;
  const first = ({ current }: Recommending): string | undefined => current?.units[0]?.unit_id;

  it("is the newest that was asked for, whichever answer comes last", async () => {
    const { asked, ask } = server<Recommendation>();
    const recommending = new Recommending(ask);
    void recommending.ask(incident("A"));
    void recommending.ask(incident("A"));
    await asked[1]?.answer(says("new"));
    await asked[0]?.answer(says("old"));
    expect(first(recommending)).toBe("new");
    void recommending.ask(incident("B"));
    expect(recommending.current).toBeNull();
  });

  it("that cannot be had is said, and asked for again until it comes", async () => {
    const { asked, ask } = server<Recommendation>();
    const recommending = new Recommending(ask);
    void recommending.ask(incident("A"));
    await asked[0]?.answer(null);
    expect([recommending.failed, recommending.current]).toEqual([true, null]);
    await vi.advanceTimersByTimeAsync(3_000);
    await asked[1]?.answer(says("U1"));
    expect([recommending.failed, first(recommending)]).toEqual([false, "U1"]);
    void recommending.ask(incident("A"));
    await asked[2]?.answer(null);
    expect([recommending.failed, first(recommending)]).toEqual([true, "U1"]);
    recommending.forget();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(3);
  });
});
