"""A studio at work and a browser that walks through it, as a person would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av
import cv2
import pytest

from foundation.shipped import shipped
from preprocessing.media import read_sound
from tests.chromium import CHROMIUM, hearing
from tests.footage import SPEECH
from tests.preprocessing.making import write_media
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CAMERA_FRAMES, SAID_S = 50, 1.2


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wav of a little speech, in a name with spaces and letters of other languages."""
    samples = read_sound(shipped(SPEECH)).samples[: round(SAID_S * 16_000)]
    path = tmp_path_factory.mktemp("said") / "good morning, año 1.wav"
    return write_media(path, [], sound=samples, sound_codec="pcm_s16le")


@pytest.fixture(scope="session")
def camera(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's camera sees: the made film, as motion JPEG."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with av.open(str(footage)) as film, path.open("wb") as made:  # one JPEG after the other
        for frame in islice(film.decode(video=0), CAMERA_FRAMES):
            made.write(cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1].tobytes())
    return path


@pytest.fixture(scope="module")  # of Playwright one may run in a process: others start theirs later
def browser(camera: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, whose camera and microphone are files."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    heard = tmp_path_factory.mktemp("heard") / "microphone.wav"
    write_media(heard, [], sound=read_sound(shipped(SPEECH)).samples, sound_codec="pcm_s16le")
    flags = [*hearing(heard), f"--use-file-for-fake-video-capture={camera}"]
    with api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


@pytest.fixture(scope="session")
def studio(landmarker: None, said: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a studio with a home of its own, as the command starts it; its voice says the same to every text."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "talking_head", "studio", "--port", "0", "--home", str(home)]
    voice = {"TALKING_HEAD_VOICE": f"command:cat {shlex.quote(str(said))}"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **voice})
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        address = re.search(r"http://\S+?(?=/)", first)
        assert address, first
        yield address.group()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture()
def page(browser: Browser, studio: str) -> Iterator[Page]:
    """A page that fails the test when it says an error, or asks for anything beyond this machine."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, base_url=studio, permissions=["camera", "microphone"]
    )
    context.set_default_timeout(1000 * PATIENCE_S)
    errors: list[str] = []
    shown = context.new_page()
    shown.on("console", lambda said: errors.append(f"{said.text} {said.location}") if said.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(str(error)))
    context.on("request", lambda asked: errors.append(f"asked {asked.url}") if not is_here(asked.url) else None)
    yield shown
    context.close()
    assert not errors


def is_here(url: str) -> bool:
    """Whether an address is of this machine, or nobody's."""
    parts = urlsplit(url)
    return parts.scheme in ("blob", "data") or parts.hostname == "127.0.0.1"


def unnamed(page: Page) -> list[Any]:
    """Controls that a screen reader has no name for, and pictures without a text."""
    found: list[Any] = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, textarea, progress, video, iframe, canvas")]
            .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]"))
            .filter((one) => !(one.getAttribute("aria-label") || one.title || one.innerText?.trim()))
            .filter((one) => !(one.labels?.length && one.labels[0].innerText.trim()))
            .filter((one) => !one.querySelector?.("img[alt]:not([alt=''])"))
            .map((one) => one.outerHTML.slice(0, 120))
            .concat([...document.querySelectorAll("img:not([alt])")].map((one) => one.outerHTML))"""
    )
    return found
