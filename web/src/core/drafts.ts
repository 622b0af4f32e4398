/** What is being typed: on this PC's disk at each keystroke, at the server a second later. */

import { get, put, remove, type Result } from "./api";

export const DRAFT_QUIET_MS = 1_000;
/** A draft older than this is of another day's call and is not offered again. */
export const DRAFT_AGE_MAX_MS = 48 * 3600 * 1000;

export interface Draft<T> {
  key: string;
  /** When it was last typed in, ISO 8601. */
  typed_at: string;
  content: T;
}

export interface DraftServer {
  list(): Promise<Result<unknown>>;
  put(key: string, draft: unknown): Promise<Result<unknown>>;
  remove(key: string): Promise<Result<unknown>>;
}

const SERVER: DraftServer = {
  list: () => get("/api/drafts"),
  put: (key, fields) => put(`/api/drafts/${encodeURIComponent(key)}`, { fields }),
  remove: (key) => remove(`/api/drafts/${encodeURIComponent(key)}`),
};

/** The readable drafts in an answer of `GET /api/drafts`: `{drafts: {key: {typed_at, content}}}`. */
export function draftsIn(answer: unknown): Draft<unknown>[] {
  const byKey = (answer as { drafts?: Record<string, unknown> } | null)?.drafts ?? {};
  return Object.entries(byKey).flatMap(([key, fields]) => {
    const { typed_at, content } = (fields ?? {}) as Partial<Draft<unknown>>;
    return typeof typed_at === "string" && content !== undefined ? [{ key, typed_at, content }] : [];
  });
}

export class Drafts<T> {
  readonly #prefix: string;
  readonly #server: DraftServer;
  readonly #storage: Storage | null;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #known = new Map<string, Draft<T>>();
  /** What the server was last told of each draft: a later word overtakes no earlier one. */
  readonly #told = new Map<string, Promise<unknown>>();
  /** Sent or thrown away since this page was opened: an older list of the server brings them back no more. */
  readonly #dropped = new Map<string, string>();

  constructor(operator_id: string, storage: Storage | null, server: DraftServer = SERVER) {
    this.#prefix = `tahuri.draft.${operator_id}.`;
    this.#storage = storage;
    this.#server = server;
    // Before anything is shown: a form that opens at once must not open empty.
    for (const draft of this.#local()) this.#learn(draft);
  }

  /** Drafts of this PC and of the server; of two with one key, the one typed last. */
  async load(now_ms: number = Date.now()): Promise<Draft<T>[]> {
    const answer = await this.#server.list();
    if (answer.ok) for (const draft of draftsIn(answer.value)) this.#learn(draft as Draft<T>);
    for (const draft of [...this.#known.values()]) {
      if (now_ms - Date.parse(draft.typed_at) > DRAFT_AGE_MAX_MS) this.drop(draft.key);
    }
    return this.all();
  }

  all(): Draft<T>[] {
    return [...this.#known.values()].sort((a, b) => a.typed_at.localeCompare(b.typed_at));
  }

  get(key: string): T | null {
    return this.#known.get(key)?.content ?? null;
  }

  /** Keep what is typed now; the server hears of it when the typing pauses. */
  keep(key: string, content: T): void {
    const draft: Draft<T> = { key, typed_at: new Date().toISOString(), content };
    this.#known.set(key, draft);
    this.#write(draft);
    clearTimeout(this.#timers.get(key));
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#timers.delete(key);
        this.#tell(key, () => this.#server.put(key, { typed_at: draft.typed_at, content }));
      }, DRAFT_QUIET_MS),
    );
  }

  /** The draft has become a report or was thrown away. */
  drop(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#known.delete(key);
    try {
      this.#storage?.removeItem(this.#prefix + key);
    } catch {
      // Nothing was kept there.
    }
    this.#dropped.set(key, new Date().toISOString());
    this.#tell(key, () => this.#server.remove(key));
  }

  #tell(key: string, say: () => Promise<unknown>): void {
    const before = this.#told.get(key);
    const told = before ? before.then(say) : say();
    this.#told.set(key, told);
    void told.finally(() => {
      if (this.#told.get(key) === told) this.#told.delete(key);
    });
  }

  #learn(draft: Draft<T>): void {
    if (draft.typed_at <= (this.#dropped.get(draft.key) ?? "")) return;
    const known = this.#known.get(draft.key);
    if (!known || known.typed_at < draft.typed_at) this.#known.set(draft.key, draft);
  }

  #write(draft: Draft<T>): void {
    try {
      this.#storage?.setItem(this.#prefix + draft.key, JSON.stringify(draft));
    } catch {
      // A full or forbidden storage: the server's copy is what is left.
    }
  }

  #local(): Draft<T>[] {
    const found: Draft<T>[] = [];
    try {
      for (let at = 0; at < (this.#storage?.length ?? 0); at++) {
        const key = this.#storage?.key(at);
        if (!key?.startsWith(this.#prefix)) continue;
        found.push(JSON.parse(this.#storage?.getItem(key) ?? "null") as Draft<T>);
      }
    } catch {
      // An unreadable draft must not stop the console.
    }
    return found.filter((draft) => typeof draft?.typed_at === "string");
  }
}
