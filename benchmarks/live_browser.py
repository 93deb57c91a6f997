"""A live person, measured in the page: from a mark at the microphone to the picture that is shown of it, by stages.

    python -m benchmarks.live_browser SPEECH --target ID [--minutes 1] [--ways websocket webrtc]
        [--out benchmarks/results/live_browser.json]

Debian's Chromium hears a file as its microphone: speech with a burst of 3.5 kHz every two seconds. A mark is seen at
the microphone itself (before the page has it), in what the person hears (`benchmarks.live_stamped`), and, by WebRTC, in
the sound that comes back. Each picture that is shown is asked for its number, so both ways are measured by what is
seen. All clocks are this machine's. Processor time of the studio and of Chromium is counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from benchmarks.live_latency import MARK_EVERY_S, MARK_HZ, RATE_HZ
from benchmarks.live_stamped import BITS, LOUD, PURE, WINDOW_S
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
BURST_S = 0.08
SETTLE_S = 5.0  # at the beginning, that is not measured
SPY = """
window.now = () => (performance.timeOrigin + performance.now()) / 1000;
Object.assign(window, { spoken: [], sent: [], heard: [], came: [], decoded: [], pictures: [] });
const onset = (samples, rate) => {
  const size = Math.round(WINDOW * rate);
  for (let start = 0; start + size <= samples.length; start += size) {
    let [sine, cosine, all] = [0, 0, 1e-12];
    for (let k = 0; k < size; k += 1) {
      const value = samples[start + k], phase = 2 * Math.PI * HZ * k / rate;
      sine += value * Math.sin(phase); cosine += value * Math.cos(phase); all += value * value;
    }
    if (all / size > LOUD && 2 * (sine * sine + cosine * cosine) / size / all > PURE) return start / rate;
  }
  return null;
};
const listen = async (track, list) => {  // the second at which each mark begins
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const at = now(), samples = new Float32Array(value.numberOfFrames);
    value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    const found = onset(samples, value.sampleRate);
    const last = list.length ? list.at(-1) : 0;
    if (found !== null && at - last > 1) list.push(at - value.numberOfFrames / value.sampleRate + found);
    value.close();
  }
};
const devices = navigator.mediaDevices;
if (devices) {
  const get = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (asked) => {
    const stream = await get(asked);
    listen(stream.getAudioTracks()[0].clone(), spoken);
    return stream;
  };
}
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", ({ data }) => {
      if (typeof data === "string" || new DataView(data).getUint8(0) !== 1) return;
      came.push([new DataView(data).getFloat64(8, true), now()]);
    });
  }
  send(data) {
    if (typeof data !== "string") {
      const samples = Float32Array.from(new Int16Array(data), (value) => value / 32768);
      const at = now(), found = onset(samples, 16000);
      if (found !== null && at - (sent.at(-1) ?? 0) > 1) sent.push(at - samples.length / 16000 + found);
    }
    super.send(data);
  }
};
window.VideoDecoder = class extends VideoDecoder {
  constructor({ output, error }) {
    super({ output: (frame) => { decoded.push([frame.timestamp / 1e6, now()]); output(frame); }, error });
  }
};
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...words) {
    super(...words);
    window.peer = this;
    this.addEventListener("track", ({ track }) => track.kind === "audio" && listen(track.clone(), heard));
  }
};
const small = Object.assign(document.createElement("canvas"), { width: BITS, height: 1 });
const pen = small.getContext("2d", { willReadFrequently: true });
window.numberOf = (image, width, height) => {  // of a picture: see live_stamped.py
  pen.drawImage(image, 0, height - width / BITS, width, width / BITS, 0, 0, BITS, 1);
  const { data } = pen.getImageData(0, 0, BITS, 1);
  return data.reduce((sum, value, k) => sum + (k % 4 === 0 && value > 127) * 2 ** (k / 4), 0);
};
"""
for name, value in {"HZ": MARK_HZ, "WINDOW": WINDOW_S, "LOUD": LOUD, "PURE": PURE, "BITS": BITS}.items():
    SPY = SPY.replace(name, str(value))
TALK = """async ([target, transport]) => {
  const { Live } = await import("/live.js");
  const box = document.createElement("div");
  document.body.replaceChildren(box);
  window.live = new Live({ into: box, target, transport });
  live.addEventListener("picture", ({ detail }) => {
    const shown = box.querySelector(".live-picture");
    const [width, height] = [shown.videoWidth ?? shown.width, shown.videoHeight ?? shown.height];
    pictures.push([numberOf(shown, width, height), now(), detail.time_s, detail.now_s]);
  });
  const begun = performance.now();
  await live.connect();
  const first = performance.now() - begun;
  await live.microphone(true);
  return first;
}"""
RTC = """async () => {
  const told = {};
  for (const one of (await peer.getStats()).values()) if (one.type === "inbound-rtp") told[one.kind] = one;
  return told;
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


class Seen:
    """What the page and the studio wrote down of one talk; instants of pictures and marks are the stream's, in s."""

    def __init__(self, page: dict[str, Any], log: list[dict[str, float]], fps: float) -> None:
        self.page, self.fps = page, fps
        self.painted = {round(line["picture"] * fps): line for line in log if "picture" in line}
        shown = np.array([line[:2] for line in page["pictures"]])
        first = min(self.painted, default=0)
        numbers = first + (shown[:, 0].astype(int) - first) % (1 << BITS)
        _, new = np.unique(numbers, return_index=True)
        self.numbers, self.shown_s = numbers[new], shown[new, 1]
        self.marks = self._paired([line for line in log if "mark" in line])

    def _paired(self, heard: list[dict[str, float]]) -> np.ndarray:
        """Marks `[M, 3]`: the stream's instant, when it was spoken, when the person heard it."""
        spoken = np.array([*self.page["spoken"], np.inf])
        found = []
        for line in heard:
            before = spoken[spoken < line["heard"]]
            if len(before) and line["heard"] - before[-1] < MARK_EVERY_S / 2:
                found.append((line["mark"], before[-1], line["heard"]))
        return np.array(found).reshape(-1, 3)

    def figures(self) -> dict[str, Any]:
        """In ms, but for what says otherwise."""
        instant_s = self.numbers / self.fps
        used = instant_s > instant_s[0] + SETTLE_S
        nearest = np.abs(instant_s[:, None] - self.marks[None, :, 0]).argmin(1) if len(self.marks) else None
        late_ms = np.zeros(0)
        if nearest is not None:
            spoken_s = self.marks[nearest, 1] + instant_s - self.marks[nearest, 0]
            late_ms = 1000 * (self.shown_s - spoken_s)[used]
        span_s = instant_s[-1] - instant_s[0]
        sound = self._apart_ms()
        minutes = ((self.shown_s - self.shown_s[0]) // 60).astype(int)[used]
        return {
            "seconds": round(float(span_s), 1), "marks": len(self.marks), "voice_to_picture_ms": _spread(late_ms),
            "by_minute_p50_ms": [round(float(np.median(late_ms[minutes == m]))) for m in np.unique(minutes)]
            if len(late_ms) else [],
            "stages_ms": self._stages(nearest, used),
            "microphone_to_socket_ms": self._taken(),
            "sound_heard_after_its_picture_ms": _spread(sound[:, 1]),
            "apart_by_minute_p50_ms": [
                round(float(np.median(sound[sound[:, 0] == m, 1]))) for m in np.unique(sound[:, 0])
            ],
            "fps_shown": round(len(self.numbers) / span_s, 2),
            "frames_not_painted_share": self._missing(np.array(sorted(self.painted))),
            "frames_missing_share": self._missing(self.numbers),
        }

    def _taken(self) -> dict[str, int]:
        """From the microphone until the page has sent it, by WebSocket; a part of the first stage."""
        spoken, sent = np.array(self.page["spoken"]), np.array(self.page["sent"])
        if not len(spoken) or not len(sent):
            return {}
        before = np.searchsorted(spoken, sent) - 1
        took_ms = 1000 * (sent - spoken[before])
        return _spread(took_ms[(before >= 0) & (took_ms < 500 * MARK_EVERY_S)])

    def _missing(self, numbers: np.ndarray) -> float:
        inside = (numbers >= self.numbers[0]) & (numbers <= self.numbers[-1])
        return round(float(1 - inside.sum() / (self.numbers[-1] - self.numbers[0] + 1)), 4)

    def _stages(self, nearest: np.ndarray | None, used: np.ndarray) -> dict[str, dict[str, int]]:
        """How long each stage takes; their medians need not add up to the whole's."""
        if nearest is None:
            return {}
        came, decoded = ({round(at * self.fps): when for at, when in self.page[name]} for name in ("came", "decoded"))
        rows = []
        for number, shown_s, mark, use in zip(self.numbers, self.shown_s, self.marks[nearest], used, strict=True):
            line = self.painted.get(number)
            if line is None or line["begun"] is None or not use:
                continue
            at_s = number / self.fps - mark[0]
            rows.append([mark[1] + at_s, mark[2] + at_s, line["begun"], line["painted"], line["sent"],
                         came.get(number, np.nan), decoded.get(number, np.nan), shown_s])
        names = ("microphone to person", "look-ahead", "painted", "encoded", "came", "decoded", "shown")
        passed = np.array(rows).reshape(-1, 8)
        if np.isnan(passed[:, 5:7]).all():  # by WebRTC the browser does not say
            passed, names = passed[:, [0, 1, 2, 3, 7]], ("microphone to person", "look-ahead", "painted", "shown")
        took_ms = 1000 * np.diff(passed[~np.isnan(passed).any(1)], axis=1)
        return {name: _spread(column) for name, column in zip(names, took_ms.T, strict=True)}

    def _apart_ms(self) -> np.ndarray:
        """`[N, 2]`: minute, and how much later than its picture sound is heard."""
        if not self.page["heard"]:  # the WebSocket's page knows the instant that is heard, picture by picture
            rows = np.array([line[1:4] for line in self.page["pictures"]])
            return np.stack([(rows[:, 0] - rows[0, 0]) // 60, 1000 * (rows[:, 1] - rows[:, 2])], 1)
        heard, found = np.array(self.page["heard"]), []
        for instant_s, _, person_s in self.marks:
            after = heard[(heard > person_s) & (heard < person_s + MARK_EVERY_S / 2)]
            at = np.searchsorted(self.numbers / self.fps, instant_s)
            if len(after) and at < len(self.numbers):
                shown_s = self.shown_s[at] - (self.numbers[at] / self.fps - instant_s)
                found.append(((self.shown_s[at] - self.shown_s[0]) // 60, 1000 * (after[0] - shown_s)))
        return np.array(found).reshape(-1, 2)


def _spread(values: np.ndarray) -> dict[str, int]:
    """Empty where nothing was measured: a browser that gets no processor hears no microphone."""
    return {f"p{q}": round(float(np.percentile(values, q))) for q in (1, 50, 90, 99)} if len(values) else {}


def browser_seconds() -> dict[str, float]:
    """Processor seconds of each kind of Chromium's processes that this one has started, and of what they run on."""
    parent, used, kind = {}, {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        number = int(folder.name)
        parent[number], used[number] = int(fields[1]), (int(fields[11]) + int(fields[12])) / 100
        told = re.findall(r"--(?:type|utility-sub-type)=(\S+)", words)
        kind[number] = " ".join(told) or "browser" if "chromium" in words.partition(" ")[0] else ""
    found: dict[str, float] = {}
    for number, name in kind.items():
        above = number
        while above in parent and above != os.getpid():
            above = parent[above]
        if name and above == os.getpid():
            found[name] = found.get(name, 0.0) + used[number]
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--ways", nargs="+", choices=("websocket", "webrtc"), default=("websocket", "webrtc"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    result: dict[str, Any] = {"target": given.target, "cores_of_this_machine": os.cpu_count()}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tool:
        sound = Path(folder) / "microphone.wav"
        microphone_file(sound, read_sound(given.speech).samples.copy())
        browser = tool.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-audio-capture={sound}"])
        for way in given.ways:
            log = Path(folder) / f"{way}.jsonl"
            with studio(given.target, ("benchmarks.live_stamped", str(log))) as (address, studio_s, card):
                page = browser.new_page(viewport=VIEWPORT)
                page.add_init_script(SPY)
                page.goto(f"http://{address}/")
                first_ms = page.evaluate(TALK, [given.target, way])
                before, studio_before, at = browser_seconds(), studio_s(), time.monotonic()
                time.sleep(60 * given.minutes)
                lasted_s = time.monotonic() - at
                cores = {name: used - before.get(name, 0.0) for name, used in browser_seconds().items()}
                cores |= {"all of Chromium": sum(cores.values()), "studio": studio_s() - studio_before}
                told = page.evaluate("({ spoken, sent, heard, came, decoded, pictures })")
                stats = page.evaluate("live.stats()") | (page.evaluate(RTC) if way == "webrtc" else {})
                page.evaluate("live.close()")
                page.close()
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            result[way] = {
                "first_picture_ms": round(first_ms), **Seen(told, lines, card["fps"]).figures(),
                "cores_used": {name: round(used / lasted_s, 2) for name, used in sorted(cores.items())},
                "load": round(os.getloadavg()[0], 1), "stats": stats,
            }
            result |= card
        result["browser"] = browser.version
        browser.close()
    print(json.dumps(result, indent=2))
    if given.out:
        write_json(given.out, result)


if __name__ == "__main__":
    main()
