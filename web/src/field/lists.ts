/** The city's lists as a crew needs them. */

import { get } from "../core/api";
import { referenceOf, type Reference } from "../core/reference";

export interface Lists {
  reference: Reference;
  /** Kinds of units that carry patients. */
  carriers: ReadonlySet<string>;
}

interface Kinds {
  unit_kinds?: { code: string; carries_patients?: boolean }[];
}

export function listsOf(answer: unknown): Lists {
  const kinds = (answer as Kinds | null)?.unit_kinds ?? [];
  const carriers = kinds.filter((kind) => kind.carries_patients).map((kind) => kind.code);
  return { reference: referenceOf(answer), carriers: new Set(carriers) };
}

/** The lists; null while they cannot be had. */
export async function loadLists(): Promise<Lists | null> {
  const answer = await get<unknown>("/api/reference");
  return answer.ok ? listsOf(answer.value) : null;
}
