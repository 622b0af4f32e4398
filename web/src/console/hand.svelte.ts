/** What the operator has in hand: what is selected, which dialog is open, and doing things. */

import { flushSync } from "svelte";
import { get, post, type Problem } from "../core/api";
import {
  ACTIONS,
  actionNamed,
  available,
  type Effect,
  type Queued,
  type Selection,
  type Target,
  type WayBack,
} from "../core/actions";
import { isAway } from "../core/aside";
import { inOrder, isSilent, nextToCall, saidOf } from "../core/callbacks";
import { listenLeft_s } from "../core/noise";
import { mayDispatch, mayReport } from "../core/rights";
import type { Entry } from "../core/outbox";
import { personalOf } from "../core/rows";
import { signOff, type Session } from "../core/session";
import type { CallBody, Caller } from "../core/types/call";
import type { CallBackBody } from "../core/types/callback";
import type { Place } from "../core/types/city";
import type { Row } from "../core/types/feed";
import type { IncidentBody, Recommendation } from "../core/types/incident";
import { soundAlarm } from "../core/sound";
import { language, setLanguage, t } from "../ui/text.svelte";
import { Alarms } from "./alarms.svelte";
import { Desk } from "./desk.svelte";
import { Forms } from "./forms.svelte";
import { waitingCallers, type Waiting } from "./waiting";

const TOAST_MS = 9_000;
/** A caller's word that is older was seen, or told at another desk. */
const FRESH_S = 60;
const TOASTS_MAX = 3;
/** Begins what a toast is about: a call that this seat has sent on. */
const ASIDE = "aside ";
const aside = (call_id: string): string => `${ASIDE}${call_id}`;
/** Enter belongs to the dialog that is open. */
const ANSWER_KEY = "F2";
/** A digit so soon after a key that could do nothing sends no unit. */
const STRAY_DIGIT_MS = 2_000;

export interface Toast {
  id: number;
  /** A key of the texts and what fills it. */
  text: string;
  values: Record<string, string>;
  problem: Problem | null;
  undo: (() => void) | null;
  /** A newer one about the same takes its place. */
  about: string | null;
}

export type Tab = "map" | "units" | "seats" | "calls" | "noise";

export class Hand {
  readonly desk: Desk;
  readonly forms: Forms;
  readonly alarms: Alarms;
  selectedIncident = $state<string | null>(null);
  selectedUnit = $state<string | null>(null);
  recommendation = $state.raw<Recommendation | null>(null);
  dialog = $state.raw<Target | null>(null);
  tab = $state<Tab>("map");
  mapLarge = $state(false);
  /** The next click on the map is the place of the report. */
  picking = $state(false);
  showClosed = $state(false);
  /** Which list stands below the queue. */
  pane = $state<"recent" | "call-backs">("recent");
  /** The call-back that is opened in its list. */
  pickedCallBack = $state<string | null>(null);
  /** The one that this desk called last and whose outcome is still owed. */
  calledBack = $state<string | null>(null);
  /** The live call that a supervisor has chosen. */
  watched = $state<string | null>(null);
  /** The waiting call that a supervisor has chosen. */
  chosenWaiting = $state<string | null>(null);
  /** Where the map was asked to go. */
  goTo = $state.raw<{ lat: number; lon: number } | null>(null);
  toasts = $state.raw<Toast[]>([]);
  readonly #lateSounded = new Set<string>();
  readonly #wordsSounded = new Set<string>();
  /** Calls that were seen away from this seat after it had sent them on. */
  readonly #seenAway = new Set<string>();
  #toastCount = 0;
  #missed_at_ms = 0;

  constructor(session: Session) {
    this.desk = new Desk(session, {
      answered: (entry, answer) => this.#answered(entry, answer),
      refused: (entry) => this.#refused(entry),
    });
    this.forms = new Forms(this.desk);
    this.alarms = new Alarms(this.desk);
    // An agency's desk looks after its units first.
    if (!mayReport(this.roles)) this.tab = "units";
  }

