/** What the operator has in hand: what is selected, which dialog is open, and doing things. */

import {
  ACTIONS,
  actionNamed,
  available,
  type Effect,
  type Queued,
  type Selection,
  type Target,
} from "../core/actions";
import { has } from "../core/i18n";
import { worksWhileTyping } from "../core/keys";
import { mayDispatch, mayReport } from "../core/rights";
import { signOff, type Session } from "../core/session";
import type { Row } from "../core/types/feed";
import type { IncidentBody } from "../core/types/incident";
import { language, setLanguage, t } from "../ui/text.svelte";
import { Alarms } from "./alarms.svelte";
import { Desk } from "./desk.svelte";
import { focusOn } from "./focus";
import { Forms } from "./forms.svelte";
import { LostCallers } from "./lost.svelte";
import { answered, refused } from "./outcomes";
import { Recommending } from "./recommending.svelte";
import { selectionOf } from "./selection";
import { SentAway } from "./sentaway";
import { Toasts } from "./toasts.svelte";
import { Typed } from "./typed";
import { waitingCallers, type Waiting } from "./waiting";

/** Enter belongs to the dialog that is open. */
const ANSWER_KEY = "F2";
/** A digit so soon after a key that could do nothing sends no unit. */
const STRAY_DIGIT_MS = 2_000;
/** A digit so soon after an incident came by itself was meant for the one before. */
const JUST_CAME_MS = 1_500;
const DIGIT = /^\d$/;

export type Tab = "map" | "units" | "seats" | "calls" | "noise";

export class Hand {
  readonly desk: Desk;
  readonly forms: Forms;
  readonly alarms: Alarms;
  readonly toasts = new Toasts();
  readonly lost = new LostCallers(this);
  readonly sentAway = new SentAway(this);
  readonly recommending = new Recommending();
  /** What stands in dialogs. */
  readonly typed = new Typed();
  selectedIncident = $state<string | null>(null);
  selectedUnit = $state<string | null>(null);
  dialog = $state.raw<Target | null>(null);
  tab = $state<Tab>("map");
  mapLarge = $state(false);
  /** The next click on the map is the place of the report. */
  picking = $state(false);
  showClosed = $state(false);
  /** The live call that a supervisor has chosen. */
  watched = $state<string | null>(null);
  /** The waiting call that a supervisor has chosen. */
  chosenWaiting = $state<string | null>(null);
  /** Where the map was asked to go. */
  goTo = $state.raw<{ lat: number; lon: number } | null>(null);
  /** When a letter was typed last. */
  typed_at_ms = 0;
  #missed_at_ms = 0;
  /** When an incident was selected by itself. */
  #came_at_ms = 0;

