/** Texts in Indonesian (first) and English, by key. */

import en from "./en.json";
import id from "./id.json";
import type { Named } from "../types/city";

export type Language = "id" | "en";
export const LANGUAGES: readonly Language[] = ["id", "en"];

const TEXTS: Record<Language, Record<string, string>> = { id, en };
const KEPT_AS = "tahuri.language";

/** The language chosen on this PC; Indonesian until somebody chooses. */
export function keptLanguage(): Language {
  try {
    return localStorage.getItem(KEPT_AS) === "en" ? "en" : "id";
  } catch {
    return "id";
  }
}

export function keepLanguage(language: Language): void {
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // A browser that keeps nothing shows the language until the page is left.
  }
}

/** Whether there is a text of that name. */
export function has(key: string): boolean {
  return key in TEXTS.id;
}

/** The text of `key`, with `{name}` filled in; the key itself if there is no such text. */
export function text(
  language: Language,
  key: string,
  values: Record<string, string | number> = {},
): string {
  const found = TEXTS[language][key] ?? TEXTS.id[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The name of a thing of the city pack; the code where the pack has no name for it. */
export function nameOf(language: Language, things: readonly Named[], code: string | null): string {
  if (code === null) return "";
  const found = things.find((thing) => thing.code === code);
  return (language === "en" ? found?.name_en || found?.name_id : found?.name_id) || code;
}
