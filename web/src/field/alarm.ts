/** The alert that cannot be missed: siren, vibration, notification. Each part may be missing. */

const SIREN_EVERY_MS = 3_000;
const VIBRATION_MS = [700, 150, 700, 150, 900];
const NOTICE_TAG = "tahuri-alert";

let context: AudioContext | null = null;

function opened(): AudioContext | null {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    return context;
  } catch {
    return null;
  }
}

/** Whether the browser would let a sound out now; phones do only after a touch. */
export function isSoundAwake(): boolean {
  return context?.state === "running";
}

export function wakeSound(): void {
  opened();
}

function tone(at_s: number, length_s: number, from_hz: number, to_hz: number, gain: number): void {
  const output = opened();
  if (!output) return;
  const start = output.currentTime + at_s;
  const voice = output.createOscillator();
  const volume = output.createGain();
  // Square: carries over an engine on the small loudspeaker of a phone.
  voice.type = "square";
  voice.frequency.setValueAtTime(from_hz, start);
  voice.frequency.linearRampToValueAtTime(to_hz, start + length_s);
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(gain, start + 0.02);
  volume.gain.setValueAtTime(gain, start + length_s - 0.03);
  volume.gain.linearRampToValueAtTime(0, start + length_s);
  voice.connect(volume).connect(output.destination);
  voice.start(start);
  voice.stop(start + length_s);
}

function vibrate(pattern: number[]): void {
  try {
    navigator.vibrate?.(pattern);
  } catch {
    // Without a touch the browser refuses; sound and screen are left.
  }
}

function siren(): void {
  for (const at_s of [0, 0.8, 1.6]) {
    tone(at_s, 0.4, 700, 1_400, 0.7);
    tone(at_s + 0.4, 0.35, 1_400, 700, 0.7);
  }
  vibrate(VIBRATION_MS);
}

/** Once, so that the crew knows what will come and how loud it is. */
export function soundTest(): void {
  siren();
}

/** Something new to read: short. */
export function soundNews(): void {
  tone(0, 0.15, 1_000, 1_000, 0.4);
  tone(0.2, 0.2, 1_300, 1_300, 0.4);
  vibrate([200, 100, 200]);
}

/** The connection is lost, or the assignment is over: two falling tones. */
export function soundLoss(): void {
  tone(0, 0.3, 700, 500, 0.4);
  tone(0.4, 0.4, 500, 350, 0.4);
  vibrate([400]);
}

/** Alarm until the answer is called. */
export function startAlarm(title: string, body: string): () => void {
  siren();
  const timer = setInterval(siren, SIREN_EVERY_MS);
  void notify(title, body);
  return () => {
    clearInterval(timer);
    vibrate([]);
    void forgetNotice();
  };
}

/** Ask once, at a press: a page in the background may then still show a notification. */
export function askNotices(): void {
  if (typeof Notification === "undefined" || Notification.permission !== "default") return;
  void Notification.requestPermission().catch(() => undefined);
}

async function worker(): Promise<ServiceWorkerRegistration | null> {
  return (await navigator.serviceWorker?.getRegistration("/field").catch(() => null)) ?? null;
}

async function notify(title: string, body: string): Promise<void> {
  if (document.visibilityState === "visible" || typeof Notification === "undefined") return;
  if (Notification.permission !== "granted") return;
  const options: NotificationOptions & { vibrate?: number[]; renotify?: boolean } = {
    body,
    tag: NOTICE_TAG,
    icon: "/icon-192.png",
    requireInteraction: true,
    renotify: true,
    vibrate: VIBRATION_MS,
  };
  await (await worker())?.showNotification(title, options).catch(() => undefined);
}

async function forgetNotice(): Promise<void> {
  const shown = await (await worker())?.getNotifications({ tag: NOTICE_TAG }).catch(() => []);
  for (const notice of shown ?? []) notice.close();
}

let lock: WakeLockSentinel | null = null;
let wanted = false;

async function holdScreen(): Promise<void> {
  if (!wanted || lock || document.visibilityState !== "visible") return;
  lock = await navigator.wakeLock?.request("screen").catch(() => null) ?? null;
  lock?.addEventListener("release", () => (lock = null));
}

/** Keep the screen lit while on duty: a phone that sleeps does not ring. */
export function keepScreenOn(on: boolean): void {
  wanted = on;
  if (on) void holdScreen();
  else void lock?.release();
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => void holdScreen());
}
