/** Which units should go to the selected incident: asked for anew whenever it or a unit changes. */

import { get, isPassing, type Result } from "../core/api";
import type { Row } from "../core/types/feed";
import type { IncidentBody, Recommendation } from "../core/types/incident";

/** The server is away: asked again so much later. */
const AGAIN_MS = 3_000;
/** A digit so soon after its unit changed means the unit that stood there before. */
const JUST_MOVED_MS = 700;

type Asking = (path: string) => Promise<Result<Recommendation>>;

export class Recommending {
  /** Of the incident that was asked for last; null before its answer. */
  current = $state.raw<Recommendation | null>(null);
  /** Nothing was answered; what `current` says, if anything, is older. */
  failed = $state(false);
  #incident_id: string | null = null;
  #asked = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  /** When each place of the list got another unit. */
  #moved_at_ms: number[] = [];
  readonly #ask: Asking;

  constructor(ask: Asking = (path) => get<Recommendation>(path)) {
    this.#ask = ask;
  }

  /** Another incident is selected, or none. */
  forget(): void {
    this.#asked += 1;
    clearTimeout(this.#again);
    this.#incident_id = null;
    this.#moved_at_ms = [];
    this.current = null;
    this.failed = false;
  }

  /** Ask for an open incident; an older answer overwrites no newer one. */
  async ask(incident: Row<IncidentBody> | null): Promise<void> {
    if (incident?.body.state !== "open") {
      this.forget();
      return;
    }
    if (incident.key !== this.#incident_id) this.forget();
    this.#incident_id = incident.key;
    clearTimeout(this.#again);
    const asked = ++this.#asked;
    const answer = await this.#ask(`/api/incidents/${incident.key}/recommendation`);
    if (asked !== this.#asked) return;
    this.failed = !answer.ok;
    if (answer.ok) this.#take(answer.value);
    else if (isPassing(answer.problem)) this.#again = setTimeout(() => void this.ask(incident), AGAIN_MS);
  }

  /** Whether another unit has just come to this place of the list. */
  justMoved(at: number): boolean {
    return Date.now() - (this.#moved_at_ms[at] ?? -Infinity) < JUST_MOVED_MS;
  }

  #take(next: Recommendation): void {
    const before = this.current?.units;
    this.current = next;
    if (!before) return;
    next.units.forEach(({ unit_id }, at) => {
      if (before[at] && before[at].unit_id !== unit_id) this.#moved_at_ms[at] = Date.now();
    });
  }
}
