/** Sounds that need no file: a ring and an alarm. Silent where the browser has no sound. */

let context: AudioContext | null = null;
/** An alarm came before the page was touched: it sounds with the first touch. */
let owed = false;

/** Browsers let no sound out before the page is touched, not even after a reload. */
export function isSoundBlocked(): boolean {
  return navigator.userActivation?.hasBeenActive === false;
}

function opened(): AudioContext | null {
  if (isSoundBlocked()) return null;
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    return context;
  } catch {
    return null;
  }
}

/** Any touch of the page wakes the sound. */
export function wakeSound(): void {
  if (opened() === null || !owed) return;
  owed = false;
  soundAlarm();
}

function beep(at_s: number, frequency_hz: number, length_s: number, gain: number): void {
  const output = opened();
  if (!output) return;
  const start = output.currentTime + at_s;
  const tone = output.createOscillator();
  const volume = output.createGain();
  tone.frequency.value = frequency_hz;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(gain, start + 0.02);
  volume.gain.setValueAtTime(gain, start + length_s - 0.04);
  volume.gain.linearRampToValueAtTime(0, start + length_s);
  tone.connect(volume).connect(output.destination);
  tone.start(start);
  tone.stop(start + length_s);
}

const RING_EVERY_MS = 2_000;

/** Ring until the answer is called. */
export function startRinging(): () => void {
  const ring = (): void => {
    for (const at_s of [0, 0.4]) {
      beep(at_s, 880, 0.3, 0.25);
      beep(at_s, 660, 0.3, 0.2);
    }
  };
  ring();
  const timer = setInterval(ring, RING_EVERY_MS);
  return () => clearInterval(timer);
}

const REMIND_EVERY_MS = 10_000;

/** The alarm again and again, until the answer is called. */
export function startReminding(): () => void {
  soundAlarm();
  const timer = setInterval(soundAlarm, REMIND_EVERY_MS);
  return () => clearInterval(timer);
}

/** Once, and loud: nobody has acknowledged. Where the page was not touched yet, with its first touch. */
export function soundAlarm(): void {
  owed = isSoundBlocked();
  for (const at_s of [0, 0.25, 0.5, 1, 1.25, 1.5]) beep(at_s, at_s % 0.5 ? 740 : 1040, 0.2, 0.5);
}
