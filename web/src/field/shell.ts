/** What the service worker may keep: the page itself and the reference lists. Nothing else. Pure. */

export const PAGE = "/field";
export const REFERENCE = "/api/reference";
/** Beyond this the reference kept on the phone is used; a newer one is taken for the next start. */
export const REFERENCE_WAIT_MS = 4_000;
/** Lists of the city: one for all builds, so that an update does not lose them. */
export const REFERENCE_CACHE = "tahuri-field-reference";
const SHELL_CACHE = "tahuri-field-shell-";

export interface Shell {
  /** Hash of everything built. */
  version: string;
  files: string[];
}

export type Way = "shell" | "reference" | "network";

export function shellCache(version: string): string {
  return SHELL_CACHE + version;
}

/** Which kept caches belong to builds that are gone. */
export function staleCaches(names: readonly string[], version: string): string[] {
  return names.filter((name) => name.startsWith(SHELL_CACHE) && name !== shellCache(version));
}

/** How a request is answered. The feed, assignments and everything of persons: by the network only. */
export function wayOf(method: string, path: string, ownOrigin: boolean, files: readonly string[]): Way {
  if (method !== "GET" || !ownOrigin) return "network";
  if (path === REFERENCE) return "reference";
  return files.includes(path) ? "shell" : "network";
}
