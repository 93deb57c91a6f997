// Pictures out of packets: by the browser's own decoder (WebCodecs), or as JPEG where it has none, such as on pages
// that are neither encrypted nor of this machine.

const CODECS = { h264: "avc1.42E01F", vp8: "vp8" };
const MOST_WAITING = 12; // packets in the decoder: it is too slow, and begins again with the next whole picture

export async function codecAtHand() {
  if (!("VideoDecoder" in window)) return "jpeg";
  for (const [name, codec] of Object.entries(CODECS)) {
    try {
      const { supported } = await VideoDecoder.isConfigSupported({ codec, codedWidth: 512, codedHeight: 512, optimizeForLatency: true });
      if (supported) return name;
    } catch { /* a browser that does not know the codec's name */ }
  }
  return "jpeg";
}

export function pictureDecoder(hello, show) {
  return hello.codec === "jpeg" ? new Jpegs(show) : new Coded(hello, show);
}

// `take` tells whether the picture will be shown.
class Coded {
  #decoder = null; #hello; #show; #begun = false;

  constructor(hello, show) {
    this.#hello = hello;
    this.#show = show;
  }

  take(data, timeS, key) {
    if (key && this.#decoder?.state !== "configured") this.#configure();
    if ((!this.#begun && !key) || this.#decoder?.state !== "configured") return false;
    if (this.#decoder.decodeQueueSize > MOST_WAITING && !key) { this.#begun = false; return false; }
    this.#begun = true;
    this.#decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: Math.round(timeS * 1e6), data }));
    return true;
  }

  close() { if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close(); }

  #configure() {
    this.#begun = false;
    this.#decoder = new VideoDecoder({
      output: (frame) => this.#show(frame, frame.timestamp / 1e6),
      error: () => { this.#begun = false; }, // the next whole picture makes a new one
    });
    const { mime, width, height } = this.#hello;
    this.#decoder.configure({ codec: mime, codedWidth: width, codedHeight: height, optimizeForLatency: true });
  }
}

class Jpegs {
  #show; #busy = false; #closed = false;

  constructor(show) { this.#show = show; }

  take(data, timeS) {
    if (this.#busy) return false; // each is whole: one may be missed
    this.#busy = true;
    this.#open(data, timeS);
    return true;
  }

  close() { this.#closed = true; }

  async #open(data, timeS) {
    try {
      const image = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
      if (this.#closed) image.close();
      else this.#show(image, timeS);
    } catch { /* a damaged picture */ } finally { this.#busy = false; }
  }
}
