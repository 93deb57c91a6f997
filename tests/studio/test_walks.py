"""Longer walks through the studio's page: recording, a new person, a dub, curves, a report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from foundation.shipped import shipped

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

LONG_MS = 600_000  # what learns, on a busy machine


def with_steps(page: Page, steps: int) -> None:
    """Let orders of the page learn so many steps instead of minutes."""

    def shortened(route: Route) -> None:
        order: dict[str, Any] = route.request.post_data_json
        route.continue_(post_data=json.dumps(order | {"steps": steps}))

    page.route("**/v1/jobs", lambda route: shortened(route) if route.request.method == "POST" else route.continue_())


def test_recorded_with_the_consent_read_aloud(page: Page) -> None:
    page.goto("/#/new")
    page.get_by_role("tab", name="Record now").click()
    page.get_by_role("button", name="Turn camera and microphone on").click()
    coach = page.get_by_role("list", name="The coach")
    coach.get_by_text("good size").wait_for()
    coach.get_by_text("heard").wait_for()  # the microphone
    page.get_by_role("button", name="Record", exact=True).click()
    page.locator(".booth-time", has_text=re.compile("0:0[7-9]|0:[1-5]")).wait_for()
    page.get_by_role("button", name="Next sentence").click()
    page.locator(".pose.seen").first.wait_for()
    page.get_by_role("button", name="Finish").click()
    page.locator(".drop.full", has_text="recording").wait_for()
    page.wait_for_function("() => document.querySelector('video.film').readyState > 0")
    assert page.get_by_label("I read this sentence aloud").is_checked()
    assert page.get_by_label("Consent").input_value().startswith("I agree that my face")
    page.get_by_label("Name", exact=True).fill("Ana")
    assert page.get_by_role("button", name="Learn this person").is_enabled()


@pytest.mark.slow
def test_a_person_from_a_photo_and_gone_again(page: Page) -> None:
    page.goto("/#/new")
    page.locator("input[type=file]").first.set_input_files(shipped("astronaut/preview.jpg"))
    page.locator(".drop.full").wait_for()
    page.get_by_label("Name").fill("Eileen María")
    assert page.get_by_text("eileen-maria").is_visible()
    page.get_by_role("button", name="Write the usual sentence").click()
    page.get_by_role("button", name="Learn this person").click()
    page.get_by_role("heading", name="eileen-maria is ready").wait_for(timeout=LONG_MS)
    page.get_by_role("link", name="All people").click()
    card = page.locator(".person", has=page.get_by_role("heading", name="eileen-maria"))
    card.get_by_text("Consent").click()
    assert "Eileen María" in card.locator("blockquote").inner_text()
    with page.expect_download() as kept:
        card.get_by_role("link", name="Export eileen-maria").click()
    carried = kept.value.path()
    remove = card.get_by_role("button", name="Remove eileen-maria")
    remove.click()
    page.get_by_role("button", name="Keep").click()  # asked, and kept
    assert card.is_visible()
    remove.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    card.wait_for(state="detached")
    page.get_by_role("button", name="Import").click()
    page.locator(".drawer input[type=file]").set_input_files(carried)
    card.wait_for()
    remove.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    card.wait_for(state="detached")


@pytest.mark.slow
def test_a_person_from_a_video(page: Page, footage: Path) -> None:
    with_steps(page, 4)
    page.goto("/#/new")
    page.locator("input[type=file]").first.set_input_files(footage)
    page.locator(".drop.full", has_text="0:06").wait_for()
    page.get_by_label("Name").fill("Film")
    page.get_by_role("button", name="Write the usual sentence").click()
    page.get_by_role("button", name="Learn this person").click()
    page.get_by_role("heading", name="Learning film").wait_for()
    page.get_by_role("link", name="Dub").click()  # left, and found again in the tray
    page.locator(".tray-job", has_text="Learning film").click()
    page.get_by_role("heading", name="film is ready").wait_for(timeout=LONG_MS)
    assert page.locator(".done .facts", has_text="Face seen").is_visible()


@pytest.mark.slow
def test_a_dub_beside_the_film_that_it_is_of(page: Page, footage: Path) -> None:
    with_steps(page, 4)
    page.goto("/#/dub")
    page.locator("input[type=file]").first.set_input_files(footage)
    page.locator(".drop.full").wait_for()
    page.get_by_label("Words to say").fill("Good morning.")
    page.get_by_label(re.compile("^Consent")).fill("I agree. Eileen")
    page.get_by_role("button", name="Dub the film").click()
    page.locator(".beside").wait_for(timeout=LONG_MS)
    page.wait_for_function("() => [...document.querySelectorAll('.beside video')].every((one) => one.readyState > 0)")
    page.evaluate("document.querySelectorAll('.beside video')[1].play()")
    page.wait_for_function("() => document.querySelectorAll('.beside video')[0].currentTime > 0.3")  # plays along


@pytest.mark.slow
def test_a_curve_is_pulled_taken_back_and_written(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/#/curves?target=astronaut")
    page.get_by_label("Words to say").fill("Good morning.")
    page.get_by_role("button", name="Show the curves").click()
    jaw = page.get_by_role("slider", name="Jaw")
    jaw.wait_for(timeout=LONG_MS)
    page.wait_for_function("() => document.querySelector('.curve-picture').naturalWidth > 0")
    before = jaw.get_attribute("aria-valuenow")
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        jaw.focus()
        page.keyboard.press("ArrowUp")
    assert float(jaw.get_attribute("aria-valuenow") or "") > float(before or "")
    box = jaw.bounding_box()
    assert box
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 15, steps=3)
        page.mouse.up()
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    jaw.press("PageUp")  # back to the beginning
    expect(jaw).to_have_attribute("aria-valuenow", before or "")  # drawn before the next picture of the screen
    page.get_by_role("button", name="Play").click()
    page.locator(".curve-stage video").wait_for()
    page.locator(".curve-stage img").wait_for()  # when it has ended
    page.get_by_role("button", name="Write the file").click()
    page.get_by_role("link", name=re.compile("astronaut.csv")).wait_for()


@pytest.mark.slow
def test_a_film_is_measured(page: Page, said: Path) -> None:
    page.goto("/#/say?target=astronaut")
    page.get_by_label("Words to say").fill("Good morning.")
    page.get_by_role("button", name="Make the film").click()
    page.locator("video.film").wait_for(timeout=LONG_MS)
    page.get_by_role("link", name="Measure", exact=True).last.click()
    page.get_by_role("radio", name=re.compile("Good morning")).wait_for()
    page.get_by_role("button", name="Measure this film").click()
    page.locator("iframe").wait_for(timeout=LONG_MS)
    assert page.frame_locator("iframe").get_by_role("heading", level=1).is_visible()
    assert page.locator(".numbers dd").count() >= 3
