/** What this console knows: rows, connections, commands on their way. One for the page. */

import { QUEUE_LABELS } from "../core/actions";
import { get, type Result } from "../core/api";
import { secondsSince, serverNow_ms } from "../core/clock";
import { Feed, type FeedState } from "../core/feed";
import { openStore } from "../core/idb";
import { LineHistory } from "../core/linehistory";
import { Outbox, type Answer, type Command, type Entry } from "../core/outbox";
import { Phone, type PhoneStatus } from "../core/phone";
import { referenceOf, type Reference } from "../core/reference";
import { maySupervise } from "../core/rights";
import { Rows } from "../core/rows";
import type { Session } from "../core/session";
import type { CallBody, LineVerdict } from "../core/types/call";
import type { Bodies, Position, Row, ViewName } from "../core/types/feed";
import type { Operator } from "../core/types/people";
import type { LiveBoard, PhoneCall } from "../core/types/phone";

const REFERENCE_KEPT_AS = "tahuri.reference";
const REFERENCE_AGAIN_MS = 3_000;
const DESK_CALL_KEPT_AS = "tahuri.desk-call";
/** How long the facts of a call may take from the switch's disk into the log. */
const CALL_ARRIVES_MS = 15 * 60_000;
/** How long what the switch was told may take until the queue on screen shows it. */
const QUEUE_SHOWS_MS = 3_000;
/** The server tells of the switch once a second: what is older than this is no longer the present. */
const LIVE_MS = 5_000;
/** Data older than this is shown as old. */
export const STALE_S = 12;

/** The call in front of the operator: as the switch says it, as the log says it, or both. */
export interface DeskCall {
  call_id: string;
  live: PhoneCall | null;
  row: Row<CallBody> | null;
}

