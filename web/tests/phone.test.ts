import { afterEach, describe, expect, it } from "vitest";
import { Line, LINE_BACKOFF_MAX_MS, LineRefusal, type LineState } from "../src/core/line";
import { Phone, type PhoneParts } from "../src/core/phone";
import type { SeatMedia } from "../src/core/media";

interface Asked {
  op: string;
  id: number;
  [name: string]: unknown;
}

/** The switch's end of one WebSocket: what was asked, and a way to say something. */
class Socket {
  readonly asked: Asked[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly refusing: Record<string, string> = {}) {
    setTimeout(() => this.onopen?.());
  }
  send(text: string): void {
    const asked = JSON.parse(text) as Asked;
    this.asked.push(asked);
    const code = this.refusing[asked.op];
    const answer = code ? { error: { code } } : { result: asked.op === "webrtc" ? { sdp: "v=0" } : {} };
    setTimeout(() => this.say({ id: asked.id, ...answer }));
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  close(): void {
    this.onclose?.();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 5));
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function line(sockets: Socket[]) {
  const opened: Socket[] = [];
  const states: LineState[] = [];
  const pushed: Record<string, unknown>[] = [];
  const made = new Line({
    url: "ws://switch/seat",
    token: "T",
    onState: (state) => states.push(state),
    onPush: (message) => pushed.push(message),
    open: () => {
      const socket = sockets.shift() ?? new Socket();
      opened.push(socket);
      return socket as unknown as WebSocket;
    },
  });
  cleanups.push(() => made.stop());
  made.start();
  return { line: made, opened, states, pushed };
}

describe("the line to the switch", () => {
  it("comes back by itself and attaches with the same token", async () => {
    const { line: made, opened } = line([]);
    await until(() => made.state === "open");
    opened[0]?.close();
    await until(() => opened.length === 2 && made.state === "open");
    expect(opened[1]?.asked[0]).toMatchObject({ op: "attach", token: "T" });
  });

  it("fails what was asked when it breaks, so that nobody waits for ever", async () => {
    const { line: made, opened } = line([]);
    await until(() => made.state === "open");
    const socket = opened[0] as Socket;
    socket.send = () => undefined;
    const asked = made.ask("hold");
    socket.close();
    await expect(asked).rejects.toEqual(new LineRefusal("phone-lost"));
  });

  it("gives the switch's refusal as its code", async () => {
    const { line: made } = line([new Socket({ answer: "call-already-answered" })]);
    await until(() => made.state === "open");
    await expect(made.ask("answer")).rejects.toMatchObject({ code: "call-already-answered" });
  });

  it("does not fight for a seat that another window took", async () => {
    const { line: made, opened } = line([]);
    await until(() => made.state === "open");
    opened[0]?.say({ event: "superseded" });
    expect(made.state).toBe("superseded");
    await new Promise((done) => setTimeout(done, LINE_BACKOFF_MAX_MS / 8));
    expect(opened).toHaveLength(1);
  });

  it("stops at a token that the switch does not take", async () => {
    const { line: made, states } = line([new Socket({ attach: "bad-token" })]);
    await until(() => made.state === "refused");
    expect(states).toEqual(["connecting", "refused"]);
  });
});

/** Sound that is connected as soon as the switch has answered. */
function media(options: ConstructorParameters<typeof SeatMedia>[0]): SeatMedia {
  return {
    state: "off",
    busy: false,
    connect: async () => {
      options.onState("connecting");
      await options.negotiate("v=0");
      options.onState("connected");
    },
    setMuted: () => undefined,
    close: () => options.onState("off"),
  } as unknown as SeatMedia;
}

const OPERATOR = { operator_id: "O1", name: "Operator" };
const PUSH = {
  event: "state",
  now: "2026-11-23T18:00:00Z",
  seat: { seat_id: "M1", operator_id: "O1", state: "not_ready", reason: "technical", since: "2026-11-23T18:00:00Z", media: "connected" },
  queue: [],
  offer: null,
  call: null,
  seats_ready: 0,
  alarms: [],
};

function phone(sockets: Socket[] = [], taken: string[] = []) {
  const opened: Socket[] = [];
  const parts: PhoneParts = {
    media,
    line: (options) =>
      new Line({
        ...options,
        open: () => {
          const socket = sockets.shift() ?? new Socket();
          opened.push(socket);
          return socket as unknown as WebSocket;
        },
      }),
    take: async (seat_id) => {
      taken.push(seat_id);
      return { ok: true, value: { seat_id, token: `T${taken.length}`, signalling: "ws://switch/seat" } };
    },
  };
  const made = new Phone(OPERATOR, () => undefined, parts);
  cleanups.push(() => made.forget());
  return { phone: made, opened, taken };
}

describe("the phone", () => {
  it("has its sound connected before anybody calls", async () => {
    const { phone: made, opened } = phone();
    expect(await made.take("M1")).toBeNull();
    await until(() => made.status.media === "connected");
    expect(opened[0]?.asked.map(({ op }) => op)).toEqual(["attach", "webrtc"]);
  });

  it("answers over the switch's line alone", async () => {
    const { phone: made, opened } = phone();
    await made.take("M1");
    await until(() => made.status.media === "connected");
    expect(await made.tell("answer", { call_id: "C1" })).toBeNull();
    expect(opened[0]?.asked.at(-1)).toMatchObject({ op: "answer", call_id: "C1" });
  });

  it("sits down again when the seat was freed while it was away", async () => {
    const { phone: made, opened } = phone();
    await made.take("M1");
    await until(() => made.status.media === "connected");
    opened[0]?.say({ ...PUSH, seat: { ...PUSH.seat, state: "vanished" } });
    await until(() => opened[0]?.asked.some(({ op }) => op === "take") ?? false);
    expect(opened[0]?.asked.find(({ op }) => op === "take")).toMatchObject({ kind: "browser", operator_name: "Operator" });
  });

  it("keeps the sound while only the line breaks", async () => {
    const { phone: made, opened } = phone();
    await made.take("M1");
    await until(() => made.status.media === "connected");
    opened[0]?.close();
    await until(() => opened.length === 2 && made.status.line === "open");
    expect(opened[1]?.asked.map(({ op }) => op)).toEqual(["attach"]);
  });

  it("rings no longer where another window took the seat", async () => {
    const { phone: made, opened } = phone();
    await made.take("M1");
    await until(() => made.status.line === "open");
    opened[0]?.say({ ...PUSH, offer: { call_id: "C1" } });
    expect(made.status.push?.offer?.call_id).toBe("C1");
    opened[0]?.say({ event: "superseded" });
    expect([made.status.line, made.status.push?.offer]).toEqual(["superseded", null]);
  });

  it("sits at the seat that was asked for last, whichever answer comes last", async () => {
    const answers = new Map<string, () => void>();
    const made = new Phone(OPERATOR, () => undefined, {
      media,
      line: (options) => new Line({ ...options, open: () => new Socket() as unknown as WebSocket }),
      take: (seat_id) =>
        new Promise((done) => answers.set(seat_id, () => done({ ok: true, value: { seat_id, token: "T", signalling: "ws://switch/seat" } }))),
    });
    cleanups.push(() => made.forget());
    const first = made.take("M1");
    const second = made.take("M2");
    answers.get("M2")?.();
    expect(await second).toBeNull();
    answers.get("M1")?.();
    expect((await first)?.code).toBe("seat-changed");
    expect(made.status.seat_id).toBe("M2");
    const third = made.take("M3");
    made.forget();
    answers.get("M3")?.();
    await third;
    expect(made.status.seat_id).toBeNull();
  });

  it("says in a word why nothing can be asked while the line is lost", async () => {
    const { phone: made } = phone();
    expect((await made.tell("hold"))?.code).toBe("phone-lost");
  });
});