  constructor(session: Session) {
    this.desk = new Desk(session, {
      answered: (entry, answer) => answered(this, entry, answer),
      refused: (entry) => refused(this, entry),
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

  get selection(): Selection {
    return selectionOf(this);
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
    if (!found && first.group === "incident" && !DIGIT.test(key)) {
      this.#missed_at_ms = Date.now();
      this.toasts.say("toast.not_now", { action: t(`action.${first.name}`) });
    }
    if (found && !this.#isStray(key)) void this.do(found.effect);
    // A key of ours never falls through to the browser, also while it means nothing.
    return found !== undefined || worksWhileTyping(key);
  }

  /** Whether a digit was meant for something else than the unit that stands there now. */
  #isStray(key: string): boolean {
    if (!DIGIT.test(key)) return false;
    // Somebody who pressed "close" and then a digit meant a reason, not a unit.
    if (Date.now() - this.#missed_at_ms < STRAY_DIGIT_MS) return true;
    const came = Date.now() - this.#came_at_ms < JUST_CAME_MS;
    const moved = came || this.recommending.justMoved(Number(key) - 1);
    if (moved) this.toasts.say("toast.just_moved", { n: key });
    return moved;
  }

  /** A key that is held down does nothing more, and the browser gets none that is ours. */
  held(key: string): boolean {
    return worksWhileTyping(key) && ACTIONS.some(({ keys }) => keys.includes(key));
  }

  /** Keys while a dialog is open: whoever rings goes before it, all else is the dialog's. */
  pressedInDialog(key: string): boolean {
    if (key === ANSWER_KEY) this.answer();
    return this.held(key);
  }

  /** Take what rings, also from within a dialog, which closes; what was typed there is kept. */
  answer(): void {
    const effect = this.effectOf("answer");
    if (!effect) return;
    this.dialog = null;
    void this.do(effect);
  }

  /** Sent or cancelled: what was typed in the dialog is needed no more. */
  closeDialog(dialog: Target | null = this.dialog): void {
    this.typed.drop(dialog);
    // An answer that was waited for in one dialog closes no other.
    if (dialog === this.dialog) this.dialog = null;
  }

  run(name: string): void {
    const effect = this.effectOf(name);
    if (effect) void this.do(effect);
  }

  /** Whether it was done; what was kept to be sent is done when the server has answered. */
  async do(effect: Effect): Promise<boolean> {
    switch (effect.do) {
      case "phone":
        return this.#tell(effect);
      case "send":
        return this.#send(effect);
      case "open":
        this.#open(effect.target);
        return true;
    }
  }

  async #tell({ op, body }: Extract<Effect, { do: "phone" }>): Promise<boolean> {
    const call_id = this.desk.phone.push?.call?.call_id;
    const problem = await this.desk.line.tell(op, body);
    const action = `action.${op.replaceAll("_", "-")}`;
    if (problem) this.toasts.refuse(problem, has(action) ? t(action) : "");
    else if (op === "park" && call_id) this.sentAway.sent("toast.parked", call_id);
    return problem === null;
  }

  async #send({ command, back, undo }: Extract<Effect, { do: "send" }>): Promise<boolean> {
    const { ok } = await this.desk.send(command);
    if (ok && back) {
      const again = (): void => void this.desk.send(back.command);
      this.toasts.say(back.text, back.values, null, again, command.subject ?? null);
    }
    if (ok && undo) {
      const unit = "unit_id" in undo ? undo.unit_id : "";
      this.toasts.say("toast.dispatched", { unit }, null, () => (this.dialog = undo));
    }
    return ok;
  }

  select(incident_id: string | null): void {
    if (incident_id !== this.selectedIncident) this.recommending.forget();
    this.selectedIncident = incident_id;
  }

  /** What was just reported is selected; where its answer is late, only if nothing else is in hand. */
  selectReported(incident_id: string, late: boolean): void {
    if (late && this.selectedIncident !== null) return;
    if (this.selectedIncident !== null) this.#came_at_ms = Date.now();
    this.select(incident_id);
  }

  /** Ask which units should go to the selected incident. */
  async recommend(): Promise<void> {
    await this.recommending.ask(mayDispatch(this.roles) ? this.incident : null);
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
        this.handleAlarm();
        break;
      case "undo":
        if (this.toasts.undoable) this.toasts.undo(this.toasts.undoable);
        break;
      case "call-backs":
        this.lost.shown = !this.lost.shown;
        break;
      case "call-back":
        this.lost.call(target.callback_id);
        break;
      case "next-waiting":
        this.#chooseNextWaiting();
        break;
      case "address":
        window.open(target.address, "_blank", "noopener");
        break;
      case "sign-off":
        this.#askToSignOff();
        break;
      default:
        this.dialog = target;
    }
  }

  /** Somebody has dealt with an alarm, the first unless it is named; one press brings it back. */
  handleAlarm(name: string | null = null): void {
    const alarm = this.alarms.open.find((one) => name === null || one.name === name);
    if (!alarm) return;
    this.alarms.handle(alarm.name);
    const unit = this.desk.row("unit", alarm.unit.unit_id)?.body.callsign ?? alarm.unit.unit_id;
    this.toasts.say("toast.alarm_handled", { unit }, null, () => this.alarms.restore(alarm.name));
  }

  submit(): void {
    if (!this.forms.submit()) {
      const [first] = this.forms.missing?.fields ?? [];
      const field = { place: "place-search", category: "category", injured: "injured" } as const;
      if (first) focusOn(field[first]);
      else if (this.forms.unknown) this.toasts.say("toast.not_loaded");
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

  /** Commands that were not sent yet would wait at this PC until the same person signs on here again. */
  #askToSignOff(): void {
    if (this.desk.entries.some(({ state }) => state === "waiting")) this.dialog = { open: "sign-off-unsent" };
    else void this.signOff();
  }

  async signOff(): Promise<void> {
    if (this.desk.phone.seat_id !== null) await this.desk.line.tell("leave");
    this.desk.stop();
    await signOff();
    location.assign("/");
  }
}
