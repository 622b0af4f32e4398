/** What the server recorded: one map a view, whole rows, the newest seq wins. No other logic. */

import type { Batch, Bodies, FeedRow, Personal, Row, ViewName } from "./types/feed";

type Listener = (views: ReadonlySet<string>) => void;

export class Rows {
  /** Every fact up to this seq is in the rows. */
  seq = 0;
  readonly #views = new Map<string, Map<string, Row<object>>>();
  readonly #listeners = new Set<Listener>();

  /** Take rows in, each whole; a null body removes the row. Repeated and old rows do nothing. */
  apply(batch: Pick<Batch, "seq" | "rows">): void {
    const changed = new Set<string>();
    for (const row of batch.rows) if (this.#put(row)) changed.add(row.view);
    const grown = batch.seq > this.seq;
    if (grown) this.seq = batch.seq;
    if (grown || changed.size > 0) this.#tell(changed);
  }

  #put(row: FeedRow): boolean {
    let view = this.#views.get(row.view);
    if (!view) this.#views.set(row.view, (view = new Map()));
    const known = view.get(row.key);
    if (known && known.seq > row.seq) return false;
    if (row.body === null) return view.delete(row.key);
    const { view: name, key, seq, body } = row;
    view.set(key, { view: name, key, seq, body, personal: row.personal ?? {} });
    return true;
  }

  /** Forget everything: the server's log is another one than ours. */
  clear(): void {
    const views = new Set(this.#views.keys());
    this.#views.clear();
    this.seq = 0;
    this.#tell(views);
  }

  get<V extends ViewName>(view: V, key: string | null | undefined): Row<Bodies[V]> | null {
    if (key === null || key === undefined) return null;
    return (this.#views.get(view)?.get(key) as Row<Bodies[V]> | undefined) ?? null;
  }

  all<V extends ViewName>(view: V): Row<Bodies[V]>[] {
    return [...(this.#views.get(view)?.values() ?? [])] as Row<Bodies[V]>[];
  }

  /** All rows, to be kept over a restart and given to `apply` again. */
  snapshot(): Pick<Batch, "seq" | "rows"> {
    return { seq: this.seq, rows: [...this.#views.values()].flatMap((view) => [...view.values()]) };
  }

  /** Call `listener` after every change; the answer stops it. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(views: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(views);
  }
}

/** An erasable text of a row; null if the row names none or it has been erased. */
export function personalOf<T>(row: { personal: Personal }, id: string | null): T | null {
  return id === null ? null : ((row.personal[id] as T | null | undefined) ?? null);
}
