/** Who is signed on at this PC. Remembered, so that a console opens while the database is down. */

import { get, request, post, type Result } from "./api";
import { may } from "./rights";
import type { Operator, Role } from "./types/people";

const KEPT_AS = "tahuri.operator";
/** Somebody signed off while the server was away: it is told before anybody else works here. */
const OWED_AS = "tahuri.sign-off-owed";

export interface Session {
  operator: Operator;
  /** The server confirmed it; false while it cannot be asked. */
  confirmed: boolean;
}

function kept(): Operator | null {
  try {
    return JSON.parse(localStorage.getItem(KEPT_AS) ?? "null") as Operator | null;
  } catch {
    return null;
  }
}

/** Who was signed on here last, without asking the server: for a start without a network. */
export const keptOperator = kept;

function keep(operator: Operator | null): void {
  try {
    if (operator) localStorage.setItem(KEPT_AS, JSON.stringify(operator));
    else localStorage.removeItem(KEPT_AS);
  } catch {
    // Without storage the console opens only while the server can confirm the session.
  }
}

function owe(owed: boolean): void {
  try {
    if (owed) localStorage.setItem(OWED_AS, "1");
    else localStorage.removeItem(OWED_AS);
  } catch {
    // The session then ends by its age.
  }
}

function isOwed(): boolean {
  try {
    return localStorage.getItem(OWED_AS) !== null;
  } catch {
    return false;
  }
}

/** The session, the one remembered if the server is out of reach; null when signed off. */
export async function currentSession(): Promise<Session | null> {
  if (isOwed()) {
    await signOff();
    return null;
  }
  const answer = await get<{ operator: Operator }>("/api/session");
  if (answer.ok) {
    keep(answer.value.operator);
    return { operator: answer.value.operator, confirmed: true };
  }
  if (answer.problem.status === 401 || answer.problem.status === 403) {
    keep(null);
    return null;
  }
  const operator = kept();
  return operator ? { operator, confirmed: false } : null;
}

export async function signOn(username: string, password: string): Promise<Result<Operator>> {
  const answer = await post<{ operator: Operator }>("/api/session", { username, password });
  if (!answer.ok) return answer;
  owe(false);
  keep(answer.value.operator);
  return { ok: true, value: answer.value.operator };
}

/** Also without the server, who is told as soon as this PC is used again. */
export async function signOff(): Promise<void> {
  keep(null);
  owe(true);
  const answer = await request("DELETE", "/api/session", {});
  if (answer.ok || answer.problem.status === 401) owe(false);
}

export type Page = "/console" | "/field" | "/admin" | "/telephone";

const PAGES_OF: Record<Role, Page> = {
  call_taker: "/console",
  dispatcher: "/console",
  supervisor: "/console",
  agency_desk: "/console",
  crew: "/field",
  administrator: "/admin",
};

/** The pages that a person's roles work on. */
export function pagesOf({ roles }: Operator): Page[] {
  const pages = new Set(roles.map((role) => PAGES_OF[role]));
  if (may(roles, ["supervisor", "administrator"])) pages.add("/telephone");
  return (["/console", "/field", "/admin", "/telephone"] as const).filter((page) => pages.has(page));
}

/** The page to begin with: the console for who works in the room, else one's own. */
export function homeOf(operator: Operator): Page {
  return pagesOf(operator)[0] ?? "/console";
}
