/**
 * The seat's phone: a line to the switch and a hot sound connection, kept for the whole shift.
 *
 * Needs the server only to take the seat. Afterwards calls are shown, answered, held and ended over
 * the line to the switch, also while the server or its database is down.
 */

import { post, UNAVAILABLE, type Problem, type Result } from "./api";
import { learnTime } from "./clock";
import { Line, LineRefusal, type LineState } from "./line";
import { SeatMedia, type MediaState } from "./media";
import type { SeatPush } from "./types/phone";

const KEPT_AS = "tahuri.seat";
/** A refused token is asked for again this often, at most. */
const RETAKE_MS = 3_000;
/** Refusals of a seat that asking again does not change. */
const FINAL: readonly string[] = ["seat-taken", "seat-is-phone"];
/** How long the switch may take to see media that we see connected. */
const MEDIA_SEEN_MS = 4_000;

export type PhoneOp =
  | "ready"
  | "not_ready"
  | "answer"
  | "hold"
  | "resume"
  | "mute"
  | "unmute"
  | "hang_up"
  | "extend_wrap_up"
  | "add_party"
  | "drop_party"
  | "ghost"
  | "ghost_ask"
  | "ghost_end"
  | "transfer"
  | "complete_transfer"
  | "take_back"
  | "pick_up"
  | "park"
  | "supervise"
  | "end_supervision"
  | "take_over"
  | "leave";

/** All there is to know of the phone; a new object at each change. */
export interface PhoneStatus {
  seat_id: string | null;
  line: LineState;
  media: MediaState;
  sound_blocked: boolean;
  /** The switch's last word; null before the first. */
  push: SeatPush | null;
  /** When the switch was last heard, by this PC's clock. */
  heard_at_ms: number;
}

interface Kept {
  seat_id: string;
  token: string;
  signalling: string;
  operator_id: string;
}

interface Taken {
  seat_id: string;
  token: string;
  signalling: string;
}

/** The parts a test replaces. */
export interface PhoneParts {
  line?: (options: ConstructorParameters<typeof Line>[0]) => Line;
  media?: (options: ConstructorParameters<typeof SeatMedia>[0]) => SeatMedia;
  take?: (seat_id: string) => Promise<Result<Taken>>;
}

const refusal = (code: string, detail = ""): Problem => ({
  ...UNAVAILABLE,
  status: 409,
  code,
  detail: detail || null,
});

/** Another seat was asked for since, or the seat was given up. */
const CHANGED = refusal("seat-changed");

export class Phone {
  status: PhoneStatus = {
    seat_id: null,
    line: "closed",
    media: "off",
    sound_blocked: false,
    push: null,
    heard_at_ms: 0,
  };
  readonly #operator: { operator_id: string; name: string };
  readonly #onChange: (status: PhoneStatus) => void;
  readonly #parts: PhoneParts;
  #line: Line | null = null;
  #media: SeatMedia | null = null;
  #retaking: ReturnType<typeof setTimeout> | undefined;
  #mediaAsked_at_ms = 0;
  #sitting = false;
  /** Counts seats asked for and given up: an answer to an older wish changes nothing. */
  #wish = 0;

  constructor(
    operator: { operator_id: string; name: string },
    onChange: (status: PhoneStatus) => void,
    parts: PhoneParts = {},
  ) {
    this.#operator = operator;
    this.#onChange = onChange;
    this.#parts = parts;
  }

