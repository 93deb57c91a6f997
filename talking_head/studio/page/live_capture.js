// In the audio thread: what the microphone hears, at 16 kHz, in pieces of 20 ms. Between two rates lies a low-pass
// (a windowed sinc, cut below the lower of their halves).

const RATE_HZ = 16000;
const PIECE = 320;
const HALF_WIDTH = 8; // of the low-pass, in periods of the lower rate

class LiveCapture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE_HZ; // input samples for each of the output
    this.scale = Math.min(1, 1 / this.step); // of the cut, against half the input's rate
    this.reach = Math.ceil(HALF_WIDTH / this.scale);
    this.kept = new Float32Array(this.reach); // silence before the first sample
    this.at = this.reach; // in `kept`, of the next output's instant
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
  }

  process(inputs) {
    const heard = inputs[0][0];
    if (!heard) return true;
    const joined = new Float32Array(this.kept.length + heard.length);
    joined.set(this.kept);
    joined.set(heard, this.kept.length);
    while (this.at + this.reach < joined.length) {
      this.give(this.between(joined, this.at));
      this.at += this.step;
    }
    const spent = Math.max(0, Math.floor(this.at) - this.reach);
    this.kept = joined.slice(spent);
    this.at -= spent;
    return true;
  }

  between(samples, at) {
    let sum = 0;
    for (let index = Math.ceil(at - this.reach); index < at + this.reach; index += 1) {
      const away = (index - at) * this.scale;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * away) / HALF_WIDTH);
      const sinc = away === 0 ? 1 : Math.sin(Math.PI * away) / (Math.PI * away);
      if (Math.abs(away) < HALF_WIDTH) sum += samples[index] * sinc * window * this.scale;
    }
    return sum;
  }

  give(sample) {
    this.piece[this.filled] = Math.max(-1, Math.min(1, sample)) * 32767;
    this.filled += 1;
    if (this.filled < PIECE) return;
    this.port.postMessage(this.piece.buffer, [this.piece.buffer]);
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
  }
}

registerProcessor("live-capture", LiveCapture);
