"""What the page and programs do, by the client: people, uploads, films, what films say of themselves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from foundation.errors import InputError
from foundation.shipped import shipped
from preprocessing.media import probe, stream_sound
from talking_head.studio.jobs.kinds.exporting import SUFFIXES
from talking_head.studio.uploads import media_type
from tests.preprocessing.making import write_media
from tests.talking_head.studio.serve import Served
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of speech, in a file whose name is not plain."""
    import soundfile

    path = tmp_path_factory.mktemp("said") / "a few words, ünd so.wav"
    soundfile.write(path, next(stream_sound(shipped("astronaut/speech.flac"), chunk_s=1.0)), 16_000)
    return path


def test_people_are_told_with_consent_and_a_picture(studio: Served) -> None:
    person = next(one for one in studio.client.people() if one["id"] == "astronaut")
    assert person["kind"] == "photo" and person["built_in"] and person["consent"]["statement"]
    assert person["motion_models"] == ["facial_gan"] and person["bytes"] > 1_000_000
    status, headers, picture = studio.ask("GET", person["preview"]["picture"])
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert picture == shipped("astronaut/preview.jpg").read_bytes()


def test_an_upload_is_known_by_its_content(studio: Served, words: Path) -> None:
    told = studio.client.upload(words)
    assert (told["kind"], told["name"], told["has_sound"]) == ("sound", words.name, True)
    assert told["seconds"] == pytest.approx(1.0, abs=0.05)
    photo = studio.client.upload(shipped("astronaut/preview.jpg"))
    assert (photo["kind"], photo["width_px"], photo["height_px"]) == ("photo", 512, 512)
    status, headers, part = studio.ask("GET", f"/v1/uploads/{told['upload']}/file", headers={"Range": "bytes=0-3"})
    assert (status, part, headers["content-type"]) == (206, b"RIFF", "audio/wav")
    assert "sandbox" in headers["content-security-policy"]
    assert studio.ask("DELETE", f"/v1/uploads/{told['upload']}")[0] == 204
    assert studio.ask("GET", f"/v1/uploads/{told['upload']}")[0] == 404


def test_a_still_of_what_a_browser_may_not_play(studio: Served, tmp_path: Path) -> None:
    frames = [np.full((48, 96, 3), (220, 30, 30), np.uint8)] * 3
    film = write_media(tmp_path / "full colour.mkv", frames)  # 4:4:4
    upload = studio.client.upload(film)["upload"]
    status, headers, content = studio.ask("GET", f"/v1/uploads/{upload}/still.jpg")
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert status == 200 and headers["content-type"] == "image/jpeg" and picture.shape == (48, 96, 3)
    assert np.abs(picture[24, 48].astype(int) - (30, 30, 220)).max() < 25  # BGR
    sound = studio.client.upload(shipped("astronaut/speech.flac"))["upload"]
    assert studio.ask("GET", f"/v1/uploads/{sound}/still.jpg")[0] == 404


def test_what_nobody_knows_is_not_shown_by_a_browser(studio: Served, tmp_path: Path) -> None:
    page = tmp_path / "page.mp4"
    page.write_text("<html><script>alert(1)</script>")
    told = studio.client.upload(page)
    assert told["kind"] == "other" and told["why"] and "/" not in told["why"]
    _, headers, _ = studio.ask("GET", f"/v1/uploads/{told['upload']}/file")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert media_type(b"<svg", "photo") == "image/webp" and media_type(b"....ftyp", "video") == "video/mp4"


@pytest.mark.slow
def test_a_film_is_made_and_says_what_it_is(studio: Served, words: Path, tmp_path: Path) -> None:
    watched: list[dict[str, object]] = []
    film = studio.client.synthesize(
        words, "astronaut", tmp_path / "film.mp4", watch=lambda job: watched.append(job["progress"]), height=128, seed=3
    )
    found = probe(film)
    assert found.height_px == 128 and found.duration_s == pytest.approx(1.0, abs=0.1) and found.has_sound
    assert any(str(one["stage"]).startswith("Painting") for one in watched)
    job = studio.client.jobs()[0]
    said = studio.client.verify(job["job"])
    assert said["ok"] and said["rows"]["target"] == "astronaut" and "/" not in said["path"]
    measured = studio.client.wait(studio.client.add("export", job=job["job"], format="livelink"))
    assert measured["files"][0]["name"] == "astronaut.csv" and measured["files"][0]["bytes"] > 1000


@pytest.mark.slow
def test_curves_are_made_and_changed_by_the_client(studio: Served, words: Path) -> None:
    made = studio.client.curves("astronaut", audio=words)
    assert made["state"] == "ready" and made["seconds"] == pytest.approx(1.0, abs=0.1)
    name = made["names"][0]
    low, high = made["ranges"][name]
    wanted = [low + 0.4 * (high - low)] * 5
    studio.client.change_curves(made["curves"], [{"name": name, "from": 5, "values": wanted}])
    status, _, content = studio.ask("GET", f"/v1/curves/{made['curves']}")
    assert status == 200 and json.loads(content)["values"][name][5:10] == pytest.approx(wanted, abs=1e-3)


