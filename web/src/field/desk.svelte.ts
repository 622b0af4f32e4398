/** What this phone knows and has on its way. One for the person who is signed in. */

import { serverNow_ms } from "../core/clock";
import { Feed, type FeedState } from "../core/feed";
import { openStore } from "../core/idb";
import { Outbox, type Command, type Entry } from "../core/outbox";
import { Rows } from "../core/rows";
import { signOff } from "../core/session";
import type { Milestone, UnitBody, UnitState } from "../core/types/incident";
import type { Operator } from "../core/types/people";
import { keepScreenOn, soundLoss, soundNews } from "./alarm";
import { Asking } from "./asking";
import { hospitalOf, newsSince, reachedBy, present, samePlace, type Assignment, type News } from "./assignment";
import { forgetReference } from "./install";
import { forgetKept, readKept, writeKept } from "./keep";
import { listsOf, ListsAsking } from "./lists";
import { Tracker, type Fix, type Receiver } from "./position";
import * as reports from "./reports";
import { Settling } from "./settling";
import { Silence } from "./silence";

/** A report waits at most this long between two attempts. */
export const BACKOFF_MAX_MS = 60_000;
const TICK_MS = 1_000;
const KEEP_QUIET_MS = 500;
/** Longer than the feed's heartbeat: a page that was asleep asks at once. */
const HEARD_AGE_MAX_MS = 10_000;

export class Desk {
  readonly operator: Operator;
  readonly rows = new Rows();
  readonly outbox: Outbox;
  lists = $state.raw(listsOf(null));
  feedState = $state<FeedState>("connecting");
  /** When the centre was last heard; device clock, 0: never. */
  heard_at_ms = $state(0);
  /** Device clock. */
  now_ms = $state(Date.now());
  entries = $state.raw<Entry[]>([]);
  assignment = $state.raw<Assignment | null>(null);
  ended = $state.raw<Assignment | null>(null);
  unit_id = $state<string | null>(null);
  /** The kept rows have been read; before that nothing is known. */
  opened = $state(false);
  signedOut = $state(false);
  receiver = $state<Receiver>("off");
  fix = $state.raw<Fix | null>(null);
  /** What is known of the incident has changed, and the crew has not said that they read it. */
  news = $state.raw<News | null>(null);
  /** When a report was last pressed; device clock. */
  pressed_at_ms = $state(Number.NEGATIVE_INFINITY);
  #version = $state(0);

  readonly #feed: Feed;
  readonly #tracker: Tracker;
  readonly #onGone: () => void;
  readonly #left = new Set<string>();
  #ticking: ReturnType<typeof setInterval> | undefined;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  readonly #listsAsking = new ListsAsking((lists) => (this.lists = lists));
  readonly #asking: Asking;
  #askedFor = "";
  readonly #silence = new Silence();
  readonly #settling = new Settling();
  #signedOnByItself = false;
  #choosing = false;

