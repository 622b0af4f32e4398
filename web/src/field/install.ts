/** Puts the service worker to work and changes to a newer build only while nobody is busy. */

const UPDATE_EVERY_MS = 3_600_000;

/** Without a secure page there is no worker: everything works, but not a start without network. */
export async function installWorker(isIdle: () => boolean): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const registration = await navigator.serviceWorker
    .register("/field-sw.js", { scope: "/field" })
    .catch(() => null);
  if (!registration) return;
  const controlled = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (controlled) location.reload();
  });
  setInterval(() => {
    if (registration.waiting && isIdle()) registration.waiting.postMessage("take-over");
  }, 2_000);
  setInterval(() => void registration.update().catch(() => undefined), UPDATE_EVERY_MS);
}

/** Signed off: the lists, which hold colleagues' names, are not for whoever finds the phone. */
export async function forgetReference(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration("/field").catch(() => undefined);
  registration?.active?.postMessage("forget");
}
