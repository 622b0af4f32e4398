/** Accounts as the server lists them, and what of one is sent after somebody typed. */

import type { Problem } from "../core/api";
import type { Role } from "../core/types/people";

export interface Account {
  operator_id: string;
  username: string;
  name: string;
  roles: Role[];
  agency_id: string | null;
  unit_id: string | null;
  active: boolean;
  /** Codes such as `id` or `en`. */
  languages?: string[];
}

export interface Typed {
  username: string;
  name: string;
  password: string;
  roles: Role[];
  agency_id: string;
  unit_id: string;
  /** Codes with spaces or commas between them. */
  languages: string;
}

export const ROLES: readonly Role[] = [
  "call_taker",
  "dispatcher",
  "supervisor",
  "agency_desk",
  "crew",
  "administrator",
];

export function typedOf(account: Account | null): Typed {
  return {
    username: account?.username ?? "",
    name: account?.name ?? "",
    password: "",
    roles: [...(account?.roles ?? [])],
    agency_id: account?.agency_id ?? "",
    unit_id: account?.unit_id ?? "",
    languages: (account?.languages ?? []).join(" "),
  };
}

/** The body of `POST /api/accounts`. */
export function newAccount(typed: Typed) {
  return {
    username: typed.username.trim().toLowerCase(),
    name: typed.name.trim(),
    password: typed.password,
    roles: typed.roles,
    agency_id: typed.agency_id || null,
    unit_id: typed.unit_id || null,
    languages: typed.languages.toLowerCase().split(/[\s,]+/).filter(Boolean),
  };
}

/** The body of `POST /api/accounts/{id}`: only what differs; empty if nothing does. */
export function changesOf(account: Account, typed: Typed): Record<string, unknown> {
  const { username: _username, password, ...rest } = newAccount(typed);
  const changed = Object.entries(rest).filter(
    ([field, value]) =>
      JSON.stringify(value) !== JSON.stringify({ languages: [], ...account }[field as keyof Account]),
  );
  return { ...Object.fromEntries(changed), ...(password ? { password } : {}) };
}

/** Accounts that match every word, active ones first. */
export function shownOf(accounts: readonly Account[], words: string, closedToo: boolean): Account[] {
  const wanted = words.toLowerCase().split(/\s+/);
  return accounts
    .filter(({ active }) => active || closedToo)
    .filter(({ username, name, agency_id, unit_id, roles }) => {
      const text = [username, name, agency_id, unit_id, ...roles].join(" ").toLowerCase();
      return wanted.every((word) => text.includes(word));
    })
    .sort((a, b) => Number(b.active) - Number(a.active) || a.username.localeCompare(b.username));
}

/** Text keys of what is wrong, by field; the server says it in English for programs. */
export function faultsOf(problem: Problem | null): Record<string, string> {
  const faults = (problem?.errors ?? []).map(({ field, message }) => [
    field,
    message === "taken" ? "admin.fault.taken" : `admin.fault.${field}`,
  ]);
  return Object.fromEntries(faults) as Record<string, string>;
}
