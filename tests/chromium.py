"""The browser that pages are tried in, if there is one: Chromium without a window, which asks nobody for anything."""

from __future__ import annotations

import shutil
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)  # fmt: skip


def hearing(sound: Path) -> list[str]:
    """Flags of a browser whose microphone plays a file."""
    return [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]