  get roles() {
    return this.desk.operator.roles;
  }

  get incident(): Row<IncidentBody> | null {
    return this.desk.row("incident", this.selectedIncident);
  }

  /** Incidents in the order of the list. */
  get incidents(): Row<IncidentBody>[] {
    const shown = this.desk.all("incident").filter(({ body }) => this.showClosed || body.state === "open");
    return shown.sort(
      ({ body: a }, { body: b }) =>
        Number(a.state === "closed") - Number(b.state === "closed") ||
        a.priority - b.priority ||
        a.opened_at.localeCompare(b.opened_at),
    );
  }

  /** Open call-backs in their order. */
  get callBacks(): Row<CallBackBody>[] {
    return inOrder(this.desk.all("callback"));
  }

  /** Each caller whom nobody called back in time is told loudly, once. */
  soundOverdue(): void {
    if (!mayReport(this.roles)) return;
    const late = this.callBacks.filter(({ body }) => body.overdue && !this.#lateSounded.has(body.callback_id));
    for (const { key } of late) this.#lateSounded.add(key);
    if (late.length > 0) soundAlarm();
  }

  #isSilent(callback_id: string): boolean {
    const body = this.desk.row("callback", callback_id)?.body;
    return body !== undefined && isSilent(body);
  }

  /** Each fresh word on a caller's page is told loudly, once. */
  soundWords(): void {
    if (!mayReport(this.roles)) return;
    for (const row of this.callBacks) {
      const words = saidOf(row.body);
      const said = words.at(-1);
      const name = `${row.key} ${words.length}`;
      if (!said || this.#wordsSounded.has(name)) continue;
      this.#wordsSounded.add(name);
      if (this.desk.since_s(said.at) > FRESH_S) continue;
      const number = personalOf<Caller>(row, row.body.caller)?.number ?? t("common.erased");
      this.say("toast.caller_told", { number, word: t(`caller_word.${said.word}`) }, null, null, row.key);
      soundAlarm();
    }
  }

  /** Write a report about who was lost, at the place that they sent. */
  reportFor(row: Row<CallBackBody>, place: Place | null): void {
    this.forms.openForCall(row.body.calls.at(-1)?.call_id ?? null, true);
    if (place) this.forms.change({ place, place_text: place.label });
    this.tab = "map";
  }

  get #callBack(): CallBackBody | null {
    const picked = this.desk.row("callback", this.pickedCallBack)?.body;
    if (picked?.state === "open" && picked.dialable && picked.calling === null) return picked;
    return nextToCall(this.desk.all("callback"))?.body ?? null;
  }

