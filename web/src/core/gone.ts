/** Why a party that was called is not there, in the words of whoever had it called. */
import type { GoneParty } from "./types/phone";

export type GoneWhy = "busy" | "no-answer" | "unknown" | "declined" | "no-sound" | "network" | "broken";

const BUSY = [486, 600];
const UNKNOWN = [404, 410, 484, 604];
const NO_SOUND = [415, 488, 606];

/** From the SIP status where there is one: it says more than the reason. */
export function goneWhy({ reason, status }: Pick<GoneParty, "reason" | "status">): GoneWhy {
  if (reason === "no-answer") return "no-answer";
  if (status === null) return reason === "failed" ? "broken" : "declined";
  if (BUSY.includes(status)) return "busy";
  if (UNKNOWN.includes(status)) return "unknown";
  if (NO_SOUND.includes(status)) return "no-sound";
  return status >= 500 && status < 600 ? "network" : "declined";
}
