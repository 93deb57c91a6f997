// In the audio thread: plays pieces of sound by their instants, and tells which instant is heard.
//
// Two clocks are never quite the same: where more sound waits than should, silence is left out; where less, silence is
// played longer. In the middle of a word neither happens, unless far too much waits or nothing is left.

const QUIET = 0.002; // of full scale
const SLACK_S = 0.015; // waiting sound may differ so much from what should wait
const FAR_S = 0.5;
const REPORT_EVERY = 8; // blocks

class LiveSound extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pieces = []; // {samples, start}: start in samples of the stream
    this.at = null; // number of the sample that is heard next
    this.ahead = 0.3 * sampleRate;
    this.hushed = 0;
    this.waiting = true; // until enough has come
    this.blocks = 0;
    this.port.onmessage = ({ data }) => {
      if (data.samples) this.pieces.push({ samples: data.samples, start: Math.round(data.time_s * sampleRate) });
      if (data.ahead_s !== undefined) this.ahead = data.ahead_s * sampleRate;
      if (data.hush_s !== undefined) this.hushed = data.hush_s * sampleRate;
    };
  }

  end() {
    const last = this.pieces[this.pieces.length - 1];
    return last ? last.start + last.samples.length : this.at;
  }

  process(inputs, outputs) {
    const out = outputs[0][0];
    if (this.at === null && this.pieces.length) this.at = this.pieces[0].start;
    if (this.at !== null) {
      const left = this.end() - this.at;
      if (this.waiting && left >= this.ahead) this.waiting = false;
      if (!this.waiting && left < out.length) this.waiting = true; // nothing is left: gather anew
      if (!this.waiting) this.play(out, left);
    }
    this.blocks += 1;
    if (this.blocks % REPORT_EVERY === 0 && this.at !== null) {
      this.port.postMessage({ time_s: this.at / sampleRate, waiting_s: (this.end() - this.at) / sampleRate });
    }
    return true;
  }

  play(out, left) {
    const over = left - this.ahead;
    const quiet = this.read(out);
    if (over > FAR_S * sampleRate) this.at += Math.round(over); // the page slept
    else if (quiet && over > SLACK_S * sampleRate) this.at += 2 * out.length;
    else if (quiet && over < -SLACK_S * sampleRate) return; // the same silence again
    else this.at += out.length;
    while (this.pieces.length && this.pieces[0].start + this.pieces[0].samples.length <= this.at) this.pieces.shift();
  }

  // Fills a block from the instant that is heard next; returns whether it is silence.
  read(out) {
    let loudest = 0;
    let piece = 0;
    for (let index = 0; index < out.length; index += 1) {
      const wanted = this.at + index;
      while (piece < this.pieces.length && this.pieces[piece].start + this.pieces[piece].samples.length <= wanted) piece += 1;
      const found = this.pieces[piece];
      const sample = found && found.start <= wanted ? found.samples[wanted - found.start] : 0;
      loudest = Math.max(loudest, Math.abs(sample));
      out[index] = wanted < this.hushed ? 0 : sample;
    }
    return loudest < QUIET || this.at + out.length <= this.hushed;
  }
}

registerProcessor("live-sound", LiveSound);
