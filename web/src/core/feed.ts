/** The feed: rows changed after N, for ever. Reconnects by itself and asks the same question. */

import { learnTime } from "./clock";
import type { Rows } from "./rows";
import type { Batch, Position } from "./types/feed";
import type { LiveBoard } from "./types/phone";

export const FEED_BACKOFF_MAX_MS = 10_000;
const FEED_BACKOFF_FIRST_MS = 250;
/** The server speaks every 5 s; after three silent turns the connection is taken for dead. */
export const FEED_SILENT_MS = 15_000;

/** `down`: the server is there, its database is not. */
export type FeedState = "connecting" | "live" | "down" | "lost" | "signed-out" | "stopped";

export interface FeedOptions {
  rows: Rows;
  onState?: (state: FeedState) => void;
  /** Something came; the age of the data starts again. */
  onHeard?: (at_ms: number) => void;
  onPositions?: (positions: Position[]) => void;
  /** Asked for where this is given; the server tells it to supervisors alone. */
  onLive?: (board: LiveBoard) => void;
  fetch?: (path: string, init: RequestInit) => Promise<Response>;
  path?: string;
}

export interface SseEvent {
  event: string;
  data: string;
}

/** Cut server-sent events out of `text`; what is not yet complete stays in `rest`. */
export function parsedEvents(text: string): { events: SseEvent[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events = blocks.flatMap((block) => {
    let event = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) event = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
    return data.length > 0 ? [{ event, data: data.join("\n") }] : [];
  });
  return { events, rest };
}

/** Half to all of the doubled delay, so that a hundred consoles do not come back together. */
export function backoff_ms(attempt: number, max_ms: number, first_ms: number, chance: number): number {
  const full = Math.min(max_ms, first_ms * 2 ** Math.min(attempt, 16));
  return full * (0.5 + chance / 2);
}

export class Feed {
  state: FeedState = "stopped";
  /** When something was last heard, by this PC's clock; 0 before the first word. */
  heard_at_ms = 0;
  readonly #options: FeedOptions;
  #run: AbortController | null = null;
  #attempt = 0;
  #live: boolean;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#live = options.onLive !== undefined;
  }

  start(): void {
    if (this.#run) return;
    this.#run = new AbortController();
    this.#attempt = 0;
    void this.#loop(this.#run.signal);
  }

  stop(): void {
    this.#run?.abort();
    this.#run = null;
    this.#tell("stopped");
  }

  /** Try at once: the network is back or the operator signed on again. */
  retry(): void {
    this.#run?.abort();
    this.#run = null;
    this.start();
  }

  #tell(state: FeedState): void {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState?.(state);
  }

  #heard(): void {
    this.heard_at_ms = Date.now();
    this.#options.onHeard?.(this.heard_at_ms);
    this.#tell("live");
  }

  async #loop(signal: AbortSignal): Promise<void> {
    this.#tell("connecting");
    while (!signal.aborted) {
      const status = await this.#listen(signal);
      if (signal.aborted) return;
      if (status === 403 && this.#live) {
        this.#live = false; // a supervisor no more; the rows are still theirs to see
        continue;
      }
      if (status === 401 || status === 403) {
        this.#run = null;
        this.#tell("signed-out");
        return;
      }
      this.#tell("lost");
      const wait_ms = backoff_ms(
        this.#attempt++,
        FEED_BACKOFF_MAX_MS,
        FEED_BACKOFF_FIRST_MS,
        Math.random(),
      );
      await new Promise<void>((done) => {
        const over = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", over);
          done();
        };
        const timer = setTimeout(over, wait_ms);
        signal.addEventListener("abort", over);
      });
    }
  }

  /** One connection until it ends; the answer's status, 0 for none. Never throws. */
  async #listen(signal: AbortSignal): Promise<number> {
    const { rows, path = "/api/feed" } = this.#options;
    const send = this.#options.fetch ?? ((to: string, init: RequestInit) => fetch(to, init));
    const connection = new AbortController();
    const end = (): void => connection.abort();
    signal.addEventListener("abort", end, { once: true });
    let silent = setTimeout(end, FEED_SILENT_MS);
    try {
      const answer = await send(`${path}?after=${rows.seq}${this.#live ? "&live=1" : ""}`, {
        headers: { Accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: connection.signal,
      });
      if (!answer.ok || !answer.body) return answer.status || 0;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 200;
        clearTimeout(silent);
        silent = setTimeout(end, FEED_SILENT_MS);
        this.#attempt = 0;
        const { events, rest } = parsedEvents(text + value);
        text = rest;
        for (const event of events) {
          if (!this.#take(event)) return 200;
        }
      }
    } catch {
      return 0;
    } finally {
      clearTimeout(silent);
      signal.removeEventListener("abort", end);
      connection.abort();
    }
  }

  /** False if we know more than the server: it has another log, so everything is asked again. */
  #take({ event, data }: SseEvent): boolean {
    const { rows, onPositions, onLive } = this.#options;
    switch (event) {
      case "rows": {
        const batch = JSON.parse(data) as Batch;
        learnTime(batch.now);
        this.#heard();
        rows.apply(batch);
        return true;
      }
      case "alive": {
        const { seq, now } = JSON.parse(data) as { seq: number; now: string };
        learnTime(now);
        this.#heard();
        if (seq < rows.seq) {
          rows.clear();
          return false;
        }
        rows.apply({ seq, rows: [] });
        return true;
      }
      case "down":
        this.#tell("down");
        return true;
      case "positions":
        onPositions?.((JSON.parse(data) as { positions: Position[] }).positions);
        return true;
      case "live":
        // No sign of the log: the switch is seen also while the database is away.
        onLive?.(JSON.parse(data) as LiveBoard);
        return true;
      default:
        return true;
    }
  }
}
