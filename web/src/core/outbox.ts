/**
 * Commands on their way: sent until answered, pending until the feed has brought what they changed.
 *
 * Kept on disk, so that a reload, a crash or a night without network loses none. Sent one by one
 * within a lane; the idempotency key makes repeating safe.
 */

import { isPassing, newKey, request, type Problem, type Result } from "./api";
import { backoff_ms } from "./feed";
import type { Store } from "./idb";

export const OUTBOX_BACKOFF_FIRST_MS = 500;
export const OUTBOX_BACKOFF_MAX_MS = 10_000;
/** Refused commands stay in sight until read; older ones go. */
export const REFUSED_KEPT_MAX = 20;

export interface Command {
  /** Below the server, such as `/api/incidents`. */
  path: string;
  body: unknown;
  /** What it is called on screen: a key of the texts. */
  label: string;
  /** What it is about, such as an incident's id, so that its row can show "pending". */
  subject?: string;
  /** A draft that has done its work once the command is answered. */
  draft?: string;
}

export interface Entry extends Command {
  /** Idempotency key. */
  id: string;
  operator_id: string;
  created_at: string;
  /** Sorts entries as they were made, also those of one millisecond. */
  order: string;
  attempts: number;
  /** waiting: not yet answered; answered: recorded at `seq`, not yet on the feed; refused: final. */
  state: "waiting" | "answered" | "refused";
  seq: number | null;
  problem: Problem | null;
  /** Why the last attempt did not get through, while waiting. */
  trouble: Problem | null;
}

export type Answer = Record<string, unknown> & { seq?: number };

export interface OutboxOptions {
  store: Store<Entry>;
  operator_id: string;
  /** Commands of one lane go one after the other. */
  laneOf?: (command: Command) => string;
  onChange?: () => void;
  /** After a reload too: here drafts are dropped. */
  onAnswered?: (entry: Entry, answer: Answer) => void;
  onRefused?: (entry: Entry) => void;
  /** The session ended: nothing is lost, sending goes on after `resume`. */
  onSignedOut?: () => void;
  backoffMax_ms?: number;
  /** Refusals that time may heal, beside those of `isPassing`. */
  mayPass?: (entry: Entry, problem: Problem) => boolean;
  send?: (path: string, body: unknown, key: string) => Promise<Result<Answer>>;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #waiters = new Map<string, (result: Result<Answer>) => void>();
  readonly #busyLanes = new Set<string>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #made = 0;
  #lastOrder = "";
  #paused = false;
  #closed = false;
  #feedSeq = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Take up what an earlier page left, of this operator only. */
  async open(): Promise<void> {
    const kept = await this.#options.store.all();
    for (const entry of kept) {
      if (entry.operator_id === this.#options.operator_id && !this.#entries.has(entry.id)) {
        this.#entries.set(entry.id, entry);
        if (entry.order > this.#lastOrder) this.#lastOrder = entry.order;
      }
    }
    this.#options.onChange?.();
    this.#pumpAll();
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  /** All entries, oldest first. */
  get entries(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => (a.order < b.order ? -1 : 1));
  }

  /** Whether something about this subject is not yet on screen. */
  isPending(subject: string): boolean {
    return this.entries.some((entry) => entry.subject === subject && entry.state !== "refused");
  }

  /** Put a command on its way; the promise ends with the server's word, however late. */
  async send(command: Command): Promise<Result<Answer>> {
    const created_at = new Date().toISOString();
    const entry: Entry = {
      ...command,
      id: newKey(),
      operator_id: this.#options.operator_id,
      created_at,
      order: this.#nextOrder(created_at),
      attempts: 0,
      state: "waiting",
      seq: null,
      problem: null,
      trouble: null,
    };
    this.#entries.set(entry.id, entry);
    const answer = new Promise<Result<Answer>>((done) => this.#waiters.set(entry.id, done));
    this.#options.onChange?.();
    await this.#options.store.put(entry.id, structuredClone(entry));
    this.#pump(this.#laneOf(entry));
    return answer;
  }

  /** The feed has brought everything up to `seq`: what was answered up to there is done. */
  feedReached(seq: number): void {
    this.#feedSeq = seq;
    let changed = false;
    for (const entry of this.#entries.values()) {
      if (entry.state === "answered" && (entry.seq ?? 0) <= seq) {
        this.#drop(entry);
        changed = true;
      }
    }
    if (changed) this.#options.onChange?.();
  }

  /** The network is back or the operator signed on again: try everything now. */
  resume(): void {
    this.#paused = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#pumpAll();
  }

  /** The operator has read the refusal. */
  dismiss(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.state !== "refused") return;
    this.#drop(entry);
    this.#options.onChange?.();
  }

  /** Ask again what was refused. */
  retry(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.state !== "refused") return;
    entry.state = "waiting";
    entry.problem = null;
    this.#options.onChange?.();
    this.#pump(this.#laneOf(entry));
  }

