/** All an operator can do. Keys, buttons and palette read this list; a button greys by the same rule. */

import type { Action, Effect, Selection } from "./action";
import { CALL_CONTROL } from "./control";
import { GHOST_ACTIONS } from "./ghost";
import { INCIDENT_ACTIONS } from "./incident";
import { PHONE_ACTIONS } from "./phone";
import { QUEUE_ACTIONS } from "./queue";
import { REPORT_ACTIONS } from "./report";
import { SCREEN_ACTIONS } from "./screen";

export type { Action, Effect, Group, Queued, Selection, Target, WayBack } from "./action";
export { watchedCall } from "./conversation";
export { precedenceEffect, QUEUE_LABELS } from "./queue";
export { DIGITS_MAX, dispatchEffect, engaged } from "./incident";

export const ACTIONS: readonly Action[] = [
  ...PHONE_ACTIONS,
  ...GHOST_ACTIONS,
  ...CALL_CONTROL,
  ...QUEUE_ACTIONS,
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
