// A microphone as 16-bit samples at 16 kHz, 20 ms at a time.

export class Microphone {
  // give: takes an ArrayBuffer. Rejects with {received, expected, remedy} where there is none, or it may not be heard.
  static async open(give) {
    if (!navigator.mediaDevices) {
      throw { received: "a page that may not hear a microphone", expected: "one of this machine, or with TLS", remedy: "tunnel: ssh -L 7860:127.0.0.1:7860 HOST" };
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
      const context = new AudioContext({ latencyHint: "interactive" });
      await context.audioWorklet.addModule(new URL("live_capture.js", import.meta.url));
      const node = new AudioWorkletNode(context, "live-capture", { numberOfOutputs: 0 });
      node.port.onmessage = ({ data }) => give(data);
      context.createMediaStreamSource(stream).connect(node);
      await context.resume();
      return new Microphone(stream, context);
    } catch (error) {
      throw { received: `a microphone that gives nothing (${error.name})`, expected: "one, and the permission to hear it", remedy: "allow it beside the page's address" };
    }
  }

  constructor(stream, context) {
    this.stream = stream;
    this.context = context;
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    this.context.close().catch(() => {});
  }
}