  /** Later than every order before it, also when the clock has stepped back. */
  #nextOrder(created_at: string): string {
    const last_at = this.#lastOrder.split("/")[0] ?? "";
    const stamp = created_at > last_at ? created_at : last_at;
    if (stamp === last_at) this.#made = Math.max(this.#made, Number(this.#lastOrder.split("/")[1]) + 1);
    this.#lastOrder = `${stamp}/${String(this.#made++).padStart(6, "0")}`;
    return this.#lastOrder;
  }

  #laneOf(command: Command): string {
    return this.#options.laneOf?.(command) ?? "all";
  }

  #pumpAll(): void {
    for (const lane of new Set(this.entries.map((entry) => this.#laneOf(entry)))) this.#pump(lane);
  }

  #pump(lane: string): void {
    if (this.#closed || this.#paused || this.#busyLanes.has(lane) || this.#timers.has(lane)) return;
    const next = this.entries.find(
      (entry) => entry.state === "waiting" && this.#laneOf(entry) === lane,
    );
    if (!next) return;
    this.#busyLanes.add(lane);
    void this.#attempt(next).finally(() => {
      this.#busyLanes.delete(lane);
      this.#pump(lane);
    });
  }

  async #attempt(entry: Entry): Promise<void> {
    const send =
      this.#options.send ??
      ((path, body, key) => request<Answer>("POST", path, body, key));
    entry.attempts += 1;
    const result = await send(entry.path, entry.body, entry.id);
    if (this.#closed) return;
    if (result.ok) await this.#answered(entry, result.value ?? {});
    else if (result.problem.status === 401) {
      this.#paused = true;
      entry.trouble = result.problem;
      this.#options.onSignedOut?.();
    } else if (isPassing(result.problem) || this.#options.mayPass?.(entry, result.problem)) {
      this.#wait(entry, result.problem);
    } else await this.#refused(entry, result.problem);
    this.#options.onChange?.();
  }

  #wait(entry: Entry, problem: Problem): void {
    entry.trouble = problem;
    const lane = this.#laneOf(entry);
    const max_ms = this.#options.backoffMax_ms ?? OUTBOX_BACKOFF_MAX_MS;
    const wait_ms = backoff_ms(entry.attempts - 1, max_ms, OUTBOX_BACKOFF_FIRST_MS, Math.random());
    this.#timers.set(
      lane,
      setTimeout(() => {
        this.#timers.delete(lane);
        this.#pump(lane);
      }, wait_ms),
    );
  }

  async #answered(entry: Entry, answer: Answer): Promise<void> {
    entry.state = "answered";
    entry.seq = typeof answer.seq === "number" ? answer.seq : 0;
    entry.trouble = null;
    this.#options.onAnswered?.(entry, answer);
    if (entry.seq <= this.#feedSeq) this.#drop(entry);
    // The answer is known: after a reload nothing is left to be sent.
    await this.#options.store.remove(entry.id);
    this.#settle(entry, { ok: true, value: answer });
  }

  async #refused(entry: Entry, problem: Problem): Promise<void> {
    entry.state = "refused";
    entry.problem = problem;
    entry.trouble = null;
    await this.#options.store.put(entry.id, structuredClone(entry));
    const refused = this.entries.filter((other) => other.state === "refused");
    for (const old of refused.slice(0, -REFUSED_KEPT_MAX)) this.#drop(old);
    this.#options.onRefused?.(entry);
    this.#settle(entry, { ok: false, problem });
  }

  #settle(entry: Entry, result: Result<Answer>): void {
    this.#waiters.get(entry.id)?.(result);
    this.#waiters.delete(entry.id);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.id);
    void this.#options.store.remove(entry.id);
  }
}
