/** When to tell a crew that no dispatch can come in: once for each silence that lasts. */

export const SILENCE_TOLD_AFTER_MS = 30_000;

export class Silence {
  #since_ms: number | null = null;
  #told = false;

  begin(now_ms: number): void {
    this.#since_ms ??= now_ms;
  }

  end(): void {
    this.#since_ms = null;
    this.#told = false;
  }

  /** True once, when it has lasted too long. */
  isNews(now_ms: number): boolean {
    if (this.#since_ms === null || this.#told) return false;
    this.#told = now_ms - this.#since_ms >= SILENCE_TOLD_AFTER_MS;
    return this.#told;
  }
}
