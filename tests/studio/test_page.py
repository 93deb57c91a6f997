"""The studio's page, walked as a person walks it: each room, a film, a new person; nothing leaves the machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.studio.conftest import unnamed

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOMS = {
    "people": "People", "new": "New person", "say": "Say", "dub": "Dub", "live": "Live", "curves": "Curves",
    "measure": "Measure",
}  # fmt: skip
PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_opens_and_can_be_heard(page: Page, room: str) -> None:
    page.goto(f"/#/{room}")
    page.get_by_role("heading", level=1, name=ROOMS[room]).wait_for()
    page.wait_for_load_state("networkidle")
    assert unnamed(page) == []
    here = page.locator("nav [aria-current=page]")
    assert here.inner_text().strip() == ROOMS[room]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_fits_a_phone(page: Page, room: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"/#/{room}")
    page.get_by_role("heading", level=1, name=ROOMS[room]).wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_light_and_dark(page: Page) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    page.goto("/")
    page.emulate_media(color_scheme="light")
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert light != dark
    switch = page.get_by_role("button", name="Light or dark")
    switch.click()
    assert page.evaluate(paper) == light  # whatever the system has
    switch.click()
    assert page.evaluate(paper) == dark
    page.reload()
    assert page.evaluate(paper) == dark  # kept


def test_a_film_by_keyboard_alone(page: Page, said: Path) -> None:
    page.goto("/#/say?target=astronaut")
    page.get_by_role("tab", name="Words").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.locator("input[type=file]:focus").set_input_files(said)
    page.get_by_text(said.name, exact=True).wait_for()
    make = page.get_by_role("button", name="Make the film")
    page.wait_for_function("(button) => !button.disabled", arg=make.element_handle())
    make.focus()
    page.keyboard.press("Enter")
    page.locator("video.film").wait_for()
    page.wait_for_function("() => document.querySelector('video.film').duration > 1")
    page.evaluate("document.querySelector('video.film').play()")
    page.wait_for_function("() => document.querySelector('video.film').currentTime > 0.5")
    with page.expect_download() as kept:
        page.get_by_role("link", name=re.compile("^Download")).click()
    assert kept.value.path().read_bytes()[4:8] == b"ftyp"
    assert page.get_by_role("heading", name="Films made here").is_visible()
    page.get_by_role("button", name=re.compile("^Delete: Astronaut")).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("heading", name="Films made here").wait_for(state="detached")


@pytest.mark.slow
def test_typed_words_become_a_film_that_says_what_it_is(page: Page) -> None:
    page.goto("/#/say?target=astronaut")
    page.get_by_label("Words to say").fill("Good morning.")
    page.get_by_role("button", name="Smile").click()
    page.get_by_role("button", name="Make the film").click()
    page.locator("video.film").wait_for()
    assert page.get_by_text("Astronaut says “Good morning.”").first.is_visible()
    page.get_by_text("What the film says of itself").click()
    page.get_by_text("Unchanged since it was made").wait_for()
    assert page.locator(".verify dd", has_text="astronaut").first.is_visible()


@pytest.mark.parametrize("way", ["WebRTC", "WebSocket"])
def test_a_person_lives_and_says_what_is_typed_and_said(page: Page, way: str) -> None:
    if way == "WebRTC":
        pytest.importorskip("aiortc", reason="no aiortc: pip install 'talking-head[webrtc]'")
    page.goto("/#/live?target=astronaut")
    page.get_by_text("Voice, connection").click()
    page.get_by_role("radio", name=way).check()
    page.get_by_role("button", name="Start").click()
    page.locator(".live-picture").wait_for()
    for _ in range(5):  # so long that "Speaking" is seen, however busy the machine is
        page.get_by_label("Words to say now").fill("Good morning.")
        page.keyboard.press("Enter")
    page.locator(".live-chip", has_text="Speaking").wait_for()
    page.get_by_role("button", name="Be quiet").click()
    page.locator(".live-chip", has_text="Ready").wait_for()
    page.get_by_role("button", name="Microphone").click()  # the file that it hears speaks at once
    page.locator(".live-chip", has_text="Speaking").wait_for()
    page.locator(".live-line", has_text=way).wait_for()
    page.get_by_role("button", name="End").click()
    page.get_by_role("button", name="Start").wait_for()
    assert page.locator(".live-picture").count() == 0


def test_what_is_wrong_is_told_where_one_is(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear studio")
    page.goto("/#/new")
    page.locator("input[type=file]").first.set_input_files(letter)
    told = page.get_by_role("alert")
    told.wait_for()
    assert "letter.txt" in told.inner_text() and "expected a video or a photo" in told.inner_text()
    assert "/" not in told.inner_text().replace("letter.txt", "")  # no path of the machine


def test_what_is_wrong_is_brought_into_view(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 600})
    page.goto("/#/say?target=astronaut")
    page.locator(".act").wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """async () => {
            const { trouble } = await import("/parts.js");
            const place = trouble();
            document.querySelector(".act").before(place);  // where the room has its own
            place.say("a direction; expected another one");
        }"""
    )
    told, button = page.get_by_role("alert").bounding_box(), page.locator(".act").bounding_box()
    assert told and button
    assert told["y"] >= 0 and told["y"] + told["height"] <= button["y"] < 600