export class Desk {
  readonly rows = new Rows();
  readonly operator: Operator;
  reference = $state.raw<Reference>(referenceOf(null));
  referenceLoaded = $state(false);
  feedState = $state<FeedState>("connecting");
  phone = $state.raw<PhoneStatus>({} as PhoneStatus);
  entries = $state.raw<Entry[]>([]);
  /** What the server said last of the switch, and when that came, by this PC's clock. */
  #heardLive = $state.raw<{ board: LiveBoard; at_ms: number } | null>(null);
  positions = $state.raw<ReadonlyMap<string, Position>>(new Map());
  /** The server's time, once a second. */
  now_ms = $state(serverNow_ms());
  /** An ended call that the operator took up again from the list. */
  chosenCall = $state<string | null>(null);
  readonly #versions = $state<Record<ViewName, number>>({
    call: 0,
    incident: 0,
    unit: 0,
    seat: 0,
    trunk: 0,
    callback: 0,
    measure: 0,
    finding: 0,
    surge: 0,
  });
  #lastCall = $state<string | null>(kept(DESK_CALL_KEPT_AS));
  #asked = $state.raw<{ subject: string | undefined; precedence: number } | null>(null);
  readonly #feed: Feed;
  readonly line: Phone;
  /** Of the calls that the phone sees. */
  readonly lineHistory = new LineHistory();
  readonly outbox: Outbox;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(
    session: Session,
    on: {
      answered: (entry: Entry, answer: Record<string, unknown>) => void;
      refused: (entry: Entry) => void;
    },
  ) {
    this.operator = session.operator;
    this.#feed = new Feed({
      rows: this.rows,
      onState: (state) => (this.feedState = state),
      onPositions: (positions) => this.#moved(positions),
      ...(maySupervise(this.operator.roles) ? { onLive: (board: LiveBoard) => this.#liveHeard(board) } : {}),
    });
    this.outbox = new Outbox({
      store: openStore<Entry>("outbox"),
      operator_id: session.operator.operator_id,
      laneOf: ({ subject, path }) => subject ?? path,
      onChange: () => (this.entries = this.outbox.entries),
      // The switch knows a call before the log does: its facts are handed over later.
      mayPass: ({ created_at, label }, { code }) =>
        code === "call-unknown" && !QUEUE_LABELS.includes(label) && Date.now() - Date.parse(created_at) < CALL_ARRIVES_MS,
      onAnswered: on.answered,
      onRefused: on.refused,
      onSignedOut: () => (this.feedState = "signed-out"),
    });
    this.line = new Phone(session.operator, (status) => this.#phoneChanged(status));
    this.phone = this.line.status;
    this.rows.subscribe((views) => {
      for (const view of views) if (view in this.#versions) this.#versions[view as ViewName] += 1;
      this.outbox.feedReached(this.rows.seq);
    });
  }

  start(): void {
    this.#feed.start();
    this.line.reattach();
    void this.outbox.open();
    void this.#loadReference();
    this.#ticking = setInterval(() => (this.now_ms = serverNow_ms()), 1000);
    addEventListener("online", this.#online);
  }

  stop(): void {
    this.#feed.stop();
    this.outbox.close();
    this.line.forget();
    clearInterval(this.#ticking);
    removeEventListener("online", this.#online);
  }

  readonly #online = (): void => this.resume();

  /** The network is back, or the operator signed on again in another window. */
  resume(): void {
    this.#feed.retry();
    this.outbox.resume();
  }

  /** Rows of a view, newest truth; screens that call this follow its changes. */
  all<V extends ViewName>(view: V): Row<Bodies[V]>[] {
    void this.#versions[view];
    return this.rows.all(view);
  }

  row<V extends ViewName>(view: V, key: string | null | undefined): Row<Bodies[V]> | null {
    void this.#versions[view];
    return this.rows.get(view, key);
  }

  /** Seconds since the server was last heard; null before the first word. */
  get dataAge_s(): number | null {
    void this.now_ms;
    void this.feedState;
    const heard = this.#feed.heard_at_ms;
    return heard === 0 ? null : Math.max(0, Math.floor((Date.now() - heard) / 1000));
  }

  /** The text of an empty list: `none`, if that is known. */
  emptyText(none: string): string {
    if (this.dataAge_s !== null) return none;
    return this.feedState === "connecting" ? "common.loading" : "common.not_loaded";
  }

  get phoneAge_s(): number | null {
    void this.now_ms;
    const heard = this.phone.heard_at_ms;
    return heard === 0 ? null : Math.max(0, Math.floor((Date.now() - heard) / 1000));
  }

  since_s(at: string | null): number {
    return secondsSince(at, this.now_ms);
  }

  /** The last minute of a live call's line; screens that call this follow the clock. */
  lineMinute(call_id: string): (LineVerdict | null)[] {
    void this.now_ms;
    void this.phone;
    return this.lineHistory.bars(call_id, Date.now());
  }

  /** What the switch says to a supervisor whom no seat's line tells it; null: nothing new was heard. */
  get live(): LiveBoard | null {
    void this.now_ms;
    const heard = this.#heardLive;
    if (heard === null || Date.now() - heard.at_ms > LIVE_MS) return null;
    return this.phone.line === "open" && this.phone.push ? null : heard.board;
  }

  isPending(subject: string): boolean {
    return this.entries.some((entry) => entry.subject === subject && entry.state !== "refused");
  }

  /** The call's class: what was chosen last, also while it is on its way. */
  classOf(call_id: string): string | null {
    const chosen = this.entries.findLast(
      ({ label, subject, state }) => label === "command.classify" && subject === call_id && state !== "refused",
    );
    const sent = (chosen?.body as { call_class?: string } | undefined)?.call_class;
    return sent ?? this.row("call", call_id)?.body.call_class ?? null;
  }

  /** Sent to the server; a caller's precedence counts as asked until the queue shows it. */
  send(command: Command): Promise<Result<Answer>> {
    if (command.label !== "command.precedence") return this.outbox.send(command);
    const asked = { subject: command.subject, precedence: (command.body as { precedence: number }).precedence };
    this.#asked = asked;
    const sent = this.outbox.send(command);
    void sent.then(({ ok }) => {
      const forget = (): void => void (this.#asked = this.#asked === asked ? null : this.#asked);
      if (ok) setTimeout(forget, QUEUE_SHOWS_MS);
      else forget();
    });
    return sent;
  }

  /** The precedence that was asked last for a waiting call and that the queue need not show yet. */
  precedenceOf(call_id: string): number | null {
    return this.#asked?.subject === `queue ${call_id}` ? this.#asked.precedence : null;
  }

  nameOfOperator(operator_id: string | null): string {
    if (operator_id === null) return "";
    if (operator_id === this.operator.operator_id) return this.operator.name;
    return this.reference.operators[operator_id] ?? operator_id;
  }

  /** The live call; else the one taken up again; else the last one until it is wrapped up. */
  get deskCall(): DeskCall | null {
    const live = this.phone.push?.call ?? null;
    if (live) return { call_id: live.call_id, live, row: this.row("call", live.call_id) };
    const mine = this.all("call")
      .filter(({ body }) => body.operator_id === this.operator.operator_id && !body.robot)
      .filter(({ body }) => body.wrapped_up_at === null);
    const onSip = mine.find(
      ({ body }) => (body.state === "answered" || body.state === "held") && !body.handed_over,
    );
    const call_id = onSip?.key ?? this.chosenCall ?? this.#lastCall;
    const row = this.row("call", call_id);
    if (call_id === null || (row && row.body.wrapped_up_at !== null)) return null;
    // Another seat has it now: it is theirs to write up.
    if (row?.body.operator_id && row.body.operator_id !== this.operator.operator_id) return null;
    // The log answers and knows nothing of it: it was another log's.
    if (!row && this.feedState === "live" && this.rows.seq > 0) return null;
    return { call_id, live: null, row };
  }

  #phoneChanged(status: PhoneStatus): void {
    const call_id = status.push?.call?.call_id ?? null;
    if (call_id && call_id !== this.#lastCall) {
      this.#lastCall = call_id;
      this.chosenCall = null;
      keep(DESK_CALL_KEPT_AS, call_id);
    }
    this.lineHistory.note([...(status.push?.live ?? []), ...(status.push?.call ? [status.push.call] : [])], Date.now());
    this.phone = status;
  }

  #liveHeard(board: LiveBoard): void {
    this.#heardLive = { board, at_ms: Date.now() };
    if (this.live && !board.away) this.lineHistory.note(board.calls, Date.now());
  }

  #moved(positions: Position[]): void {
    const moved = new Map(this.positions);
    for (const position of positions) moved.set(position.unit_id, position);
    this.positions = moved;
  }

  async #loadReference(): Promise<void> {
    const before = kept(REFERENCE_KEPT_AS);
    if (before) this.#takeReference(JSON.parse(before));
    for (;;) {
      const answer = await get<unknown>("/api/reference");
      if (answer.ok) {
        this.#takeReference(answer.value);
        keep(REFERENCE_KEPT_AS, JSON.stringify(answer.value));
        return;
      }
      await new Promise((done) => setTimeout(done, REFERENCE_AGAIN_MS));
    }
  }

  #takeReference(answer: unknown): void {
    this.reference = referenceOf(answer);
    this.referenceLoaded = true;
  }
}

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Lost at the next reload, nothing worse.
  }
}
