// Somebody who lives: pictures and sound come, sound and texts go. Transport only; the room around it is rooms/live.js.
// docs/live_protocol.md says what passes. From another machine WebRTC where it connects within three seconds, else the
// WebSocket; from this one, or through a tunnel, where WebRTC never connects, the WebSocket at once: nothing is lost on
// the way, so it is the sooner of the two.

import { overSocket } from "./live_socket.js";
import { overWebRtc } from "./live_webrtc.js";

const RTC_PATIENCE_MS = 3000;
const FIRST_PATIENCE_MS = 60000; // somebody new is loaded first
const HERE = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

// A room of one's own: nobody is told of it, and where WebRTC does not connect the WebSocket finds the same person there.
function alone() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return `_${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export class Live extends EventTarget {
  #carrier = null;
  #given;
  #closed = false;

  // into: an element that the picture is put into. target: who lives. room: those who give the same name share the
  // person. transport: "auto", "webrtc" or "websocket". voice: of texts. near: the studio is on this machine.
  constructor({ into, target, room = "", transport = "auto", voice = "", near = HERE }) {
    super();
    this.#given = { into, target, room: room || alone(), voice };
    this.transport = transport;
    this.near = near;
  }

  // Resolves when the first picture is shown; rejects with {received, expected, remedy}. Call it where somebody clicked:
  // browsers let no page make sound before.
  async connect() {
    this.#tell("state", { state: "connecting" });
    const told = (type, detail) => this.#heard(type, detail);
    try {
      const near = this.transport === "auto" && this.near && "VideoDecoder" in window;
      if (this.transport !== "websocket" && !near && "RTCPeerConnection" in window) {
        try {
          this.#carrier = await overWebRtc(this.#given, told, this.transport === "auto" ? RTC_PATIENCE_MS : FIRST_PATIENCE_MS);
        } catch (error) {
          if (this.transport === "webrtc" || error.received) throw error;
        }
      }
      this.#carrier ??= await overSocket(this.#given, told, FIRST_PATIENCE_MS);
    } catch (error) {
      this.#tell("state", { state: "closed" });
      throw error.received ? error : { received: String(error.message ?? error), expected: "a live connection", remedy: "try again" };
    }
    if (this.#closed) this.#carrier.close();
    else this.#tell("state", { state: "live", transport: this.#carrier.name, codec: this.#carrier.codec });
  }

  say(text) { this.#carrier?.send({ type: "say", text, ...(this.#given.voice ? { voice: this.#given.voice } : {}) }); }

  set voice(name) { this.#given.voice = name; }

  // Silent within a frame; what was still to be said is forgotten.
  stop() {
    this.#carrier?.hush();
    this.#carrier?.send({ type: "stop" });
  }

  async microphone(on) { await this.#carrier?.microphone(on); }

  mute(on) { this.#carrier?.mute(on); }

  // {transport, codec, shown, dropped, late_ms, ahead_ms, apart_ms}: pictures shown and never shown; how much later than
  // it was sent a picture comes; how much sound waits; how far picture and sound are apart.
  stats() { return this.#carrier ? { transport: this.#carrier.name, codec: this.#carrier.codec, ...this.#carrier.stats() } : {}; }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#carrier?.close();
    this.#tell("state", { state: "closed" });
  }

  #heard(type, detail) {
    if (type === "lost") {
      if (!this.#closed) this.#tell("error", { received: "a connection that ended", expected: "one that goes on", remedy: "connect again" });
      this.close();
    } else this.#tell(type, detail);
  }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}
