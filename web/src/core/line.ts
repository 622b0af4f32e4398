/** A line to the switch: a WebSocket that asks, hears what is pushed, and comes back for ever. */

import { backoff_ms } from "./feed";

export const LINE_BACKOFF_FIRST_MS = 150;
export const LINE_BACKOFF_MAX_MS = 2_000;
/** The switch speaks every 5 s; after this silence the line is taken for dead. */
export const LINE_SILENT_MS = 12_000;
export const LINE_ANSWER_MS = 8_000;
export const SUBPROTOCOL = "tahuri.seat.1";

export type LineState = "closed" | "connecting" | "open" | "lost" | "superseded" | "refused";

/** The switch said no, or the line was lost before it said anything (`phone-lost`). */
export class LineRefusal extends Error {
  constructor(
    readonly code: string,
    readonly detail: string = "",
  ) {
    super(code);
  }
}

export interface LineOptions {
  url: string;
  token: string;
  onState: (state: LineState, code: string | null) => void;
  onPush: (message: Record<string, unknown>) => void;
  open?: (url: string) => WebSocket;
}

interface Waiting {
  done: (result: Record<string, unknown>) => void;
  failed: (refusal: LineRefusal) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Line {
  state: LineState = "closed";
  readonly #options: LineOptions;
  readonly #waiting = new Map<number, Waiting>();
  #socket: WebSocket | null = null;
  #asked = 0;
  #attempt = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  start(): void {
    clearTimeout(this.#retry);
    this.#tell("connecting");
    const { url, token } = this.#options;
    let socket: WebSocket;
    try {
      socket = (this.#options.open ?? ((to: string) => new WebSocket(to, SUBPROTOCOL)))(url);
    } catch {
      this.#again();
      return;
    }
    this.#socket = socket;
    this.#listenForSilence();
    socket.onopen = () => {
      this.#ask("attach", { token }, true).then(
        () => {
          this.#attempt = 0;
          this.#tell("open");
        },
        (refusal: LineRefusal) => this.#attachRefused(socket, refusal),
      );
    };
    socket.onmessage = (message) => {
      if (socket !== this.#socket) return;
      this.#listenForSilence();
      this.#take(String(message.data));
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#again();
    };
  }

  stop(): void {
    this.#drop();
    this.#tell("closed");
  }

  /** Ask the switch something. Throws LineRefusal. */
  async ask(op: string, body: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    if (this.state !== "open") throw new LineRefusal("phone-lost");
    return this.#ask(op, body, false);
  }

  #ask(
    op: string,
    body: Record<string, unknown>,
    attaching: boolean,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#asked;
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        failed(new LineRefusal("timeout"));
        if (attaching) this.#socket?.close();
      }, LINE_ANSWER_MS);
      this.#waiting.set(id, { done, failed, timer });
      this.#socket?.send(JSON.stringify({ op, id, ...body }));
    });
  }

  #take(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message["event"] === "superseded") {
      this.#drop();
      this.#tell("superseded");
      return;
    }
    if (message["event"] !== undefined) {
      this.#options.onPush(message);
      return;
    }
    const waiting = this.#waiting.get(message["id"] as number);
    if (!waiting) return;
    this.#waiting.delete(message["id"] as number);
    clearTimeout(waiting.timer);
    const error = message["error"] as { code?: string; detail?: string } | undefined;
    if (error) waiting.failed(new LineRefusal(error.code ?? "other", error.detail ?? ""));
    else waiting.done((message["result"] ?? {}) as Record<string, unknown>);
  }

  #attachRefused(socket: WebSocket, refusal: LineRefusal): void {
    if (socket !== this.#socket || refusal.code === "phone-lost" || refusal.code === "timeout") return;
    this.#drop();
    this.#tell("refused", refusal.code);
  }

  #listenForSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#again(), LINE_SILENT_MS);
  }

  #again(): void {
    this.#drop();
    this.#tell("lost");
    const wait_ms = backoff_ms(
      this.#attempt++,
      LINE_BACKOFF_MAX_MS,
      LINE_BACKOFF_FIRST_MS,
      Math.random(),
    );
    this.#retry = setTimeout(() => this.start(), wait_ms);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const { failed, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      failed(new LineRefusal("phone-lost"));
    }
    this.#waiting.clear();
  }

  #tell(state: LineState, code: string | null = null): void {
    this.state = state;
    this.#options.onState(state, code);
  }
}
