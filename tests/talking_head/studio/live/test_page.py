"""The page's live module in a real browser, by both ways, with a microphone that plays a file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import soundfile

from tests import waiting
from tests.chromium import CHROMIUM, hearing

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
BEGIN = """async ([transport, near]) => {
  const { Live } = await import("/live.js");
  const box = document.createElement("div");
  document.body.append(box);
  const live = new Live({ into: box, target: "fake", transport, room: "test", near });
  Object.assign(window, { live, told: [], apart: [], box });
  for (const kind of ["state", "speaking", "error"]) live.addEventListener(kind, (e) => told.push([kind, e.detail]));
  live.addEventListener("picture", (e) => apart.push(e.detail.now_s - e.detail.time_s));
  await live.connect();
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sound = tmp_path_factory.mktemp("sound") / "microphone.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    soundfile.write(sound, np.concatenate([tone, np.zeros(24_000)]), 48_000)
    with playwright.sync_playwright() as running:
        made = running.chromium.launch(executable_path=CHROMIUM, args=hearing(sound))
        yield made
        made.close()


@pytest.fixture
def page(browser: Any, place: str) -> Iterator[Any]:
    """A page of the studio, whose console stays silent and which asks nobody else for anything."""
    made, wrong = browser.new_page(), list[str]()
    made.set_default_timeout(1000 * waiting.PATIENCE_S)
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("request", lambda asked: None if asked.url.split("/")[2] == place else wrong.append(asked.url))
    made.goto(f"http://{place}/")
    yield made
    made.evaluate("window.live?.close()")
    made.close()
    assert not wrong


def until(page: Any, true: str) -> None:
    waiting.until(lambda: page.evaluate(true), lambda: (true, page.evaluate("[told, live.stats()]")))


def shown_in_step(page: Any, apart_s: float) -> None:
    """Wait for a second whose pictures are shown within so long of their sound: a browser may be held up at times."""

    def last_second() -> list[float]:
        return page.evaluate("apart.length > 35 ? apart.slice(-25) : [Infinity]")

    waiting.until(lambda: np.median(np.abs(last_second())) < apart_s, last_second)


def talk(page: Any, transport: str) -> None:
    page.evaluate(BEGIN, [transport, False])
    until(page, "live.stats().shown > 10")
    page.evaluate("live.say('Hello there, all of you.')")
    until(page, "told.some(([kind, e]) => kind === 'speaking' && e.speaking)")
    page.evaluate("live.stop()")
    until(page, "told.at(-1)[0] === 'speaking' && !told.at(-1)[1].speaking")
    page.evaluate("told.length = 0; live.microphone(true)")
    until(page, "told.some(([kind, e]) => kind === 'speaking' && e.speaking)")
    page.evaluate("live.microphone(false)")
    until(page, "told.at(-1)[0] === 'speaking' && !told.at(-1)[1].speaking")
    assert page.evaluate("told.filter(([kind]) => kind === 'error')") == []


def test_by_websocket(page: Any) -> None:
    talk(page, "websocket")
    told = page.evaluate("live.stats()")
    assert told["transport"] == "websocket" and told["codec"] in ("h264", "vp8")
    shown_in_step(page, 0.04)  # a picture is shown in its own 40 ms
    colour = page.evaluate("(() => { const c = box.querySelector('canvas.live-picture');"
                           "return [c.width, c.height, ...c.getContext('2d').getImageData(40, 40, 1, 1).data] })()")
    assert colour[:2] == [96, 80] and colour[2] > 40  # grey, not black


def test_by_webrtc(page: Any) -> None:
    pytest.importorskip("aiortc")
    talk(page, "webrtc")
    assert page.evaluate("live.stats().transport") == "webrtc"
    assert page.evaluate("[box.querySelector('video').videoWidth, box.querySelector('video').videoHeight]") == [96, 80]


@pytest.mark.parametrize(
    "broken",
    [
        "delete window.RTCPeerConnection",
        pytest.param(
            "RTCPeerConnection.prototype.setRemoteDescription = async () => {}",
            marks=pytest.mark.skipif(find_spec("aiortc") is None, reason="no aiortc: the browser tells of answer 501"),
        ),
    ],
)
def test_where_webrtc_does_not_connect_the_websocket_takes_over(page: Any, broken: str) -> None:
    page.evaluate(broken)
    page.evaluate(BEGIN, ["auto", False])
    assert page.evaluate("live.stats().transport") == "websocket"
    assert page.evaluate("box.querySelectorAll('.live-picture').length") == 1


def test_on_this_machine_the_websocket_is_taken_at_once(page: Any) -> None:
    page.evaluate("window.asked = 0; window.RTCPeerConnection = function () { asked += 1; throw Error(); }; null")
    page.evaluate(BEGIN, ["auto", True])
    assert page.evaluate("[live.stats().transport, asked]") == ["websocket", 0]


def test_a_browser_without_decoders_and_worklets_still_sees_and_hears(page: Any) -> None:
    page.evaluate("delete window.VideoDecoder; delete BaseAudioContext.prototype.audioWorklet")
    page.evaluate(BEGIN, ["websocket", False])
    until(page, "live.stats().shown > 20")
    assert page.evaluate("live.stats().codec") == "jpeg"
    until(page, "live.stats().ahead_ms > 50 && live.stats().ahead_ms < 1100")
    shown_in_step(page, 0.06)


def test_what_cannot_be_is_told_as_everywhere(page: Any) -> None:
    received, expected = page.evaluate("""async () => {
      const { Live } = await import("/live.js");
      const live = new Live({ into: document.body, target: "fake", room: "x".repeat(99), transport: "websocket" });
      try { await live.connect(); } catch (error) { return [error.received, error.expected]; }
    }""")

    assert "99 characters" in received and "64" in expected
