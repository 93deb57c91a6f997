// The clock that pictures and sound share: the instant of the sample that is heard now. Sound waits a little, for the
// picture of an instant comes later than its sound; how much, pictures tell (`wantAhead`).

const LEAST_AHEAD_S = 0.08;
const MOST_AHEAD_S = 0.6; // a conversation with longer pauses is none: then pictures come behind their sound
const LEAST_WAITING_S = 0.04; // two pieces: fewer, and each that is a little late would be missed
const DOWN = 0.03; // of what sound waits too long, after one picture more

export class SoundClock {
  #context = null; #node = null; #gain = null; #rate = 16000; #aheadS = 0.3; #report = null; #arrivedS = 0; #arrivedAt = 0;
  #early = []; #scheduled = null; #hushS = 0; #muted = false;

  async open(rate) {
    this.#rate = rate;
    this.#context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.#gain = this.#context.createGain();
    this.#gain.gain.value = this.#muted ? 0 : 1;
    this.#gain.connect(this.#context.destination);
    this.#context.resume().catch(() => {}); // somebody has to click first: until then the time of day counts
    if (this.#context.audioWorklet) {
      await this.#context.audioWorklet.addModule(new URL("live_sound.js", import.meta.url));
      this.#node = new AudioWorkletNode(this.#context, "live-sound", { numberOfInputs: 0, outputChannelCount: [1] });
      this.#node.connect(this.#gain);
      this.#node.port.onmessage = ({ data }) => { this.#report = { ...data, at: this.#context.currentTime }; };
      this.#node.port.postMessage({ ahead_s: this.#waitingS });
    } else this.#scheduled = new Scheduled(this.#context, this.#gain, rate);
    for (const [samples, timeS] of this.#early) this.#give(samples, timeS);
    this.#early = [];
  }

  // samples: Int16Array. timeS: of the first.
  take(samples, timeS) {
    this.#arrivedS = timeS + samples.length / this.#rate;
    this.#arrivedAt = performance.now();
    if (this.#node || this.#scheduled) this.#give(samples, timeS);
    else if (this.#early.length < 50) this.#early.push([samples, timeS]);
  }

  // The instant of the newest sound that has come, going on with the time of day between two pieces.
  get arrivedS() { return this.#arrivedS + Math.min(0.2, (performance.now() - this.#arrivedAt) / 1000); }

  get aheadS() { return this.#sounding() ? Math.max(0, this.arrivedS - this.nowS()) : this.#aheadS; }

  nowS() {
    if (!this.#sounding()) return this.arrivedS - this.#aheadS;
    const { time_s: timeS, at } = this.#report;
    const since = Math.min(this.#context.currentTime - at, 0.2);
    return timeS + since - this.#latencyS;
  }

  wantAhead(seconds) {
    const wanted = Math.min(MOST_AHEAD_S, Math.max(LEAST_AHEAD_S, seconds));
    // Up at once, down slowly: a picture that comes too late is worse than sound a little later.
    this.#aheadS = wanted > this.#aheadS ? wanted : this.#aheadS + DOWN * (wanted - this.#aheadS);
    this.#node?.port.postMessage({ ahead_s: this.#waitingS });
    if (this.#scheduled) this.#scheduled.aheadS = this.#waitingS;
  }

  // Sound before that instant is not heard any more; Infinity: until it is known which.
  hush(untilS) {
    this.#hushS = untilS;
    this.#node?.port.postMessage({ hush_s: untilS });
    if (this.#scheduled) this.#scheduled.hush(untilS);
  }

  mute(on) {
    this.#muted = on;
    if (this.#gain) this.#gain.gain.value = on ? 0 : 1;
  }

  close() { this.#context?.close().catch(() => {}); }

  // From the page to the ear; the rest of what sound is ahead waits here.
  get #latencyS() { return this.#context?.outputLatency || this.#context?.baseLatency || 0; }

  get #waitingS() { return Math.max(LEAST_WAITING_S, this.#aheadS - this.#latencyS); }

  #sounding() {
    if (this.#scheduled) this.#report = this.#scheduled.report();
    return this.#report !== null && this.#context.state === "running";
  }

  #give(samples, timeS) {
    const floats = Float32Array.from(samples, (sample) => sample / 32768);
    if (this.#scheduled) this.#scheduled.take(floats, timeS);
    else this.#node.port.postMessage({ samples: floats, time_s: timeS }, [floats.buffer]);
  }
}

// Where pages have no worklets (neither encrypted nor of this machine): pieces are put one behind the other.
class Scheduled {
  aheadS = 0.3; #context; #out; #rate; #offset = null; #playing = new Set(); #hushS = 0;

  constructor(context, out, rate) {
    this.#context = context;
    this.#out = out;
    this.#rate = rate;
  }

  take(floats, timeS) {
    const now = this.#context.currentTime;
    const late = this.#offset === null || timeS + this.#offset < now || timeS + this.#offset > now + this.aheadS + 0.3;
    if (late) this.#offset = now + this.aheadS - timeS;
    if (timeS < this.#hushS) return;
    const buffer = this.#context.createBuffer(1, floats.length, this.#rate);
    buffer.copyToChannel(floats, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#out);
    source.start(timeS + this.#offset);
    this.#playing.add(source);
    source.onended = () => this.#playing.delete(source);
  }

  hush(untilS) {
    this.#hushS = untilS;
    for (const source of this.#playing) source.stop();
    this.#playing.clear();
  }

  report() {
    if (this.#offset === null) return null;
    return { time_s: this.#context.currentTime - this.#offset, at: this.#context.currentTime };
  }
}
