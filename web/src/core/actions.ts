/** All an operator can do. Keys, buttons and palette read this list; a button greys by the same rule. */

import type { Command } from "./outbox";
import type { PhoneOp, PhoneStatus } from "./phone";
import { readyToCall } from "./callbacks";
import { may, mayDispatch, mayReport, maySupervise, mayTakeCalls, movesOf } from "./rights";
import type {
  CallBackBody,
  CallBody,
  GhostQuestion,
  IncidentBody,
  PhoneCall,
  Recommendation,
  Role,
  SetAside,
  SupervisionMode,
  UnitBody,
  UnitState,
} from "./types";

/** What the screen has in hand. */
export interface Selection {
  roles: readonly Role[];
  /** Of an agency desk. */
  agency_id: string | null;
  phone: Pick<PhoneStatus, "seat_id" | "line" | "media" | "push">;
  /** The call of this desk: live, or ended and not wrapped up. */
  call: CallBody | null;
  /** A report form is open. */
  reporting: boolean;
  incident: IncidentBody | null;
  unit: UnitBody | null;
  /** Of the selected incident. */
  recommendation: Recommendation | null;
  /** Listening in to a silent caller is over. */
  listened?: boolean;
  /** An unanswered dispatch that nobody has dealt with. */
  alarm: boolean;
  unit_moves: Record<string, UnitState[]>;
  /** Whom to call back next: the item that is picked, else the first that can be called. */
  callBack?: CallBackBody | null;
  /** The item whose outcome would be said: picked, or just called. */
  toSettle?: CallBackBody | null;
  /** The live call that a supervisor has chosen from the list. */
  watched?: string | null;
}

/** What the screen opens or puts the cursor in. */
export type Target =
  | {
      open:
        | "seat"
        | "not-ready"
        | "surge"
        | "add-party"
        | "transfer"
        | "palette"
        | "keys"
        | "timeline"
        | "close-incident";
    }
  | { open: "reopen" | "note" | "amend" | "new-report" | "sign-off" | "language" | "map" | "pick" }
  | { open: "stand-down" | "override" | "unit-state"; unit_id: string }
  | { open: "drop-party"; leg_id: string }
  | { open: "measure"; number: string }
  | { open: "focus"; testid: string }
  | { open: "priority"; priority: number }
  | { open: "submit" }
  | { open: "step"; by: 1 | -1 }
  | { open: "handle-alarm" }
  | { open: "call-backs" }
  | { open: "call-back" | "call-back-outcome" | "call-back-reopen"; callback_id: string }
  | { open: "address"; address: string };

export type Effect =
  | { do: "phone"; op: PhoneOp; body?: Record<string, unknown> }
  | { do: "send"; command: Command; undo?: Target }
  | { do: "open"; target: Target };

export type Group = "phone" | "report" | "incident" | "screen";

export interface Action {
  name: string;
  keys: readonly string[];
  group: Group;
  /** What to do, or null while it makes no sense. */
  effect: (selection: Selection) => Effect | null;
}

const phone = (op: PhoneOp, body?: Record<string, unknown>): Effect => ({
  do: "phone",
  op,
  ...(body ? { body } : {}),
});
const open = (target: Target): Effect => ({ do: "open", target });
const focus = (testid: string): Effect => open({ open: "focus", testid });

/** Send a unit; one that the ranking would not send is asked a reason for. */
export function dispatchEffect(
  incident: IncidentBody,
  unit_id: string,
  recommendation: Recommendation | null,
): Effect {
  const ranked = recommendation?.units.find((unit) => unit.unit_id === unit_id);
  if (ranked?.needs_reason ?? !ranked?.recommended) return open({ open: "override", unit_id });
  return {
    do: "send",
    command: {
      path: `/api/incidents/${incident.incident_id}/dispatch`,
      body: { unit_id, override_reason: null, override_note: null },
      label: "command.dispatch",
      subject: unit_id,
    },
    undo: { open: "stand-down", unit_id },
  };
}

/** Units of an incident that have not been released. */
export function engaged(incident: IncidentBody): string[] {
  return incident.units.filter((unit) => unit.released_at === null).map((unit) => unit.unit_id);
}

