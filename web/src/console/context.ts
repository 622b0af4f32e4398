import { createContext } from "svelte";
import type { Hand } from "./hand.svelte";

/** What the operator has in hand, for every part of the screen. */
export const [getHand, setHand] = createContext<Hand>();
