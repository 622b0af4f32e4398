/** Service worker of /field: opens the page in a dead spot. See shell.ts for what it may keep. */

import {
  PAGE,
  REFERENCE,
  REFERENCE_CACHE,
  REFERENCE_WAIT_MS,
  shellCache,
  staleCaches,
  wayOf,
  type Shell,
} from "./shell";

/** Put in by build.ts. */
declare const __TAHURI_SHELL__: Shell;
const SHELL: Shell = __TAHURI_SHELL__;

interface Waiting {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Waiting {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Page {
  focus(): Promise<unknown>;
}
interface Worker {
  skipWaiting(): Promise<void>;
  clients: {
    claim(): Promise<void>;
    matchAll(options: object): Promise<Page[]>;
    openWindow(address: string): Promise<unknown>;
  };
  location: Location;
  addEventListener(type: "install" | "activate", listener: (event: Waiting) => void): void;
  addEventListener(type: "fetch", listener: (event: Asked) => void): void;
  addEventListener(type: "message", listener: (event: Waiting & { data: unknown }) => void): void;
  addEventListener(
    type: "notificationclick",
    listener: (event: Waiting & { notification: Notification }) => void,
  ): void;
}
const worker = globalThis as unknown as Worker;

async function install(): Promise<void> {
  const cache = await caches.open(shellCache(SHELL.version));
  // Past the browser's own cache: a shell must not be put together from two builds.
  await cache.addAll(SHELL.files.map((file) => new Request(file, { cache: "reload" })));
}

async function activate(): Promise<void> {
  const stale = staleCaches(await caches.keys(), SHELL.version);
  await Promise.all(stale.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function shell(request: Request): Promise<Response> {
  const cache = await caches.open(shellCache(SHELL.version));
  const kept = await cache.match(new URL(request.url).pathname);
  return kept ?? fetch(request);
}

async function reference(request: Request): Promise<Response> {
  const cache = await caches.open(REFERENCE_CACHE);
  const kept = await cache.match(REFERENCE);
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok) await cache.put(REFERENCE, answer.clone());
    return answer;
  });
  if (!kept) return asked;
  const late = new Promise<Response>((done) => setTimeout(() => done(kept), REFERENCE_WAIT_MS));
  // A server that is up but has no database is no better than a dead network; 401 must get through.
  const fresh = asked.then((answer) => (answer.status >= 500 ? kept : answer)).catch(() => kept);
  return Promise.race([fresh, late]);
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const own = origin === worker.location.origin;
  switch (wayOf(request.method, pathname, own, SHELL.files)) {
    case "shell":
      return event.respondWith(shell(request));
    case "reference":
      return event.respondWith(reference(request));
    case "network":
      return;
  }
});
worker.addEventListener("message", (event) => {
  if (event.data === "take-over") event.waitUntil(worker.skipWaiting());
  if (event.data === "forget") event.waitUntil(caches.delete(REFERENCE_CACHE));
});
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const shown = worker.clients
    .matchAll({ type: "window" })
    .then(([page]) => (page ? page.focus() : worker.clients.openWindow(PAGE)));
  event.waitUntil(shown);
});