@pytest.mark.slow
def test_a_preview_is_made_once_when_it_is_asked_for(studio: Served) -> None:
    at = "/v1/people/astronaut/preview.mp4"
    status, headers, content = studio.ask("GET", at)
    assert status == 202 and int(headers["retry-after"]) > 0
    job = json.loads(content)["job"]
    assert json.loads(studio.ask("GET", at)[2])["job"] == job, "the same work"
    until(lambda: studio.ask("GET", at)[0] == 200)
    assert job not in {one["job"] for one in studio.client.jobs()}, "it is nobody's job"


def test_a_person_travels_as_one_file_and_is_removed(studio: Served, tmp_path: Path) -> None:
    file = studio.client.export_person("astronaut", tmp_path / "astronaut.person")
    person = studio.client.import_person(file, "neil")
    assert person["id"] == "neil" and not person["built_in"]
    assert person["consent"] == studio.client.person("astronaut")["consent"]
    with pytest.raises(InputError, match="exists"):
        studio.client.import_person(file, "neil")
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match="astronaut.person"):
        studio.client.import_person(file, "buzz")
    job = studio.count(to=1)
    studio.client.wait(job)
    gone = studio.client.remove("neil")
    assert gone["bytes"] > 1_000_000 and not (studio.desk.home.targets / "neil").exists()
    with pytest.raises(InputError, match="unknown target 'neil'"):
        studio.client.person("neil")
    assert not list(studio.desk.place.folder.glob("carried-*"))


def test_orders_that_cannot_be_are_refused_at_once(studio: Served, words: Path) -> None:
    sound = studio.client.upload(words)["upload"]
    photo = studio.client.upload(shipped("astronaut/preview.jpg"))["upload"]
    wrong: list[tuple[str, dict[str, object], str]] = [
        ("synth", {"upload": sound, "target": "astronauts"}, "did you mean 'astronaut'"),
        ("synth", {"upload": photo, "target": "astronaut"}, "photo"),
        ("synth", {"upload": sound, "target": "astronaut", "height": 63}, "height"),
        ("synth", {"upload": sound, "target": "astronaut", "emotion": "happy", "emotions": [
            {"time_s": 0, "emotion": "sad"}]}, "one of them"),
        ("synth", {"upload": sound, "target": "astronaut", "background": "../x.png"}, "background"),
        ("enroll", {"upload": sound, "id": "ana", "consent": "yes"}, "sound"),
        ("enroll", {"upload": photo, "id": "ana", "consent": " "}, "consent"),
        ("enroll", {"upload": photo, "id": "a na", "consent": "yes"}, "target id"),
        ("enroll", {"upload": photo, "id": "ana", "consent": "yes", "budget": "soon"}, "budget"),
        ("dub", {"upload": photo, "sound": sound, "consent": "yes"}, "photo"),
        ("export", {"upload": sound, "target": "astronaut", "format": "exe"}, "format"),
        ("preview", {"target": "astronaut"}, "kind"),
    ]  # fmt: skip
    before = len(studio.client.jobs())
    for kind, asked, why in wrong:
        with pytest.raises(InputError, match=re.escape(why)):
            studio.client.add(kind, **asked)
    assert len(studio.client.jobs()) == before


def test_limits_are_those_of_the_product() -> None:
    from talking_head.animation.export import FORMATS
    from talking_head.studio.jobs.kinds.films import SynthAsked
    from talking_head.synth.framing import ASPECTS, HEIGHT_LIMITS_PX

    told = SynthAsked.model_json_schema()["properties"]
    assert SUFFIXES == FORMATS
    assert set(told["aspect"]["anyOf"][0]["enum"]) == set(ASPECTS)
    assert (told["height"]["anyOf"][0]["minimum"], told["height"]["anyOf"][0]["maximum"]) == HEIGHT_LIMITS_PX


def test_everything_is_in_openapi_and_the_page_of_it_loads(studio: Served) -> None:
    told = json.loads(studio.ask("GET", "/openapi.json")[2])
    wanted = {"/v1/status", "/v1/people", "/v1/people/{person}", "/v1/uploads", "/v1/jobs", "/v1/jobs/{job}/events"}
    assert wanted <= set(told["paths"])
    status, headers, _ = studio.ask("GET", "/docs/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    kind = studio.ask("GET", "/docs/reference.js")[1]["content-type"]
    assert kind.startswith("text/javascript")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_examples_with_curl_run(studio: Served, words: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "studio_api.md").read_text("utf-8")
    script = "\n".join(re.findall(r"```sh\n# curl\n(.*?)```", text, re.DOTALL))
    assert script.count("curl") >= 6
    shutil.copyfile(words, tmp_path / "speech.wav")
    script = script.replace("http://127.0.0.1:7860", f"http://127.0.0.1:{studio.port}")
    command = ["bash", "-euo", "pipefail", "-c", script]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert run.returncode == 0, run.stderr[-2000:] + run.stdout[-2000:]
    assert probe(tmp_path / "film.mp4").has_video
