/** Names of keys, such as `F2`, `Alt+1`, `Ctrl+Enter`, `d`. */

/** The name of the key that was pressed; null for a modifier alone. */
export function keyName(event: Pick<KeyboardEvent, "key" | "code" | "altKey" | "ctrlKey" | "metaKey">): string | null {
  if (["Alt", "Control", "Shift", "Meta", "AltGraph", "CapsLock", "Dead"].includes(event.key)) return null;
  let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // With Alt some keyboards make other signs: the key's place tells which was meant.
  if (event.altKey && /^(Key|Digit)/.test(event.code)) key = event.code.replace(/^(Key|Digit)/, "").toLowerCase();
  const named = key.length === 1 && (event.altKey || event.ctrlKey) ? key.toUpperCase() : key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${named}`;
}

/** Whether the key also works while somebody types: it writes nothing. */
export function worksWhileTyping(key: string): boolean {
  return /^(F\d+|Ctrl\+.+|Alt\+.+)$/.test(key);
}

/** Whether keys pressed here are text, or a choice, for the element itself. */
export function takesText(element: Element | null): boolean {
  return element !== null && element.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}