/** The unit that "stand down" means: the selected one, or the only one there is. */
function standingDown({ roles, incident, unit }: Selection): string | null {
  if (!incident || !mayDispatch(roles)) return null;
  const units = engaged(incident);
  if (unit && units.includes(unit.unit_id)) return unit.unit_id;
  return units.length === 1 ? (units[0] ?? null) : null;
}

function seatAction({ roles, phone: { seat_id, line, media, push } }: Selection): {
  name: "take-seat" | "ready" | "not-ready";
  effect: Effect;
} | null {
  if (!mayTakeCalls(roles)) return null;
  if (seat_id === null) return { name: "take-seat", effect: open({ open: "seat" }) };
  if (line !== "open" || !push) return null;
  if (push.seat.state === "ready") return { name: "not-ready", effect: open({ open: "not-ready" }) };
  return push.seat.state === "not_ready" && media === "connected"
    ? { name: "ready", effect: phone("ready") }
    : null;
}

const seatEffect =
  (name: "take-seat" | "ready" | "not-ready") =>
  (selection: Selection): Effect | null => {
    const next = seatAction(selection);
    return next?.name === name ? next.effect : null;
  };

/** The conversation; a call of ours is none before it is answered. */
const live = ({ phone: { push } }: Selection) =>
  push?.call && (push.call.state ?? "live") === "live" ? push.call : null;

/** Ask a silent caller; not while the hold prompt would cover the question. */
const ask = (name: string, key: string, question: GhostQuestion): Action => ({
  name,
  keys: [key],
  group: "phone",
  effect: (selection) => {
    const call = live(selection);
    return call?.ghost && !call.on_hold && !call.transfer ? phone("ghost_ask", { question }) : null;
  },
});

const GHOST_ACTIONS: readonly Action[] = [
  {
    name: "ghost",
    keys: ["Alt+Y"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.on_hold && !call.transfer ? phone("ghost") : null;
    },
  },
  ask("ghost-police", "Alt+6", "police"),
  ask("ghost-medical", "Alt+7", "medical"),
  ask("ghost-fire", "Alt+8", "fire"),
  ask("ghost-come", "Alt+9", "come"),
  {
    name: "ghost-end",
    keys: ["Alt+0"],
    group: "phone",
    effect: (selection) =>
      live(selection)?.ghost && selection.listened ? phone("ghost_end") : null,
  },
];

/** What this seat sent to another seat and may take back. */
function sentOn({ phone: { push } }: Selection): SetAside | null {
  const own = (push?.waiting ?? []).filter(
    ({ seat_id, to_seat_id }) => to_seat_id !== null && seat_id === push?.seat.seat_id,
  );
  return push?.call ? null : (own.at(-1) ?? null);
}

/** The parked call that one key picks up: this seat's own first. */
function parked({ phone: { push } }: Selection): SetAside | null {
  const found = (push?.waiting ?? []).filter(({ slot }) => slot !== null);
  return found.find(({ seat_id }) => seat_id === push?.seat.seat_id) ?? found[0] ?? null;
}

/** Whether the seat could take another call now. */
function isFree({ phone: { seat_id, line, media, push } }: Selection): boolean {
  const sits = seat_id !== null && line === "open" && media === "connected";
  return sits && !!push && !push.call && !push.supervision;
}

/** The call that a supervisor's keys mean: the one taken part in, the one chosen, the oldest. */
export function watchedCall({ roles, phone: { media, push }, watched }: Selection): PhoneCall | null {
  if (!maySupervise(roles) || media !== "connected" || !push || push.call) return null;
  const calls = (push.live ?? []).filter(({ seat_id }) => seat_id !== push.seat.seat_id);
  const wanted = push.supervision?.call_id ?? watched;
  return calls.find(({ call_id }) => call_id === wanted) ?? calls[0] ?? null;
}

const supervise = (name: SupervisionMode, key: string): Action => ({
  name,
  keys: [key],
  group: "phone",
  effect: (selection) => {
    const call = watchedCall(selection);
    const now = selection.phone.push?.supervision;
    const isSo = now?.call_id === call?.call_id && now?.mode === name;
    return call && !isSo ? phone("supervise", { call_id: call.call_id, mode: name }) : null;
  },
});

