/** Which calls seats are there for: languages and agencies. */

import type { SeatBody } from "./types/room";

/** Offered also while nobody who speaks them sits anywhere: those who call from ships and hotels. */
const USUAL: readonly string[] = ["id", "en"];

type Skilled = Pick<SeatBody, "state" | "desk" | "languages" | "agency_id">;

/** Somebody sits there. */
const isTaken = ({ state }: Skilled): boolean => state !== "free" && state !== "vanished";

/** Languages that can be asked for: the usual ones, those of the seats, and what is asked already. */
export function languagesOf(seats: readonly Skilled[], asked: string | null): string[] {
  const spoken = seats.filter(isTaken).flatMap(({ languages }) => languages ?? []);
  return [...new Set([...USUAL, ...spoken.sort(), ...(asked ? [asked] : [])])];
}

/** How many seats have what is asked, and how many of them could take the call now. */
export function seatsFor(
  seats: readonly Skilled[],
  asked: { language: string | null; agency_id: string | null },
): { all: number; ready: number } {
  const able = seats.filter(
    (seat) =>
      isTaken(seat) &&
      (asked.language === null || (seat.languages ?? []).includes(asked.language)) &&
      (asked.agency_id === null || seat.agency_id === asked.agency_id),
  );
  return { all: able.length, ready: able.filter(({ state }) => state === "ready").length };
}