  /** `onGone`: the session has been ended by the crew. */
  constructor(operator: Operator, onGone: () => void) {
    this.operator = operator;
    this.#onGone = onGone;
    this.#feed = new Feed({
      rows: this.rows,
      onState: (state) => this.#feedChanged(state),
      onHeard: (at_ms) => (this.heard_at_ms = at_ms),
    });
    this.#asking = new Asking({
      onFound: (found) => this.#found(found),
      onWhere: (about, where) => {
        const now = this.assignment;
        if (now && samePlace(now, about)) this.assignment = { ...now, where };
      },
    });
    this.#tracker = new Tracker({
      onChange: (receiver, fix) => {
        this.receiver = receiver;
        if (fix || receiver === "off") this.fix = fix;
      },
    });
    this.outbox = new Outbox({
      store: openStore<Entry>("outbox"),
      operator_id: operator.operator_id,
      backoffMax_ms: BACKOFF_MAX_MS,
      onChange: () => this.#outboxChanged(),
      onAnswered: (entry) => this.#answered(entry),
      onRefused: (entry) => this.#refused(entry),
      onSignedOut: () => (this.signedOut = true),
    });
    this.rows.subscribe(() => this.#rowsChanged());
  }

  readonly unit = $derived.by((): UnitBody | null => {
    void this.#version;
    return this.rows.get("unit", this.unit_id)?.body ?? null;
  });
  readonly units = $derived.by((): UnitBody[] => {
    void this.#version;
    return this.rows.all("unit").map((row) => row.body);
  });
  readonly reference = $derived(this.lists.reference);
  readonly online = $derived(this.feedState === "live");
  readonly pending = $derived(reports.pendingOf(this.entries));
  readonly refused = $derived(reports.refusedOf(this.entries));
  readonly plan = $derived(this.unit ? reports.planned(this.unit, this.entries) : null);
  /** The server has this person down as crew of the unit. */
  readonly aboard = $derived.by(() => this.unit?.operators.includes(this.operator.operator_id) ?? false);
  readonly boarding = $derived(
    this.pending.some((entry) => entry.label === reports.LABELS.signOn && entry.subject === this.unit_id),
  );
  readonly leaving = $derived(this.pending.some(({ label }) => label === reports.LABELS.signOff));
  readonly carriesPatients = $derived(this.lists.carriers.has(this.unit?.kind ?? ""));
  readonly moves = $derived(
    reports.moves(this.plan?.state ?? "available", this.reference.unit_moves, this.carriesPatients),
  );
  /** What the crew has not yet said of its work on scene; the first comes next. */
  readonly milestones = $derived.by((): Milestone[] => {
    const { unit, plan, reference, entries } = this;
    if (!unit || !plan || unit.incident_id === null) return [];
    const reached = reachedBy(this.assignment, unit.unit_id);
    return reports.milestonesLeft(plan, reference.unit_milestones, reached, entries, unit);
  });
  readonly alerted = $derived(
    this.plan?.state === "dispatched" && this.unit?.incident_id !== null && !this.leaving,
  );

  async start(): Promise<void> {
    const kept = await readKept(this.operator.operator_id);
    if (kept) {
      this.assignment = kept.assignment;
      this.ended = kept.ended;
      this.unit_id = kept.unit_id;
      this.heard_at_ms = kept.heard_at_ms;
      this.rows.apply(kept.rows);
    }
    this.unit_id = this.operator.unit_id ?? this.unit_id;
    this.opened = true;
    await this.outbox.open();
    this.#version += 1;
    this.#rowsChanged();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#listen("addEventListener");
    this.#feed.start();
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#keeping);
    this.#listen("removeEventListener");
    this.#feed.stop();
    this.#tracker.follow(null, false);
    this.outbox.close();
    keepScreenOn(false);
  }

  /** The same person has signed in again. */
  readonly resumed = (): void => {
    this.signedOut = false;
    this.#wake();
  };

  signOn(unit_id: string): void {
    this.unit_id = unit_id;
    this.#choosing = false;
    this.#send(reports.signOnCommand(unit_id));
    this.#rowsChanged();
  }

  /** Back to the choice; the next sign-on leaves the unit. */
  chooseAgain(): void {
    this.#choosing = true;
    this.unit_id = null;
    this.assignment = null;
    this.#rowsChanged();
  }

  signOff(): void {
    if (this.unit_id !== null && this.aboard) this.#send(reports.signOffCommand(this.unit_id));
    else void this.#leave();
  }

  report(state: UnitState, hospital_id: string | null = null): void {
    const { unit } = this;
    if (!unit) return;
    this.pressed_at_ms = Date.now();
    if (state === "available" && this.plan?.state === "out_of_service") {
      return this.#send(reports.backCommand(unit.unit_id));
    }
    const at = new Date(serverNow_ms()).toISOString();
    const { incident_id } = unit;
    this.#send(reports.reportCommand(unit.unit_id, { state, at, hospital_id, incident_id }));
  }

  reached(milestone: Milestone): void {
    const { unit } = this;
    if (!unit) return;
    this.pressed_at_ms = Date.now();
    const at = new Date(serverNow_ms()).toISOString();
    const { incident_id } = unit;
    this.#send(reports.reachedCommand(unit.unit_id, { milestone, at, incident_id }));
  }

  outOfService(reason: string): void {
    if (this.unit_id !== null) this.#send(reports.outCommand(this.unit_id, reason));
  }

  addNote(incident_id: string, text: string): void {
    this.#send(reports.noteCommand(incident_id, text));
  }

  /** The crew has read that the assignment is over. */
  endRead(): void {
    this.ended = null;
    this.#keepSoon();
  }

  newsRead(): void {
    this.news = null;
  }

  /** The hospital that was chosen for this patient, on its way or recorded. */
  hospital(): string | null {
    return this.plan?.hospital_id ?? hospitalOf(this.assignment, this.unit_id);
  }

  #send(command: Command): void {
    void this.outbox.send(command);
  }

  #listen(change: "addEventListener" | "removeEventListener"): void {
    window[change]("online", this.#wake);
    window[change]("offline", this.#wake);
    document[change]("visibilitychange", this.#seen);
  }

  readonly #wake = (): void => {
    this.#feed.retry();
    this.outbox.resume();
  };

  readonly #seen = (): void => {
    if (document.visibilityState !== "visible") return;
    this.now_ms = Date.now();
    if (!this.online || this.now_ms - this.heard_at_ms > HEARD_AGE_MAX_MS) this.#wake();
  };

  #feedChanged(state: FeedState): void {
    this.feedState = state;
    if (state === "live") {
      this.#silence.end();
      this.signedOut = false;
      this.outbox.resume();
      this.#ask();
    } else if (state === "signed-out") this.signedOut = true;
    else this.#silence.begin(Date.now());
  }

  #outboxChanged(): void {
    this.entries = this.outbox.entries;
    this.#follow();
  }

  #answered(entry: Entry): void {
    const report = reports.reportIn(entry);
    if (report?.state === "available" && report.incident_id) this.#left.add(report.incident_id);
    if (entry.label === reports.LABELS.out && this.assignment) {
      this.#left.add(this.assignment.incident.incident_id);
    }
    if (entry.label === reports.LABELS.signOff) void this.#leave();
    if (entry.label === reports.LABELS.note) this.#ask();
  }

  #refused(entry: Entry): void {
    // Nobody to sign off any more is as good as signed off.
    if (entry.label !== reports.LABELS.signOff) return soundLoss();
    this.outbox.dismiss(entry.id);
    void this.#leave();
  }

  async #leave(): Promise<void> {
    this.stop();
    await forgetKept(this.operator.operator_id);
    await forgetReference();
    await signOff();
    this.#onGone();
  }

  #rowsChanged(): void {
    if (!this.opened) return;
    this.outbox.feedReached(this.rows.seq);
    this.#version += 1;
    this.#findUnit();
    this.#assignmentChanged();
    this.#follow();
    this.#keepSoon();
  }

  /** A fixed unit is signed on to without a question, once; others take up where they were. */
  #findUnit(): void {
    const { operator_id } = this.operator;
    if (this.unit_id === null) {
      if (this.#choosing) return;
      const mine = this.units.find((unit) => unit.operators.includes(operator_id));
      this.unit_id = mine?.unit_id ?? null;
      return;
    }
    if (!this.unit || this.aboard || this.boarding || this.leaving || !this.online) return;
    if (this.operator.unit_id === null) this.unit_id = null;
    else if (!this.#signedOnByItself) {
      this.#signedOnByItself = true;
      this.#send(reports.signOnCommand(this.operator.unit_id));
    }
  }

  #assignmentChanged(): void {
    const { unit } = this;
    const before = this.assignment;
    const incident_id = unit?.incident_id ?? null;
    if (!unit) return;
    if (before && before.incident.incident_id !== incident_id) this.#over(before, unit);
    this.assignment = present(this.rows, unit, before);
    this.#compare(before, this.assignment);
    const stands = JSON.stringify([incident_id, unit.state, this.rows.get("incident", incident_id)?.seq]);
    if (incident_id !== null && stands !== this.#askedFor) {
      this.#askedFor = stands;
      this.#ask();
    }
  }

  #over(before: Assignment, unit: UnitBody): void {
    this.news = null;
    const { incident_id } = before.incident;
    if (this.#left.has(incident_id)) return;
    if (reports.isLeaving(this.entries, unit.unit_id, incident_id)) return;
    this.ended = before;
    soundLoss();
  }

  #ask(): void {
    if (this.unit?.incident_id) void this.#asking.ask(this.unit.unit_id);
  }

  #found(found: Assignment): void {
    if (found.incident.incident_id !== this.unit?.incident_id) return;
    const before = this.assignment;
    if (before && samePlace(before, found)) found.where = before.where;
    this.assignment = found;
    this.#compare(before, found);
    if (!found.where) void this.#asking.askWhere(found);
    this.#keepSoon();
  }

  /** What the crew has not read yet; while the alert rings they are about to read all of it. */
  #compare(before: Assignment | null, now: Assignment | null): void {
    if (!before || !now || this.alerted) return;
    const news = newsSince(before, now, this.operator.operator_id, Date.now());
    if (!news) return;
    this.news = news;
    soundNews();
  }

  #tick(): void {
    this.now_ms = Date.now();
    void this.#listsAsking.tick(this.now_ms);
    const fetched_at_ms = this.assignment?.fetched_at_ms ?? 0;
    const byFeed = this.rows.get("incident", this.unit?.incident_id) !== null;
    if (this.online && this.#asking.isDue(this.now_ms, fetched_at_ms, byFeed)) this.#ask();
    if (!this.online) this.#settling.restart();
    const settled = this.#settling.reached(this.entries, this.now_ms);
    if (settled > 0) this.outbox.feedReached(settled);
    if (this.unit && this.#silence.isNews(this.now_ms)) soundLoss();
  }

  #follow(): void {
    const state = this.plan?.state ?? "available";
    const duty = this.aboard && !this.leaving;
    const moving = state === "acknowledged" || state === "en_route" || state === "transporting";
    this.#tracker.follow(duty ? this.unit_id : null, moving);
    keepScreenOn(duty || this.boarding);
  }

  #keepSoon(): void {
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => {
      const { operator, assignment, ended, unit_id, heard_at_ms } = this;
      const rows = this.rows.snapshot();
      const { operator_id } = operator;
      void writeKept({ kind: "field", operator_id, rows, assignment, ended, unit_id, heard_at_ms });
    }, KEEP_QUIET_MS);
  }
}
