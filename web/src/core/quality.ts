import type { LineView, LineVerdict } from "./types/call";

const ORDER: readonly LineVerdict[] = ["good", "fair", "bad"];

/** The worst verdict of a call's lines; null while none can be judged. */
export function worstLine(lines: readonly Pick<LineView, "verdict">[]): LineVerdict | null {
  let worst = -1;
  for (const line of lines) worst = Math.max(worst, ORDER.indexOf(line.verdict));
  return ORDER[worst] ?? null;
}

/** What the call taker should do while the caller's line is bad: text key by the worse direction. */
export function callerHint(lines: readonly LineView[]): "line.hint" | "line.hint_their" | null {
  const caller = lines.find(({ leg }) => leg === "caller");
  if (caller?.verdict !== "bad") return null;
  return (caller.their_mos ?? caller.mos) < caller.mos ? "line.hint_their" : "line.hint";
}

/** A line's figures as texts for a sentence; a dash stands for what the far end did not tell. */
export function lineFigures(line: LineView): Record<"mos" | "loss" | "jitter" | "rtt" | "their", string> {
  return {
    mos: line.mos.toFixed(1),
    loss: percent(line.loss),
    jitter: String(Math.round(line.jitter_ms)),
    rtt: line.rtt_ms === null ? "–" : String(Math.round(line.rtt_ms)),
    their: line.their_loss === null ? "–" : percent(line.their_loss),
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