const CALL_CONTROL: readonly Action[] = [
  {
    name: "transfer",
    keys: ["F3"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.transfer ? open({ open: "transfer" }) : null;
    },
  },
  {
    name: "take-back",
    keys: ["F3"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      const call_id = call?.transfer ? call.call_id : sentOn(selection)?.call_id;
      return call_id ? phone("take_back", { call_id }) : null;
    },
  },
  {
    name: "complete-transfer",
    keys: ["Alt+O"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      const joined = call?.parties.some(({ state }) => state === "joined");
      return joined && !call?.transfer ? phone("complete_transfer") : null;
    },
  },
  {
    name: "park",
    keys: ["F7"],
    group: "phone",
    effect: (selection) => {
      const call = live(selection);
      return call && !call.transfer ? phone("park") : null;
    },
  },
  {
    name: "unpark",
    keys: ["F7"],
    group: "phone",
    effect: (selection) => {
      const call = isFree(selection) ? parked(selection) : null;
      return call ? phone("pick_up", { call_id: call.call_id }) : null;
    },
  },
  {
    name: "pick-up",
    keys: ["Alt+J"],
    group: "phone",
    effect: (selection) => {
      const { push } = selection.phone;
      const first = push?.queue.find(({ call_id }) => call_id !== push.offer?.call_id);
      return first && isFree(selection) ? phone("pick_up", { call_id: first.call_id }) : null;
    },
  },
  supervise("listen", "Alt+5"),
  supervise("whisper", "Alt+6"),
  supervise("barge", "Alt+8"),
  {
    name: "take-over",
    keys: ["Alt+D"],
    group: "phone",
    effect: (selection) => {
      const call = watchedCall(selection);
      return call ? phone("take_over", { call_id: call.call_id }) : null;
    },
  },
  {
    name: "end-supervision",
    keys: ["F8"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.supervision && !push.call ? phone("end_supervision") : null,
  },
];

const PHONE_ACTIONS: readonly Action[] = [
  {
    name: "answer",
    keys: ["F2", "Enter"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.offer ? phone("answer", { call_id: push.offer.call_id }) : null,
  },
  { name: "take-seat", keys: ["Alt+R"], group: "phone", effect: seatEffect("take-seat") },
  { name: "ready", keys: ["Alt+R"], group: "phone", effect: seatEffect("ready") },
  { name: "not-ready", keys: ["Alt+R"], group: "phone", effect: seatEffect("not-ready") },
  {
    name: "extend-wrap-up",
    keys: ["F4"],
    group: "phone",
    effect: ({ phone: { push } }) =>
      push?.seat.wrap_up_until ? phone("extend_wrap_up", { for_s: 120 }) : null,
  },
  {
    name: "surge",
    keys: ["Alt+N"],
    group: "phone",
    effect: ({ roles }) => (maySupervise(roles) ? open({ open: "surge" }) : null),
  },
  {
    name: "leave-seat",
    keys: ["Alt+X"],
    group: "phone",
    effect: ({ phone: { seat_id, push } }) =>
      seat_id !== null && !push?.call && !push?.offer ? phone("leave") : null,
  },
  {
    name: "hold",
    keys: ["F4"],
    group: "phone",
    effect: (selection) => (live(selection)?.on_hold === false ? phone("hold") : null),
  },
  {
    name: "resume",
    keys: ["F4"],
    group: "phone",
    effect: (selection) => (live(selection)?.on_hold ? phone("resume") : null),
  },
  {
    name: "mute",
    keys: ["F6"],
    group: "phone",
    effect: (selection) => (live(selection)?.muted === false ? phone("mute") : null),
  },
  {
    name: "unmute",
    keys: ["F6"],
    group: "phone",
    effect: (selection) => (live(selection)?.muted ? phone("unmute") : null),
  },
  {
    name: "hang-up",
    keys: ["F8"],
    group: "phone",
    effect: ({ phone: { push } }) => (push?.call ? phone("hang_up") : null),
  },
  {
    name: "call-back",
    keys: ["Alt+O"],
    group: "phone",
    effect: ({ roles, phone: status, callBack }) =>
      mayTakeCalls(roles) && callBack && readyToCall(status.push)
        ? open({ open: "call-back", callback_id: callBack.callback_id })
        : null,
  },
  {
    name: "call-back-outcome",
    keys: ["Alt+Z"],
    group: "phone",
    effect: ({ roles, toSettle }) =>
      mayReport(roles) && toSettle && toSettle.calling === null
        ? open({ open: "call-back-outcome", callback_id: toSettle.callback_id })
        : null,
  },
  {
    name: "call-backs",
    keys: ["Alt+V"],
    group: "phone",
    effect: ({ roles }) => (mayReport(roles) ? open({ open: "call-backs" }) : null),
  },
  {
    name: "ask-call-back",
    keys: ["Alt+F"],
    group: "phone",
    effect: ({ roles, call }) =>
      mayReport(roles) && call && !call.test && call.direction !== "out"
        ? {
            do: "send",
            command: {
              path: "/api/callbacks",
              body: { call_id: call.call_id },
              label: "command.ask-call-back",
              subject: call.call_id,
            },
          }
        : null,
  },
  {
    name: "add-party",
    keys: ["F9"],
    group: "phone",
    effect: (selection) => (live(selection) ? open({ open: "add-party" }) : null),
  },
  {
    name: "drop-party",
    keys: ["F10"],
    group: "phone",
    effect: (selection) => {
      const party = live(selection)?.parties.findLast(({ state }) => state !== "left");
      return party ? phone("drop_party", { leg_id: party.leg_id }) : null;
    },
  },
];

const onForm = (name: string, key: string, effect: Effect): Action => ({
  name,
  keys: [key],
  group: "report",
  effect: ({ reporting }) => (reporting ? effect : null),
});

const REPORT_ACTIONS: readonly Action[] = [
  onForm("go-place", "Alt+L", focus("place-search")),
  onForm("go-category", "Alt+K", focus("category")),
  onForm("go-summary", "Alt+S", focus("summary")),
  onForm("pick-on-map", "Alt+P", open({ open: "pick" })),
  ...[1, 2, 3, 4].map((priority) =>
    onForm(`priority-${priority}`, `Alt+${priority}`, open({ open: "priority", priority })),
  ),
  onForm("submit-report", "Ctrl+Enter", open({ open: "submit" })),
  {
    name: "new-report",
    keys: ["Alt+B"],
    group: "report",
    effect: ({ roles, reporting }) =>
      mayReport(roles) && !reporting ? open({ open: "new-report" }) : null,
  },
  {
    name: "link-call",
    keys: ["Alt+T"],
    group: "report",
    effect: ({ roles, call, incident }) =>
      mayReport(roles) &&
      call &&
      incident?.state === "open" &&
      !call.incident_ids.includes(incident.incident_id)
        ? {
            do: "send",
            command: {
              path: `/api/calls/${call.call_id}/link`,
              body: { incident_id: incident.incident_id },
              label: "command.link",
              subject: call.call_id,
            },
          }
        : null,
  },
  {
    name: "set-call-class",
    keys: ["Alt+C"],
    group: "report",
    effect: ({ call }) => (call && call.wrapped_up_at === null ? focus("call-class") : null),
  },
  {
    name: "wrap-up",
    keys: ["Alt+W"],
    group: "report",
    effect: ({ call }) =>
      call?.state === "ended" && call.call_class !== null && call.wrapped_up_at === null
        ? {
            do: "send",
            command: {
              path: `/api/calls/${call.call_id}/wrap-up`,
              body: {},
              label: "command.wrap-up",
              subject: call.call_id,
            },
          }
        : null,
  },
];

/** Recommended units that a digit sends. */
export const DIGITS_MAX = 9;

const digitActions: readonly Action[] = Array.from({ length: DIGITS_MAX }, (_, at) => ({
  name: `dispatch-${at + 1}`,
  keys: [String(at + 1)],
  group: "incident" as const,
  effect: ({ roles, incident, recommendation }: Selection): Effect | null => {
    const found = recommendation?.units[at];
    return incident?.state === "open" && found && mayDispatch(roles)
      ? dispatchEffect(incident, found.unit_id, recommendation)
      : null;
  },
}));

const onIncident = (
  name: string,
  key: string,
  effect: (selection: Selection, incident: IncidentBody) => Effect | null,
): Action => ({
  name,
  keys: [key],
  group: "incident",
  effect: (selection) => (selection.incident ? effect(selection, selection.incident) : null),
});

/** The case names callers: it is for the room, not for agencies. */
function caseFile(roles: readonly Role[], incident_id: string, kind: "pdf" | "json"): Effect | null {
  const address = `/api/incidents/${incident_id}/case.${kind}`;
  return mayReport(roles) ? open({ open: "address", address }) : null;
}

const INCIDENT_ACTIONS: readonly Action[] = [
  ...digitActions,
  onIncident("dispatch-selected", "d", ({ roles, unit, recommendation }, incident) =>
    incident.state === "open" && unit?.state === "available" && mayDispatch(roles)
      ? dispatchEffect(incident, unit.unit_id, recommendation)
      : null,
  ),
  onIncident("stand-down", "s", (selection) => {
    const unit_id = standingDown(selection);
    return unit_id ? open({ open: "stand-down", unit_id }) : null;
  }),
  onIncident("note", "n", ({ roles }) =>
    may(roles, ["call_taker", "dispatcher", "supervisor", "agency_desk"])
      ? open({ open: "note" })
      : null,
  ),
  onIncident("amend", "e", ({ roles, reporting }, { state }) =>
    mayReport(roles) && state === "open" && !reporting ? open({ open: "amend" }) : null,
  ),
  onIncident("close-incident", "x", ({ roles }, incident) =>
    incident.state === "open" && engaged(incident).length === 0 && mayDispatch(roles)
      ? open({ open: "close-incident" })
      : null,
  ),
  onIncident("reopen", "r", ({ roles }, { state }) =>
    state === "closed" && mayDispatch(roles) ? open({ open: "reopen" }) : null,
  ),
  onIncident("timeline", "t", ({ roles }) => (mayReport(roles) ? open({ open: "timeline" }) : null)),
  onIncident("case-pdf", "p", ({ roles }, { incident_id }) => caseFile(roles, incident_id, "pdf")),
  onIncident("case-json", "c", ({ roles }, { incident_id }) => caseFile(roles, incident_id, "json")),
  {
    name: "unit-state",
    keys: ["u"],
    group: "incident",
    effect: (selection) =>
      selection.unit && movesOf(selection, selection.unit).length > 0
        ? open({ open: "unit-state", unit_id: selection.unit.unit_id })
        : null,
  },
  {
    name: "handle-alarm",
    keys: ["h"],
    group: "incident",
    effect: ({ alarm }) => (alarm ? open({ open: "handle-alarm" }) : null),
  },
];

const screen = (name: string, key: string, effect: Effect): Action => ({
  name,
  keys: [key],
  group: "screen",
  effect: () => effect,
});

const SCREEN_ACTIONS: readonly Action[] = [
  screen("palette", "Ctrl+K", open({ open: "palette" })),
  screen("keys", "F1", open({ open: "keys" })),
  screen("next-incident", "j", open({ open: "step", by: 1 })),
  screen("previous-incident", "k", open({ open: "step", by: -1 })),
  screen("go-incidents", "Alt+I", focus("incident-list")),
  screen("go-units", "Alt+U", focus("unit-board")),
  {
    name: "go-noise",
    keys: ["Alt+E"],
    group: "screen",
    effect: ({ roles }) => (may(roles, ["supervisor"]) ? focus("noise-pane") : null),
  },
  screen("map", "Alt+M", open({ open: "map" })),
  screen("language", "Alt+G", open({ open: "language" })),
  {
    name: "accounts",
    keys: ["Alt+A"],
    group: "screen",
    effect: ({ roles }) =>
      may(roles, ["administrator"]) ? open({ open: "address", address: "/admin" }) : null,
  },
  {
    name: "telephone",
    keys: ["Alt+H"],
    group: "screen",
    effect: ({ roles }) =>
      may(roles, ["supervisor", "administrator"]) ? open({ open: "address", address: "/telephone" }) : null,
  },
  {
    name: "sign-off",
    keys: ["Alt+Q"],
    group: "screen",
    effect: ({ phone: { push } }) => (push?.call ? null : open({ open: "sign-off" })),
  },
];

export const ACTIONS: readonly Action[] = [
  ...PHONE_ACTIONS,
  ...GHOST_ACTIONS,
  ...CALL_CONTROL,
  ...REPORT_ACTIONS,
  ...INCIDENT_ACTIONS,
  ...SCREEN_ACTIONS,
];

/** What can be done now, in the order of the list. */
export function available(selection: Selection): { action: Action; effect: Effect }[] {
  return ACTIONS.flatMap((action) => {
    const effect = action.effect(selection);
    return effect ? [{ action, effect }] : [];
  });
}

export function actionNamed(name: string): Action {
  const found = ACTIONS.find((action) => action.name === name);
  if (!found) throw new Error(`no such action: ${name}`);
  return found;
}