  get #toSettle(): CallBackBody | null {
    const named = [this.pickedCallBack, this.calledBack].map((id) => this.desk.row("callback", id)?.body);
    return named.find((body) => body?.state === "open") ?? null;
  }

  get selection(): Selection {
    const { desk } = this;
    const call = desk.deskCall;
    return {
      roles: this.roles,
      agency_id: desk.operator.agency_id ?? null,
      operator_id: desk.operator.operator_id,
      phone: desk.phone,
      call: call && {
        ...(call.row?.body ?? unrecorded(call.call_id, call.live !== null)),
        // The commands of a call go one after the other: a class on its way is there in time.
        call_class: desk.classOf(call.call_id),
      },
      listened: listenLeft_s(desk.phone.push?.call?.ghost?.listen_until ?? "", desk.now_ms) === 0,
      reporting: this.forms.open !== null,
      incident: this.incident?.body ?? null,
      unit: desk.row("unit", this.selectedUnit)?.body ?? null,
      recommendation: this.recommendation,
      alarm: this.alarms.open.length > 0,
      unit_moves: desk.reference.unit_moves,
      callBack: this.#callBack,
      toSettle: this.#toSettle,
      watched: this.watched,
      waiting: this.waiting,
    };
  }

  /** The waiting call that a supervisor's keys mean; it stays chosen while it waits. */
  get waiting(): Queued | null {
    const callers = waitingCallers(this.desk);
    const caller = callers.find(({ call_id }) => call_id === this.chosenWaiting) ?? callers[0];
    return caller ? this.queued(caller) : null;
  }

  /** A waiting call as its actions need it. */
  queued({ call_id, number, number_status, precedence }: Waiting): Queued {
    return {
      call_id,
      name: number ?? t(`number_status.${number_status}`),
      precedence: this.desk.precedenceOf(call_id) ?? precedence ?? 0,
    };
  }

  /** Why the button of an action is not grey: what it would do now. */
  effectOf(name: string): Effect | null {
    return actionNamed(name).effect(this.selection);
  }

  /** Do what a key stands for now; false if it stands for nothing. */
  pressed(key: string): boolean {
    const meant = ACTIONS.filter(({ keys }) => keys.includes(key));
    const [first] = meant;
    if (!first) return false;
    const found = available(this.selection).find(({ action }) => action.keys.includes(key));
    if (!found && first.group === "incident" && !/^\d$/.test(key)) {
      this.#missed_at_ms = Date.now();
      this.say("toast.not_now", { action: t(`action.${first.name}`) });
    }
    // Somebody who pressed "close" and then a digit meant a reason, not a unit.
    const stray = /^\d$/.test(key) && Date.now() - this.#missed_at_ms < STRAY_DIGIT_MS;
    if (found && !stray) this.do(found.effect);
    // A key of ours never falls through to the browser, also while it means nothing.
    return found !== undefined || key.startsWith("F") || key.startsWith("Alt+");
  }

  /** Keys while a dialog is open: whoever rings goes before it, all else is the dialog's. */
  pressedInDialog(key: string): boolean {
    if (key === ANSWER_KEY) this.answer();
    return /^(F|Alt\+)/.test(key) && ACTIONS.some(({ keys }) => keys.includes(key));
  }

  /** Take what rings, also from within a dialog, which closes. */
  answer(): void {
    const effect = this.effectOf("answer");
    if (!effect) return;
    this.dialog = null;
    this.do(effect);
  }

  run(name: string): void {
    const effect = this.effectOf(name);
    if (effect) this.do(effect);
  }

  do(effect: Effect): void {
    switch (effect.do) {
      case "phone": {
        const call_id = this.desk.phone.push?.call?.call_id;
        void this.desk.line.tell(effect.op, effect.body).then((problem) => {
          if (problem) this.say("toast.refused", {}, problem);
          else if (effect.op === "park" && call_id) this.sentOn("toast.parked", call_id);
        });
        break;
      }
      case "send": {
        const { back, undo } = effect;
        void this.desk.send(effect.command).then((result) => {
          if (result.ok && back) this.#sayWithWayBack(back, effect.command.subject ?? null);
          if (!result.ok || !undo) return;
          const unit = "unit_id" in undo ? undo.unit_id : "";
          this.say("toast.dispatched", { unit }, null, () => (this.dialog = undo));
        });
        break;
      }
      case "open":
        this.#open(effect.target);
        break;
    }
  }

  select(incident_id: string | null): void {
    if (incident_id !== this.selectedIncident) this.recommendation = null;
    this.selectedIncident = incident_id;
  }

  say(
    text: string,
    values: Record<string, string> = {},
    problem: Problem | null = null,
    undo: (() => void) | null = null,
    about: string | null = null,
  ): void {
    const toast = { id: ++this.#toastCount, text, values, problem, undo, about };
    const others = this.toasts.filter((one) => about === null || one.about !== about);
    this.toasts = [...others, toast].slice(-TOASTS_MAX);
    setTimeout(() => this.hush(toast.id), TOAST_MS);
  }

  /** The call is no longer at this seat: for a while one press brings it back. */
  sentOn(text: string, call_id: string, target = ""): void {
    this.#seenAway.delete(call_id);
    const back = (): void => this.do({ do: "phone", op: "take_back", body: { call_id } });
    this.say(text, { target }, null, back, aside(call_id));
    this.lookForReturned();
  }

  /** A call that was away and is no longer (taken back, come back, or another's) needs no way back. */
  lookForReturned(): void {
    const { push } = this.desk.phone;
    for (const { about, id } of this.toasts) {
      if (!about?.startsWith(ASIDE)) continue;
      const call_id = about.slice(ASIDE.length);
      if (isAway(push, call_id)) this.#seenAway.add(call_id);
      else if (this.#seenAway.delete(call_id)) this.hush(id);
    }
  }

  #sayWithWayBack({ text, values, command }: WayBack, about: string | null): void {
    this.say(text, values, null, () => void this.desk.send(command), about);
  }

  hush(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Ask which units should go to the selected incident. */
  async recommend(): Promise<void> {
    const asked = this.incident;
    if (asked?.body.state !== "open" || !mayDispatch(this.roles)) {
      this.recommendation = null;
      return;
    }
    const answer = await get<Recommendation>(`/api/incidents/${asked.key}/recommendation`);
    if (answer.ok && this.selectedIncident === asked.key) this.recommendation = answer.value;
  }

  #open(target: Target): void {
    switch (target.open) {
      case "focus":
        focusOn(target.testid, (tab) => (this.tab = tab));
        break;
      case "priority":
        this.forms.change({ priority: target.priority });
        break;
      case "submit":
        this.submit();
        break;
      case "step":
        this.#step(target.by);
        break;
      case "new-report":
        this.forms.openForCall(this.desk.deskCall?.call_id ?? null, true);
        break;
      case "amend":
        if (this.incident) this.forms.openForIncident(this.incident);
        break;
      case "pick":
        this.tab = "map";
        this.mapLarge = true;
        this.picking = true;
        break;
      case "map":
        this.mapLarge = this.tab === "map" ? !this.mapLarge : this.mapLarge;
        this.tab = "map";
        this.picking = false;
        break;
      case "language":
        setLanguage(language() === "id" ? "en" : "id");
        break;
      case "handle-alarm":
        this.alarms.handleFirst();
        break;
      case "call-backs":
        this.pane = this.pane === "recent" ? "call-backs" : "recent";
        break;
      case "call-back":
        if (this.#isSilent(target.callback_id)) this.dialog = { open: "call-back-silent", callback_id: target.callback_id };
        else void this.callNow(target.callback_id);
        break;
      case "next-waiting":
        this.#chooseNextWaiting();
        break;
      case "address":
        window.open(target.address, "_blank", "noopener");
        break;
      case "sign-off":
        void this.#signOff();
        break;
      default:
        this.dialog = target;
    }
  }

  /** Call back at once; never kept to be sent later, when nobody sits there to talk. */
  async callNow(callback_id: string): Promise<void> {
    this.dialog = null;
    this.pane = "call-backs";
    this.pickedCallBack = callback_id;
    const answer = await post(`/api/callbacks/${callback_id}/call`, {});
    if (!answer.ok) this.say("toast.refused", {}, answer.problem);
  }

  /** Our call is over: its outcome is asked for, unless something else is being written. */
  callBackOver(callback_id: string): void {
    this.calledBack = this.pickedCallBack = callback_id;
    this.pane = "call-backs";
    this.dialog ??= { open: "call-back-outcome", callback_id };
  }

  /** Nothing more to write: the seat goes back to where calls come from. */
  callBackSettled(): void {
    const { push } = this.desk.phone;
    if (this.desk.deskCall === null && push?.seat.state === "not_ready" && push.seat.reason === "wrap-up") {
      void this.desk.line.tell("ready");
    }
  }

  submit(): void {
    if (!this.forms.submit()) {
      const [first] = this.forms.missing?.fields ?? [];
      const field = { place: "place-search", category: "category", injured: "injured" } as const;
      if (first) focusOn(field[first]);
    }
  }

  #chooseNextWaiting(): void {
    const ids = waitingCallers(this.desk).map(({ call_id }) => call_id);
    const at = ids.indexOf(this.waiting?.call_id ?? "");
    this.chosenWaiting = ids[(at + 1) % ids.length] ?? null;
  }

  #step(by: 1 | -1): void {
    const keys = this.incidents.map(({ key }) => key);
    if (keys.length === 0) return;
    const at = keys.indexOf(this.selectedIncident ?? "");
    const next = at < 0 ? (by > 0 ? 0 : keys.length - 1) : at + by;
    this.select(keys[Math.min(keys.length - 1, Math.max(0, next))] ?? null);
  }

  #answered(entry: Entry, answer: Record<string, unknown>): void {
    if (entry.draft) this.forms.drop(entry.draft);
    if (entry.label === "command.report" && typeof answer["incident_id"] === "string") {
      this.select(answer["incident_id"]);
      this.say("toast.reported", { number: String(answer["number"] ?? "") });
    }
    if (entry.label === "command.wrap-up") this.#wrappedUp(entry.subject ?? "");
    if (entry.label === "command.ask-call-back") this.say("toast.call_back_asked");
    if (entry.label === "command.close-call-back") {
      const callback_id = (entry.subject ?? "").replace("callback ", "");
      if (this.calledBack === callback_id) this.calledBack = null;
      if (this.pickedCallBack === callback_id) this.pickedCallBack = null;
      this.callBackSettled();
      const reopen = (): void => void (this.dialog = { open: "call-back-reopen", callback_id });
      this.say("toast.call_back_closed", {}, null, reopen);
    }
    if (entry.label === "command.lift") this.#lifted(entry.subject ?? "");
    if (entry.label === "command.close") {
      const reopen = (): void => void (this.dialog = { open: "reopen" });
      this.say("toast.closed", {}, null, reopen);
    }
  }

  #refused(entry: Entry): void {
    if (entry.draft && this.forms.list.some(({ key }) => key === entry.draft)) {
      this.forms.openKey = entry.draft;
    } else {
      this.say("toast.refused", {}, entry.problem);
      this.desk.outbox.dismiss(entry.id);
    }
  }

  /** Whoever lifted the wrong one can set it again at once. */
  #lifted(measure_id: string): void {
    const row = this.desk.row("measure", measure_id);
    const number = row && personalOf<{ number: string }>(row, row.body.number)?.number;
    const again = (): void => void (this.dialog = { open: "measure", number: number ?? "" });
    this.say("toast.lifted", {}, null, number ? again : null);
  }

  /** The desk is free again: the seat goes back to where calls come from. */
  #wrappedUp(call_id: string): void {
    this.forms.dropBlank(call_id);
    this.desk.chosenCall = null;
    const { push } = this.desk.phone;
    if (push?.seat.state === "not_ready" && push.seat.reason === "wrap-up") {
      void this.desk.line.tell("ready");
    }
  }

  async #signOff(): Promise<void> {
    if (this.desk.phone.seat_id !== null) await this.desk.line.tell("leave");
    this.desk.stop();
    await signOff();
    location.assign("/");
  }
}

/** A call that the switch knows and the log does not yet. */
function unrecorded(call_id: string, live: boolean): CallBody {
  return {
    call_id,
    state: live ? "answered" : "ended",
    call_class: null,
    wrapped_up_at: null,
    incident_ids: [],
  } as unknown as CallBody;
}

/** Put the cursor there at once: the next key may already be on its way. */
function focusOn(testid: string, show?: (tab: Tab) => void): void {
  if (testid === "unit-board") show?.("units");
  if (testid === "noise-pane") show?.("noise");
  flushSync();
  const place = document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  const inside = place?.matches("input, textarea, select, button, [tabindex]")
    ? place
    : place?.querySelector<HTMLElement>("input:checked, input, textarea, select, button, [tabindex]");
  inside?.focus();
}
