// The WebSocket's way: packets are decoded here, and pictures follow the clock of the sound that is heard.

import { Microphone } from "./live_microphone.js";
import { SoundClock } from "./live_clock.js";
import { pictureDecoder, codecAtHand } from "./live_pictures.js";

const VIDEO = 1;
const SEEN_EVERY_MS = 250;
const LATE_KEPT = 75; // pictures, three seconds: sound waits as long as nine of ten of them need
const BEHIND_S = 0.05; // a picture that is later is left out where another has come

export async function overSocket(given, told, patienceMs) {
  const codec = await codecAtHand();
  const words = new URLSearchParams({ target: given.target, room: given.room, codec, paced: "1", rate_hz: "16000" });
  if (given.voice) words.set("voice", given.voice);
  const address = new URL(`v1/live?${words}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const carrier = new Carrier(socket, given.into, codec, told);
  try {
    await carrier.first(patienceMs);
  } catch (error) {
    carrier.close();
    throw error;
  }
  return carrier;
}

class Carrier {
  name = "websocket";
  #socket; #told; #clock = new SoundClock(); #canvas; #pen; #decoder = null; #waiting = []; #shownS = -1; #passedS = 0;
  #counts = { shown: 0, dropped: 0 }; #late = []; #apartS = 0; #begin; #closed = false; #microphone = null; #timer; #into;

  constructor(socket, into, codec, told) {
    this.codec = codec;
    this.#socket = socket;
    this.#told = told;
    this.#into = into;
    this.#canvas = document.createElement("canvas");
    this.#canvas.className = "live-picture";
    this.#pen = this.#canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.#begin = new Promise((resolve, reject) => { this.shownFirst = resolve; this.failed = reject; });
    socket.onmessage = (event) => (typeof event.data === "string" ? this.#event(JSON.parse(event.data)) : this.#packet(event.data));
    socket.onclose = () => { this.failed(new Error("the connection ended")); if (!this.#closed) this.#told("lost"); };
    this.#timer = setInterval(() => this.#seen(), SEEN_EVERY_MS);
    requestAnimationFrame(() => this.#draw());
  }

  async first(patienceMs) {
    const timer = setTimeout(() => this.failed(new Error("no picture came")), patienceMs);
    try { await this.#begin; } finally { clearTimeout(timer); }
  }

  send(message) { this.#say(message); }

  hush() { this.#clock.hush(Infinity); }

  mute(on) { this.#clock.mute(on); }

  async microphone(on) {
    this.#microphone?.close();
    this.#microphone = null;
    if (on) this.#microphone = await Microphone.open((samples) => {
      if (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < 64000) this.#socket.send(samples);
    });
  }

  stats() {
    return {
      ...this.#counts, late_ms: Math.round(1000 * middle(this.#late)), ahead_ms: Math.round(1000 * this.#clock.aheadS),
      apart_ms: Math.round(1000 * this.#apartS),
    };
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#microphone?.close();
    this.#socket.close();
    this.#decoder?.close();
    for (const picture of this.#waiting) picture.image.close();
    this.#waiting = [];
    this.#clock.close();
    this.#canvas.remove();
  }

  #say(message) { if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message)); }

  #seen() {
    const timeS = Math.max(this.#shownS, this.#passedS);
    if (timeS > 0) this.#say({ type: "seen", time_s: timeS });
  }

  #event(event) {
    if (event.type === "hello") {
      this.#canvas.width = event.width;
      this.#canvas.height = event.height;
      this.#into.append(this.#canvas);
      this.#decoder = pictureDecoder(event, (image, timeS) => this.#decoded(image, timeS));
      this.#clock.open(event.sound_hz).catch(() => {}); // without sound the pictures go by the time of day
    } else if (event.type === "stopped") {
      this.#clock.hush(event.time_s);
    } else if (event.type === "error") {
      this.failed(event.error);
      this.#told("error", event.error);
    } else if (event.type === "speaking") {
      this.#told("speaking", { speaking: event.speaking });
    }
  }

  #packet(data) {
    const head = new DataView(data);
    const timeS = head.getFloat64(8, true);
    if (head.getUint8(0) === VIDEO) {
      if (!this.#decoder?.take(new Uint8Array(data, 16), timeS, (head.getUint8(1) & 1) === 1)) this.#passedS = timeS;
    } else this.#clock.take(new Int16Array(data, 16), timeS);
  }

  #decoded(image, timeS) {
    const late = this.#clock.arrivedS - timeS; // behind the newest sound
    this.#late.push(late);
    if (this.#late.length > LATE_KEPT) this.#late.shift();
    this.#clock.wantAhead(high(this.#late));
    this.#waiting.push({ image, timeS });
    if (this.#waiting.length > 50) this.#forget(this.#waiting.shift()); // the page is not drawn: in another tab
  }

  #draw() {
    if (this.#closed) return;
    requestAnimationFrame(() => this.#draw());
    const now = this.#clock.nowS();
    let found = null;
    while (this.#waiting.length && (this.#waiting[0].timeS <= now + 0.008 || this.#shownS < 0)) {
      if (found) this.#forget(found);
      found = this.#waiting.shift();
      if (now - found.timeS < BEHIND_S) break; // two that are due are shown one after the other, none is left out
    }
    if (!found) return;
    this.#pen.drawImage(found.image, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#shownS = found.timeS;
    this.#apartS = now - found.timeS;
    this.#counts.shown += 1;
    found.image.close();
    this.#told("picture", { time_s: found.timeS, now_s: now });
    this.shownFirst();
  }

  #forget(picture) {
    picture.image.close();
    this.#counts.dropped += 1;
    this.#passedS = picture.timeS; // it is behind us too: the studio need not wait until it is seen
  }
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const middle = (values) => (values.length ? sorted(values)[values.length >> 1] : 0);
const high = (values) => sorted(values)[Math.floor(0.9 * (values.length - 1))];