  /** After a reload: back to the seat, and into its live call, without asking the server. */
  reattach(): boolean {
    const kept = this.#kept();
    if (kept?.operator_id !== this.#operator.operator_id) return false;
    this.#attach(kept);
    return true;
  }

  /** Sit down at a seat. */
  async take(seat_id: string): Promise<Problem | null> {
    this.#wish += 1;
    return this.#takeNow(seat_id);
  }

  async #takeNow(seat_id: string): Promise<Problem | null> {
    const wish = this.#wish;
    const answer = await this.#take(seat_id);
    if (wish !== this.#wish) return CHANGED;
    if (!answer.ok) return answer.problem;
    const kept = { ...answer.value, seat_id, operator_id: this.#operator.operator_id };
    this.#keep(kept);
    this.#attach(kept);
    return null;
  }

  /** Take the seat back from the window that took it from this one. */
  async takeBack(): Promise<Problem | null> {
    return this.status.seat_id === null ? null : this.take(this.status.seat_id);
  }

  /** Try the microphone again: permission was given, or a headset plugged in. */
  retryMedia(): void {
    void this.#connectMedia();
  }

  /** Tell the switch something; the problem if it says no. */
  async tell(op: PhoneOp, body: Record<string, unknown> = {}): Promise<Problem | null> {
    if (op === "answer" && this.status.media !== "connected") {
      // Answering without sound would leave the caller in silence: make it, then answer anyway.
      void this.#connectMedia();
    }
    try {
      await (this.#line?.ask(op, body) ?? Promise.reject(new LineRefusal("phone-lost")));
    } catch (error) {
      return error instanceof LineRefusal
        ? refusal(error.code, error.detail)
        : refusal("other", String(error));
    }
    if (op === "leave") this.forget();
    return null;
  }

  /** Leave the phone without a word: signing off, or the seat was given up. */
  forget(): void {
    this.#wish += 1;
    this.#keep(null);
    this.#detach();
    this.#set({ seat_id: null, push: null });
  }

  #take(seat_id: string): Promise<Result<Taken>> {
    const ask =
      this.#parts.take ??
      ((seat: string) =>
        post<Taken>(`/api/seats/${encodeURIComponent(seat)}/take`, { kind: "browser" }));
    return ask(seat_id);
  }

  #attach(kept: Kept): void {
    this.#detach();
    this.#set({ seat_id: kept.seat_id });
    const options = {
      url: kept.signalling,
      token: kept.token,
      onState: (state: LineState) => this.#lineIs(state, kept),
      onPush: (message: Record<string, unknown>) => this.#pushed(message as unknown as SeatPush),
    };
    this.#line = this.#parts.line?.(options) ?? new Line(options);
    this.#line.start();
  }

  #detach(): void {
    clearTimeout(this.#retaking);
    this.#line?.stop();
    this.#line = null;
    this.#media?.close();
    this.#media = null;
  }

  #lineIs(state: LineState, kept: Kept): void {
    this.#set({ line: state });
    if (state === "open" && this.status.media !== "connected") void this.#connectMedia();
    if (state === "superseded") {
      this.#media?.close();
      this.#media = null;
      // What rang here rings in the other window now.
      if (this.status.push?.offer) this.#set({ push: { ...this.status.push, offer: null } });
    }
    if (state === "refused") {
      // The token is too old or of a seat that was freed: ask the server for another.
      clearTimeout(this.#retaking);
      this.#retaking = setTimeout(() => {
        void this.#takeNow(kept.seat_id).then((problem) => {
          if (problem && (FINAL.includes(problem.code) || problem.status === 401)) this.forget();
          else if (problem && this.status.line === "refused" && this.status.seat_id === kept.seat_id) {
            this.#lineIs("refused", kept);
          }
        });
      }, RETAKE_MS);
    }
  }

  async #connectMedia(): Promise<void> {
    if (this.#line === null || this.#media?.busy) return;
    this.#mediaAsked_at_ms = Date.now();
    const options = {
      negotiate: async (sdp: string): Promise<string> =>
        String((await this.#line?.ask("webrtc", { sdp }))?.["sdp"] ?? ""),
      onState: (media: MediaState) => this.#set({ media }),
      onBlocked: (sound_blocked: boolean) => this.#set({ sound_blocked }),
    };
    this.#media ??= this.#parts.media?.(options) ?? new SeatMedia(options);
    await this.#media.connect();
  }

  #pushed(push: SeatPush): void {
    if ((push as unknown as { event: string }).event !== "state") return;
    const heard_at_ms = Date.now();
    learnTime(push.now, heard_at_ms);
    this.#media?.setMuted(push.call?.muted ?? false);
    this.#set({ push, heard_at_ms });
    if (push.seat.state === "free" || push.seat.state === "vanished") void this.#sitDownAgain();
    // The switch lost our sound (it or the mixer was restarted): make it anew.
    const asked_ms = heard_at_ms - this.#mediaAsked_at_ms;
    if (push.seat.media === "down" && this.status.line === "open" && asked_ms > MEDIA_SEEN_MS) {
      void this.#connectMedia();
    }
  }

  /** We were away too long and the seat was freed: the operator is still here. */
  async #sitDownAgain(): Promise<void> {
    if (this.#sitting) return;
    this.#sitting = true;
    await this.#line
      ?.ask("take", { kind: "browser", operator_name: this.#operator.name })
      .catch(() => undefined);
    this.#sitting = false;
  }

  #set(change: Partial<PhoneStatus>): void {
    this.status = { ...this.status, ...change };
    this.#onChange(this.status);
  }

  #kept(): Kept | null {
    try {
      return JSON.parse(localStorage.getItem(KEPT_AS) ?? "null") as Kept | null;
    } catch {
      return null;
    }
  }

  #keep(kept: Kept | null): void {
    try {
      if (kept) localStorage.setItem(KEPT_AS, JSON.stringify(kept));
      else localStorage.removeItem(KEPT_AS);
    } catch {
      // Without storage a reload takes the seat anew.
    }
  }
}
