import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SeatMedia, type MediaState } from "../src/core/media";

/** A browser whose question for the microphone is answered when the test says so. */
function browser() {
  const connections: object[] = [];
  let answer: () => void = () => undefined;
  const track = { readyState: "live", enabled: true, stop: () => (track.readyState = "ended"), onended: null };
  const stream = { getTracks: () => [track], getAudioTracks: () => [track] };
  const element = { dataset: {}, remove: () => undefined };
  vi.stubGlobal("document", { createElement: () => element, body: { append: () => undefined } });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  vi.stubGlobal("navigator", {
    mediaDevices: { getUserMedia: () => new Promise((done) => (answer = () => done(stream))) },
  });
  vi.stubGlobal(
    "RTCPeerConnection",
    class {
      constructor() {
        connections.push(this);
      }
    },
  );
  return { connections, track, allow: () => answer() };
}

describe("the seat's sound", () => {
  beforeEach(() => void vi.unstubAllGlobals());
  afterEach(() => void vi.unstubAllGlobals());

  it("that was given up while the microphone was asked for leaves no open microphone and no connection", async () => {
    const { connections, track, allow } = browser();
    const states: MediaState[] = [];
    const media = new SeatMedia({
      negotiate: async () => "v=0",
      onState: (state) => states.push(state),
      onBlocked: () => undefined,
    });
    const connecting = media.connect();
    media.close();
    allow();
    await connecting;
    expect(track.readyState).toBe("ended");
    expect(connections).toEqual([]);
    expect(states).toEqual(["connecting", "off"]);
    await media.connect();
    expect(states).toEqual(["connecting", "off"]);
  });
});
