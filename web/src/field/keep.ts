/** What the phone knows, kept for the next start without a network. One record an operator. */

import type { Rows } from "../core/rows";
import { openStore, type Store } from "../core/idb";
import type { Assignment } from "./assignment";

export interface Kept {
  kind: "field";
  operator_id: string;
  rows: ReturnType<Rows["snapshot"]>;
  assignment: Assignment | null;
  /** An assignment that ended without this crew ending it, until they have read so. */
  ended: Assignment | null;
  /** The unit signed on to; null: none. */
  unit_id: string | null;
  /** When the centre was last heard, device clock, ms since 1970. */
  heard_at_ms: number;
}

const keyOf = (operator_id: string): string => `field.${operator_id}`;

const store = (): Store<Kept> => openStore<Kept>("kept");

export async function readKept(operator_id: string, from: Store<Kept> = store()): Promise<Kept | null> {
  const all = await from.all();
  return all.find((kept) => kept.kind === "field" && kept.operator_id === operator_id) ?? null;
}

export async function writeKept(kept: Kept, to: Store<Kept> = store()): Promise<void> {
  await to.put(keyOf(kept.operator_id), kept);
}

/** Signed off: nobody else's eyes on it. */
export async function forgetKept(operator_id: string, from: Store<Kept> = store()): Promise<void> {
  await from.remove(keyOf(operator_id));
}

const draftKey = (operator_id: string, incident_id: string): string =>
  `tahuri.field.note.${operator_id}.${incident_id}`;

/** The note being typed about an incident: kept at each keystroke. */
export function readNote(operator_id: string, incident_id: string): string {
  try {
    return localStorage.getItem(draftKey(operator_id, incident_id)) ?? "";
  } catch {
    return "";
  }
}

export function keepNote(operator_id: string, incident_id: string, text: string): void {
  try {
    const key = draftKey(operator_id, incident_id);
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // A browser that keeps nothing: the text stands in the page until it is closed.
  }
}
