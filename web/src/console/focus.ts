import { flushSync } from "svelte";
import type { Tab } from "./hand.svelte";

/** Put the cursor there at once: the next key may already be on its way. */
export function focusOn(testid: string, show?: (tab: Tab) => void): void {
  if (testid === "unit-board") show?.("units");
  if (testid === "noise-pane") show?.("noise");
  flushSync();
  const place = document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  const inside = place?.matches("input, textarea, select, button, [tabindex]")
    ? place
    : place?.querySelector<HTMLElement>("input:checked, input, textarea, select, button, [tabindex]");
  inside?.focus();
}
