/** Texts that change on screen when the language does. */

import type { Problem } from "../core/api";
import { has, keepLanguage, keptLanguage, nameOf, text, type Language } from "../core/i18n";
import type { Named } from "../core/types/city";

const chosen = $state({ language: keptLanguage() });

export function language(): Language {
  return chosen.language;
}

export function setLanguage(next: Language): void {
  chosen.language = next;
  keepLanguage(next);
  document.documentElement.lang = next;
}

export function t(key: string, values?: Record<string, string | number>): string {
  return text(chosen.language, key, values);
}

/** The name of a thing of the city pack in the language of the screen. */
export function n(things: readonly Named[], code: string | null): string {
  return nameOf(chosen.language, things, code);
}

/** The name of a language in the language of the screen; the code where it has none. */
export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames([chosen.language], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** The pack's name of a code, else the text of `family.code`, else the code. */
export function said(things: readonly Named[], family: string, code: string | null): string {
  if (code === null) return "";
  const name = n(things, code);
  if (name !== code) return name;
  const key = `${family}.${code}`;
  return has(key) ? text(chosen.language, key) : code;
}

/** A problem in words. */
export function problemText(problem: Problem): string {
  const why = `problem.${problem.code}.${problem.context?.["reason"] ?? ""}`;
  if (has(why)) return text(chosen.language, why);
  const key = `problem.${problem.code}`;
  if (has(key)) return text(chosen.language, key);
  if (problem.code.endsWith("-unavailable")) return text(chosen.language, "problem.unavailable");
  return problem.detail || text(chosen.language, "problem.other", { code: problem.code });
}
