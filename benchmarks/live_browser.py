"""A live person, measured in the page: from a marked sound at the microphone to the picture that is shown of it.

    python -m benchmarks.live_browser SPEECH --target ID [--minutes 1] [--out benchmarks/results/live_browser.json]

Debian's Chromium hears a file as its microphone: speech with a burst of 3.5 kHz every two seconds. In the page, the
mark is seen where the microphone's samples are sent, and in the sound that comes back, whose instant it tells; a
callback at each picture shown tells when that instant is seen, and which instant of the sound is heard then.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from benchmarks.live_latency import MARK_EVERY_S, MARK_HZ, RATE_HZ
from benchmarks.live_studio import studio
from foundation.files import write_json
from preprocessing.media import read_sound

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

CHROMIUM = "/usr/bin/chromium"
VIEWPORT: ViewportSize = {"width": 400, "height": 420}  # without a graphics card a page is drawn by the processor
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
]
BURST_S = 0.08  # longer than a piece, so that one piece at least is all of it
SPY = """
window.marks = { sent: [], heard: [] };
window.pictures = [];
const marked = (samples) => {
  let [sine, cosine, all] = [0, 0, 1e-9];
  samples.forEach((value, k) => {
    const phase = 2 * Math.PI * HZ * k / 16000;
    sine += value * Math.sin(phase); cosine += value * Math.cos(phase); all += value * value;
  });
  return all / samples.length > 300 * 300 && 2 * (sine * sine + cosine * cosine) / samples.length / all > 0.6;
};
const note = (list, samples, entry) => {
  const fresh = !list.length || entry.at - list.at(-1).at > 1000;
  if (fresh && marked(samples)) list.push(entry);
};
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", ({ data }) => {
      if (typeof data === "string" || new DataView(data).getUint8(0) !== 2) return;
      const time_s = new DataView(data).getFloat64(8, true);
      note(marks.heard, new Int16Array(data, 16), { at: performance.now(), time_s });
    });
  }
  send(data) {
    if (typeof data !== "string") note(marks.sent, new Int16Array(data), { at: performance.now() });
    super.send(data);
  }
};
""".replace("HZ", str(MARK_HZ))
TALK = """async ([target, transport]) => {
  const { Live } = await import("/live.js");
  const box = document.createElement("div");
  document.body.replaceChildren(box);
  window.live = new Live({ into: box, target, transport });
  live.addEventListener("picture", ({ detail }) => pictures.push([performance.now(), detail.time_s, detail.now_s]));
  const begun = performance.now();
  await live.connect();
  const first = performance.now() - begun;
  await live.microphone(true);
  return first;
}"""


def microphone_file(path: Path, speech: np.ndarray) -> None:
    """Speech with marks, as long as whole marks go."""
    seconds = len(speech) / RATE_HZ // MARK_EVERY_S * MARK_EVERY_S
    sound = 0.5 * speech[: round(seconds * RATE_HZ)]
    time_s = np.arange(round(BURST_S * RATE_HZ)) / RATE_HZ
    burst = 0.5 * np.sin(2 * np.pi * MARK_HZ * time_s)
    for start in range(RATE_HZ // 2, len(sound) - len(burst), round(MARK_EVERY_S * RATE_HZ)):
        sound[start : start + len(burst)] = burst
    soundfile.write(path, sound, RATE_HZ)


def measured(marks: dict[str, Any], pictures: list[list[float]], fps: float) -> dict[str, Any]:
    """Figures of one talk."""
    shown_ms, instant_s, heard_s = (np.array(column) for column in zip(*pictures, strict=True))
    late = []
    for heard in marks["heard"]:
        sent = [mark["at"] for mark in marks["sent"] if 0 <= heard["at"] - mark["at"] < 1000]
        after = np.flatnonzero(instant_s >= heard["time_s"])
        if sent and len(after):
            late.append(shown_ms[after[0]] - sent[-1])
    apart_ms = 1000 * (heard_s - instant_s)
    minutes = ((shown_ms - shown_ms[0]) // 60_000).astype(int)
    span_s = instant_s[-1] - instant_s[0]
    return {
        "marks": len(late), "voice_to_picture_ms": _spread(late),
        "sound_heard_after_its_picture_ms": _spread(apart_ms),
        "apart_by_minute_p50_ms": [round(float(np.median(apart_ms[minutes == m]))) for m in np.unique(minutes)],
        "seconds": round(float(span_s), 1), "fps_shown": round(len(pictures) / span_s, 2),
        "frames_missing_share": round(1 - (len(pictures) - 1) / (span_s * fps), 4),
    }


def _spread(values: list[float] | np.ndarray) -> dict[str, int]:
    """Empty where nothing was measured: a browser that gets no processor hears no microphone."""
    return {f"p{q}": round(float(np.percentile(values, q))) for q in (1, 50, 99)} if len(values) else {}


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"target": given.target, "cores_of_this_machine": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder, studio(given.target) as (address, _, card), sync_playwright() as tool:
        sound = Path(folder) / "microphone.wav"
        microphone_file(sound, read_sound(given.speech).samples.copy())
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=flags)
        for transport, seconds in (("websocket", 60 * given.minutes), ("webrtc", 20.0)):
            page = browser.new_page(viewport=VIEWPORT)
            page.add_init_script(SPY)
            page.goto(f"http://{address}/")
            first_ms = page.evaluate(TALK, [given.target, transport])
            time.sleep(seconds)
            marks, pictures, told = page.evaluate("[marks, pictures, live.stats()]")
            page.evaluate("live.close()")
            page.close()
            figures = measured(marks, pictures, card["fps"]) if transport == "websocket" else {
                "fps_shown": round((len(pictures) - 1) / (pictures[-1][0] - pictures[0][0]) * 1000, 2)}
            result[transport] = {"first_picture_ms": round(first_ms), **figures, "stats": told}
        result |= {**card, "browser": browser.version, "load": round(os.getloadavg()[0], 1)}
        browser.close()
    print(json.dumps(result, indent=2))
    if given.out:
        write_json(given.out, result)


if __name__ == "__main__":
    main()
