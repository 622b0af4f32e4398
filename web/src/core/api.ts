/** HTTP to the centre's own server: JSON in, JSON or a problem (RFC 9457) out. */

export const REQUEST_TIMEOUT_MS = 10_000;

/** Why a request failed, as the server puts it; `unavailable` also stands for a dead network. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string | null;
  errors: { field: string; message: string }[];
  /** Whatever else the refusal names, such as the unit. */
  context: Record<string, unknown>;
}

export type Result<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export const UNAVAILABLE: Problem = {
  status: 0,
  code: "unavailable",
  title: "",
  detail: null,
  errors: [],
  context: {},
};

const RETRIED_STATUSES: ReadonlySet<number> = new Set([0, 408, 425, 429, 502, 503, 504]);

/** Whether the same request may succeed later without anybody changing it. */
export function isPassing(problem: Problem): boolean {
  return RETRIED_STATUSES.has(problem.status);
}

/** The problem in an answer's body; one made up from the status if the body is no problem. */
export function problemOf(status: number, body: unknown): Problem {
  const { code, title, detail, errors, type: _type, status: _status, ...context } = (
    typeof body === "object" && body !== null ? body : {}
  ) as Record<string, unknown>;
  return {
    status,
    code: typeof code === "string" ? code : status === 401 ? "signed-out" : `http-${status}`,
    title: typeof title === "string" ? title : "",
    detail: typeof detail === "string" ? detail : null,
    errors: Array.isArray(errors) ? (errors as Problem["errors"]) : [],
    context,
  };
}

/** A name nobody else makes: 128 bits of chance, in hexadecimal; also works off secure pages. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** Send one request; never throws. An answer without a body gives null. */
export async function request<T>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  idempotencyKey?: string,
  send: Fetch = (input, init) => fetch(input, init),
): Promise<Result<T>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
  let answer: Response;
  let text: string;
  try {
    answer = await send(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    text = await answer.text();
  } catch {
    return { ok: false, problem: UNAVAILABLE };
  }
  let parsed: unknown = null;
  try {
    parsed = text === "" ? null : JSON.parse(text);
  } catch {
    if (answer.ok) return { ok: false, problem: { ...UNAVAILABLE, code: "not-json", status: 502 } };
  }
  if (!answer.ok) return { ok: false, problem: problemOf(answer.status, parsed) };
  return { ok: true, value: parsed as T };
}

export const get = <T>(path: string): Promise<Result<T>> => request<T>("GET", path);
export const put = <T>(path: string, body: unknown): Promise<Result<T>> =>
  request<T>("PUT", path, body);
export const remove = <T>(path: string): Promise<Result<T>> => request<T>("DELETE", path);
/** A command sent once and not kept: use the outbox for what must not be lost. */
export const post = <T>(path: string, body: unknown): Promise<Result<T>> =>
  request<T>("POST", path, body, newKey());
