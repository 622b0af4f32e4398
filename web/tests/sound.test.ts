import { beforeEach, describe, expect, it, vi } from "vitest";

/** A page that counts its tones and lets none out before it is touched. */
function page() {
  const heard = { tones: 0 };
  const activation = { hasBeenActive: false };
  const part = { setValueAtTime: () => undefined, linearRampToValueAtTime: () => undefined, value: 0 };
  class Output {
    state = "running";
    currentTime = 0;
    destination = {};
    createOscillator = () => ({ frequency: part, connect: (to: unknown) => to, start: () => (heard.tones += 1), stop: () => undefined });
    createGain = () => ({ gain: part, connect: (to: unknown) => to });
  }
  vi.stubGlobal("navigator", { userActivation: activation });
  vi.stubGlobal("AudioContext", Output);
  return { heard, activation };
}

const ALARM_TONES = 6;

describe("an alarm", () => {
  beforeEach(() => void vi.resetModules());

  it("that came before the page was touched sounds with the first touch, once", async () => {
    const { heard, activation } = page();
    const { soundAlarm, wakeSound } = await import("../src/core/sound");
    soundAlarm();
    wakeSound();
    expect(heard.tones).toBe(0);
    activation.hasBeenActive = true;
    wakeSound();
    expect(heard.tones).toBe(ALARM_TONES);
    wakeSound();
    expect(heard.tones).toBe(ALARM_TONES);
  });

  it("that was heard is not owed", async () => {
    const { heard, activation } = page();
    const { soundAlarm, wakeSound } = await import("../src/core/sound");
    activation.hasBeenActive = true;
    soundAlarm();
    wakeSound();
    expect(heard.tones).toBe(ALARM_TONES);
  });
});
