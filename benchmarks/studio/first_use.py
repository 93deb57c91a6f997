"""First use of the studio, in Chromium: from the command to a film of one's own photo saying a typed sentence.

    python -m benchmarks.studio.first_use PHOTO [--voice NAME] [--picture docs/images/studio.jpg]

Tells the clicks, the seconds by the clock, and the processor time of the studio and its workers, which is what a quiet
machine needs. Playwright, Debian's chromium and a voice must be here; the landmark model, too.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PATIENCE_MS = 600_000
SENTENCE = "Good morning. This is the first thing that I say here."
COUNT = "window.clicks = 0; addEventListener('click', (event) => event.isTrusted && (window.clicks += 1), true)"


def walk(page: Page, address: str, photo: Path) -> dict[str, float]:
    """Seconds by the clock of each part, and clicks. Choosing the photo in the browser's own window counts as one."""
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(COUNT)
    began_s, parts = time.monotonic(), dict[str, float]()

    def passed(name: str) -> None:
        parts[name] = round(time.monotonic() - began_s - sum(parts.values()), 1)

    page.goto(address)
    page.get_by_role("link", name="Start with yourself").click()
    page.locator("input[type=file]").first.set_input_files(photo)
    page.locator(".drop.full").wait_for()
    page.get_by_label("Name", exact=True).fill("Ana")
    page.get_by_role("button", name="Write the usual sentence").click()
    page.get_by_role("button", name="Learn this person").click()
    passed("photo, name and consent")
    page.get_by_role("heading", name="ana is ready").wait_for()
    passed("learning the photo")
    page.get_by_role("link", name="Say something").click()
    page.get_by_label("Words to say").fill(SENTENCE)
    page.get_by_role("button", name="Make the film").click()
    page.locator("video.film").wait_for()
    page.wait_for_function("() => document.querySelector('video.film').readyState > 0")
    passed("the sentence and its film")
    return parts | {"clicks": page.evaluate("window.clicks") + 1}


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--voice", default="espeak-ng")
    parser.add_argument("--picture", type=Path, help="a JPEG of the page with the film, to write")
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    with tempfile.TemporaryDirectory() as home:
        began_s = time.monotonic()
        command = [sys.executable, "-m", "talking_head", "studio", "--port", "0", "--home", home]
        environment = {**os.environ, "TALKING_HEAD_VOICE": given.voice}
        studio = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        try:
            assert studio.stderr is not None
            address = re.search(r"http://\S+/", studio.stderr.readline())
            assert address
            started_s = time.monotonic() - began_s
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
                page = browser.new_page(viewport={"width": 1280, "height": 860})
                found = walk(page, address.group(), given.photo)
                if given.picture:
                    page.evaluate("document.querySelector('video.film').currentTime = 1.2")
                    page.wait_for_timeout(1000)
                    page.screenshot(path=given.picture, type="jpeg", quality=85)
                browser.close()
        finally:
            studio.terminate()
            studio.wait(60)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"studio started: {started_s:.1f} s")
    for name, value in found.items():
        print(f"{name}: {value:g}" + ("" if name == "clicks" else " s"))
    print(f"processor time, the browser's too: {used.ru_utime + used.ru_stime:.0f} s")


if __name__ == "__main__":
    main()
