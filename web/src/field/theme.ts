/** Light in the sun, dark at night: as the phone says, or as the crew chooses. */

export type Theme = "auto" | "day" | "night";
export const THEMES: readonly Theme[] = ["auto", "day", "night"];
const KEPT_AS = "tahuri.field.theme";

export function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    return kept === "day" || kept === "night" ? kept : "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(KEPT_AS, theme);
  } catch {
    // A browser that keeps nothing goes by the phone's own setting at the next start.
  }
}
