/** What just happened, in a word or two, and the way back where there is one. */

import type { Problem } from "../core/api";

const TOAST_MS = 9_000;
/** Whoever talks with a caller looks up late: what did not happen stays longer. */
const REFUSED_MS = 30_000;
const TOASTS_MAX = 3;

export interface Toast {
  id: number;
  /** A key of the texts and what fills it. */
  text: string;
  values: Record<string, string>;
  problem: Problem | null;
  undo: (() => void) | null;
  /** A newer one about the same takes its place. */
  about: string | null;
}

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #count = 0;

  say(
    text: string,
    values: Record<string, string> = {},
    problem: Problem | null = null,
    undo: (() => void) | null = null,
    about: string | null = null,
  ): void {
    const toast = { id: ++this.#count, text, values, problem, undo, about };
    const others = this.list.filter((one) => about === null || one.about !== about);
    this.list = [...others, toast].slice(-TOASTS_MAX);
    setTimeout(() => this.hush(toast.id), problem ? REFUSED_MS : TOAST_MS);
  }

  /** `what`, a text, was not done, and why. */
  refuse(problem: Problem, what = ""): void {
    this.say("toast.refused", { what }, problem);
  }

  hush(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** The newest one that has a way back: one key goes it. */
  get undoable(): Toast | null {
    return this.list.findLast(({ undo }) => undo !== null) ?? null;
  }

  undo({ id, undo }: Toast): void {
    this.hush(id);
    undo?.();
  }
}
