/** What the page says to the centre, kept until the centre has it: a dead spot loses no word. */

export type Word = "call-me" | "cannot-speak" | "no-longer-needed" | "text" | "location";

export interface PageState {
  state: "waiting" | "calling" | "reached" | "closed";
  city: string;
  number: string;
  lost_at: string | null;
  now: string;
  expires_at: string;
  wish: Word | null;
  texts: number;
  located_at: string | null;
  left: number;
}

export interface Body {
  word: Word;
  text?: string;
  lat?: number;
  lon?: number;
  accuracy_m?: number;
}

interface Said {
  /** The same whenever it is sent again: it counts once. */
  key: string;
  body: Body;
  /** Milliseconds, by this telephone's clock. */
  at: number;
}

/** `gone`: the link is unknown or no longer good; `full`: it has said all that one link may say. */
export type Reach = "unknown" | "ok" | "offline" | "gone" | "full";

type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const PATH = "/api/caller";
const WITHIN_MS = 15_000;
const AGAIN_MS = [2_000, 4_000, 8_000, 15_000, 30_000];
const AGE_S_MAX = 7 * 86_400;

function key(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class CallerLine {
  state: PageState | null = null;
  reach: Reach = "unknown";
  /** Texts that the centre refused; the page gives them back to who wrote them. */
  returned: string[] = [];
  #waiting: Said[] = [];
  #sending = false;
  #tries = 0;
  /** Counts answers to words: a look that began before one of them knows less. */
  #answers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #name: string;

  constructor(
    readonly token: string,
    readonly store: Kept,
    readonly ask: typeof fetch,
    readonly changed: () => void,
  ) {
    this.#name = `tahuri.caller.${token.slice(0, 8)}`;
    this.#waiting = this.#kept();
  }

  /** Words that the centre does not have yet, oldest first. */
  get waiting(): readonly Body[] {
    return this.#waiting.map(({ body }) => body);
  }

  /** Say something; it is sent now, or as soon as there is a network. */
  say(body: Body): void {
    const said = { key: key(), body, at: Date.now() };
    this.#waiting.push(said);
    this.#keep([...this.#kept(), said]);
    this.changed();
    void this.send();
  }

  /** Forget what was not sent: somebody looks at this telephone. */
  forget(): void {
    this.#waiting = [];
    this.#keep([]);
  }

  /** Send what waits, in its order. */
  async send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        if (!(await this.#post(next))) break;
      }
    } finally {
      this.#sending = false;
      this.changed();
    }
  }

  /** Ask how things stand. */
  async look(): Promise<void> {
    this.#adopt();
    if (this.#waiting.length > 0) return this.send();
    const answers = this.#answers;
    const answer = await this.#asked("GET");
    const state = await stateIn(answer);
    if (answers !== this.#answers) return;
    if (state) {
      this.reach = "ok";
      this.#tries = 0;
      this.state = state;
    } else {
      this.reach = answer?.status === 404 ? "gone" : "offline";
    }
    this.changed();
  }

  async #post(said: Said): Promise<boolean> {
    const age_s = Math.min(AGE_S_MAX, Math.max(0, (Date.now() - said.at) / 1000));
    const answer = await this.#asked("POST", said.key, JSON.stringify({ ...said.body, age_s }));
    const state = await stateIn(answer);
    if (answer === null || answer.status >= 500 || answer.status === 408 || (answer.ok && state === null)) {
      this.reach = "offline";
      this.#timer = setTimeout(() => void this.send(), AGAIN_MS[Math.min(this.#tries++, AGAIN_MS.length - 1)]);
      return false;
    }
    this.#tries = 0;
    this.#answers += 1;
    this.#waiting = this.#waiting.filter((one) => one !== said);
    this.#keep(this.#kept().filter((one) => one.key !== said.key));
    if (state) {
      this.reach = "ok";
      this.state = state;
      return true;
    }
    this.reach = answer.status === 404 ? "gone" : answer.status === 429 ? "full" : this.reach;
    if (said.body.text !== undefined) this.returned.push(said.body.text);
    return true;
  }

  async #asked(method: string, idempotency?: string, body?: string): Promise<Response | null> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (idempotency) {
      headers["Idempotency-Key"] = idempotency;
      headers["Content-Type"] = "application/json";
    }
    try {
      return await this.ask(PATH, { method, headers, body: body ?? null, cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
    } catch {
      return null;
    }
  }

  /** Words of another window of the same link, which may be closed by now: sent twice they count once. */
  #adopt(): void {
    const known = new Set(this.#waiting.map((said) => said.key));
    this.#waiting.push(...this.#kept().filter((said) => !known.has(said.key)));
  }

  /** What is stored; all windows of the link share it. */
  #kept(): Said[] {
    try {
      const found: unknown = JSON.parse(this.store.getItem(this.#name) ?? "[]");
      return Array.isArray(found) ? (found as Said[]) : [];
    } catch {
      return []; // Storage is switched off or broken: words are kept for as long as the page is open.
    }
  }

  #keep(words: Said[]): void {
    try {
      if (words.length === 0) this.store.removeItem(this.#name);
      else this.store.setItem(this.#name, JSON.stringify(words));
    } catch {
      // As above.
    }
  }
}

/** How things stand; null without an answer, and for one that is not the centre's: a network's page to sign in. */
async function stateIn(answer: Response | null): Promise<PageState | null> {
  if (!answer?.ok) return null;
  const found = (await answer.json().catch(() => null)) as PageState | null;
  return typeof found?.state === "string" ? found : null;
}
