/** The seat's sound: one WebRTC connection that stays up all shift (a hot seat). */

export type MediaState = "off" | "connecting" | "connected" | "down" | "no-microphone";

/** ICE may recover by itself for so long; then a new connection is made. */
export const MEDIA_RECOVERS_MS = 2_500;

export interface MediaOptions {
  /** Gives the switch our offer and brings its answer. */
  negotiate: (sdp: string) => Promise<string>;
  onState: (state: MediaState) => void;
  /** The browser lets no sound out before the page is touched. */
  onBlocked: (blocked: boolean) => void;
}

/** G.711 A-law and keys only, as the mixer wants it; an empty list where the browser has none. */
function lineCodecs(): RTCRtpCodec[] {
  return (RTCRtpReceiver.getCapabilities("audio")?.codecs ?? []).filter(
    ({ mimeType, clockRate }) => /pcma|telephone-event/i.test(mimeType) && clockRate === 8000,
  );
}

export class SeatMedia {
  state: MediaState = "off";
  readonly #options: MediaOptions;
  readonly #audio: HTMLAudioElement;
  #microphone: MediaStream | null = null;
  #connection: RTCPeerConnection | null = null;
  #muted = false;
  #recovering: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #closed = false;

  constructor(options: MediaOptions) {
    this.#options = options;
    this.#audio = document.createElement("audio");
    this.#audio.autoplay = true;
    this.#audio.hidden = true;
    this.#audio.dataset["testid"] = "caller-audio";
    document.body.append(this.#audio);
    // The browser may hold sound back until the page is touched: any touch will do.
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, this.#play);
    navigator.mediaDevices?.addEventListener?.("devicechange", this.#deviceChanged);
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Make the connection anew; a call that is live goes on with it. Never throws. */
  async connect(): Promise<void> {
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    try {
      await this.#connect();
    } catch {
      if (!this.#closed) this.#tell("down");
    } finally {
      this.#busy = false;
    }
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /** For good: the microphone is let go, also one that is opened only now. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#recovering);
    this.#connection?.close();
    this.#connection = null;
    this.#release();
    this.#audio.remove();
    for (const touch of ["pointerdown", "keydown"]) removeEventListener(touch, this.#play);
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.#deviceChanged);
    this.#tell("off");
  }

  #release(): void {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#recovering);
    this.#tell("connecting");
    const microphone = await this.#open();
    if (this.#closed) {
      this.#release();
      return;
    }
    const [track] = microphone?.getAudioTracks() ?? [];
    if (!microphone || !track) {
      this.#tell("no-microphone");
      return;
    }
    this.#connection?.close();
    const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#connection = connection;
    const transceiver = connection.addTransceiver(track, {
      direction: "sendrecv",
      streams: [microphone],
    });
    transceiver.setCodecPreferences(lineCodecs());
    connection.ontrack = ({ track: heard, streams }) => {
      this.#audio.srcObject = streams[0] ?? new MediaStream([heard]);
      void this.#play();
    };
    connection.onconnectionstatechange = () => this.#watch(connection);
    await connection.setLocalDescription();
    const answer = await this.#options.negotiate(connection.localDescription?.sdp ?? "");
    if (connection !== this.#connection) return;
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  async #open(): Promise<MediaStream | null> {
    const live = this.#microphone?.getAudioTracks().some((track) => track.readyState === "live");
    if (live) return this.#microphone;
    try {
      this.#microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch {
      this.#microphone = null;
      return null;
    }
    for (const track of this.#microphone.getAudioTracks()) {
      track.enabled = !this.#muted;
      track.onended = () => this.#deviceChanged();
    }
    return this.#microphone;
  }

  /** A headset was pulled or plugged in: take what there is now. */
  readonly #deviceChanged = (): void => {
    const live = this.#microphone?.getAudioTracks().some((track) => track.readyState === "live");
    if (!live && this.state !== "off" && !this.#busy) void this.connect();
  };

  #watch(connection: RTCPeerConnection): void {
    if (connection !== this.#connection) return;
    clearTimeout(this.#recovering);
    switch (connection.connectionState) {
      case "connected":
        this.#tell("connected");
        return;
      case "failed":
      case "closed":
        this.#tell("down");
        void this.connect();
        return;
      case "disconnected":
        this.#tell("down");
        this.#recovering = setTimeout(() => void this.connect(), MEDIA_RECOVERS_MS);
        return;
      case "new":
      case "connecting":
        return;
    }
  }

  readonly #play = async (): Promise<void> => {
    if (!this.#audio.srcObject || !this.#audio.paused) return;
    try {
      await this.#audio.play();
      this.#options.onBlocked(false);
    } catch {
      this.#options.onBlocked(true);
    }
  };

  #tell(state: MediaState): void {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state);
  }
}
