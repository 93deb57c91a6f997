// WebRTC's way: the browser decodes, keeps time and evens out the network. It connects on one machine and in one network;
// no server of anybody's is asked for a way through a router.

import { post } from "./api.js";

const GATHERED_MS = 800; // addresses of this machine are known at once; more come from nowhere

export async function overWebRtc(given, told, patienceMs) {
  const carrier = new Carrier(given, told);
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("no picture came")), patienceMs); });
  try {
    await Promise.race([carrier.connect(), late]);
  } catch (error) {
    carrier.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return carrier;
}

class Carrier {
  name = "webrtc";
  codec = "";
  #given; #told; #peer = new RTCPeerConnection({ iceServers: [] }); #video = document.createElement("video"); #channel; #sender;
  #microphone = null; #failed; #broken; #closed = false; #waiting = []; #counts = { shown: 0, dropped: 0 }; #late = 0; #presented = 0;

  constructor(given, told) {
    this.#given = given;
    this.#told = told;
    Object.assign(this.#video, { className: "live-picture", autoplay: true, playsInline: true });
    this.#broken = new Promise((_, reject) => { this.#failed = reject; });
    this.#broken.catch(() => {});
    this.#peer.onconnectionstatechange = () => this.#changed();
    const stream = new MediaStream();
    this.#peer.ontrack = ({ track, receiver }) => {
      stream.addTrack(track);
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      this.#video.srcObject = stream;
    };
    this.#channel = this.#peer.createDataChannel("live");
    this.#channel.onopen = () => { for (const text of this.#waiting.splice(0)) this.#channel.send(text); };
    this.#channel.onmessage = ({ data }) => this.#event(JSON.parse(data));
  }

  async connect() {
    this.#peer.addTransceiver("video", { direction: "recvonly" });
    this.#sender = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    await this.#peer.setLocalDescription();
    await this.#gathered();
    const { sdp, type } = this.#peer.localDescription;
    const { target, room, voice } = this.#given;
    const asked = { sdp, type, target, room, ...(voice ? { voice } : {}) };
    const answer = await Promise.race([post("/v1/live/offer", asked), this.#broken]);
    await this.#peer.setRemoteDescription(answer);
    this.#given.into.append(this.#video);
    this.#video.play().catch(() => { this.#video.muted = true; this.#video.play().catch(() => {}); });
    await Promise.race([this.#firstPicture(), this.#broken]);
    this.codec = await this.#codecName();
  }

  send(message) {
    const text = JSON.stringify(message);
    if (this.#channel.readyState === "open") this.#channel.send(text);
    else this.#waiting.push(text);
  }

  // What the browser holds of sound is a few milliseconds: nothing to hush here.
  hush() {}

  mute(on) { this.#video.muted = on; }

  async microphone(on) {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
    if (!on) { await this.#sender.replaceTrack(null); return; }
    try {
      this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      throw { received: `a microphone that gives nothing (${error.name})`, expected: "one, and the permission to hear it", remedy: "allow it beside the page's address" };
    }
    await this.#sender.replaceTrack(this.#microphone.getAudioTracks()[0]);
  }

  stats() {
    return { ...this.#counts, late_ms: this.#late, ahead_ms: this.#late, apart_ms: 0 };
  }

  close() {
    this.#closed = true;
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#channel.close();
    this.#peer.close();
    this.#video.srcObject = null;
    this.#video.remove();
  }

  async #gathered() {
    if (this.#peer.iceGatheringState === "complete") return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHERED_MS);
      this.#peer.addEventListener("icegatheringstatechange", () => {
        if (this.#peer.iceGatheringState === "complete") { clearTimeout(timer); resolve(); }
      });
    });
  }

  #firstPicture() {
    return new Promise((resolve) => {
      const shown = (now, metadata) => {
        this.#counts.dropped += this.#counts.shown ? metadata.presentedFrames - this.#presented - 1 : 0;
        this.#presented = metadata.presentedFrames;
        this.#counts.shown += 1;
        this.#told("picture", { time_s: metadata.mediaTime, now_s: metadata.mediaTime });
        resolve();
        if (!this.#closed) this.#video.requestVideoFrameCallback(shown);
      };
      if (this.#video.requestVideoFrameCallback) this.#video.requestVideoFrameCallback(shown);
      else this.#video.addEventListener("playing", () => resolve(), { once: true });
    });
  }

  async #codecName() {
    for (const report of (await this.#peer.getStats()).values()) {
      if (report.type === "codec" && report.mimeType.startsWith("video/")) return report.mimeType.slice(6).toLowerCase();
    }
    return "";
  }

  #event(event) {
    if (event.type === "speaking") this.#told("speaking", { speaking: event.speaking });
    else if (event.type === "error") this.#told("error", event.error);
    else if (event.type === "delay") this.#late = Math.round(1000 * event.delay_s);
    else if (event.type === "ended") this.#lost();
  }

  #changed() {
    if (["failed", "closed", "disconnected"].includes(this.#peer.connectionState)) this.#lost();
  }

  #lost() {
    this.#failed(new Error("it does not connect"));
    if (!this.#closed) this.#told("lost");
  }
}
