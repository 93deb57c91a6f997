"""A film's picture: the part of a target's frame that it shows, what is beside and behind it; no film is lost."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import soundfile

import talking_head
from foundation.errors import InputError
from preprocessing.media import TransparentWriter, probe, read_frames
from talking_head.cli import app
from talking_head.provenance.label import stamp
from talking_head.synth import framing
from talking_head.synth.framing import Framing, Shot, backdrop, window
from tests.talking_head.test_bad_input import refused

HEAD = (700.0, 150.0, 1000.0, 550.0)  # in a frame of 1920x1080


@pytest.mark.parametrize(
    "aspect, head, expected",
    [
        (9 / 16, HEAD, (546, 0, 608, 1080)),  # all of the height, centred on the head
        (9 / 16, (0.0, 150.0, 300.0, 550.0), (0, 0, 608, 1080)),  # as far to the left as the frame goes
        (1.0, HEAD, (310, 0, 1080, 1080)),
        (16 / 9, HEAD, (0, 0, 1920, 1080)),
    ],
)
def test_the_largest_part_of_the_frame_with_the_head_in_its_middle(
    aspect: float, head: tuple[float, float, float, float], expected: tuple[int, int, int, int]
) -> None:
    assert window(1920, 1080, aspect, head) == pytest.approx(expected, abs=1)


def test_a_head_that_does_not_fit_is_not_cut() -> None:
    """In a square picture 16:9 would leave 288 of 512 rows: less than the head needs."""
    left, top, wide, high = window(512, 512, 16 / 9, (150.0, 20.0, 350.0, 400.0))
    assert wide / high == pytest.approx(16 / 9, rel=0.01) and top <= 20 and top + high >= 400
    assert left == pytest.approx((512 - wide) / 2, abs=1) and left < 0
    assert window(512, 512, 16 / 9, (150.0, 100.0, 350.0, 300.0)) == pytest.approx((0, 73, 512, 288), abs=1)


@pytest.mark.parametrize(
    "given, told",
    [
        (Framing("4:3"), "--aspect '4:3'; expected one of 9:16, 1:1, 16:9"), (Framing(height_px=63), "--height 63"),
        (Framing(height_px=241), "--height 241"), (Framing(background="mauve"), "--background 'mauve'.*picture file"),
        (Framing(background="#12345"), "--background '#12345'"), (Framing(background=__file__), "is no picture"),
    ],
)
def test_what_no_picture_can_be_is_refused(given: Framing, told: str) -> None:
    with pytest.raises(InputError, match=told):
        given.checked()


def shot(left: int, top: int, wide: int, high: int, size: tuple[int, int], how: Framing | None = None) -> Shot:
    return Shot(left, top, wide, high, *size, (40, 30), how or Framing())


def test_a_window_shows_the_frames_own_pixels() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    np.testing.assert_array_equal(shot(8, 4, 16, 20, (16, 20)).framed(frame), frame[4:24, 8:24])
    beside = shot(-5, 0, 50, 30, (50, 30)).framed(frame)
    np.testing.assert_array_equal(beside[:, 5:45], frame)
    assert beside[:, :5].max() == 0 == beside[:, 45:].max()
    half = shot(8, 4, 16, 20, (8, 10)).framed(frame)
    np.testing.assert_allclose(half, frame[4:24, 8:24].reshape(10, 2, 8, 2, 3).mean((1, 3)), atol=1)


def test_beside_a_narrow_picture_lies_a_darker_blur_of_it() -> None:
    frame = np.full((30, 40, 3), (100, 150, 200), np.uint8)
    renderer = SimpleNamespace(frames=lambda motion: iter([frame, frame]))
    made = list(shot(-10, 0, 60, 30, (60, 30)).frames(renderer, None))
    assert len(made) == 2
    np.testing.assert_array_equal(made[1][:, 10:50], frame)
    np.testing.assert_allclose(made[1][:, :10], np.broadcast_to((70, 105, 140), (30, 10, 3)), atol=1)


def test_a_person_is_put_before_a_colour_or_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = np.zeros((30, 40, 4), np.uint8)
    layer[:, 20:, :3], layer[:, 30:, 3], layer[:, 20:30, 3] = 200, 255, 51
    monkeypatch.setattr("render2video.photo.cutout.cutout_frames", lambda renderer, motion: iter([layer]))
    (made,) = shot(0, 0, 40, 30, (40, 30), Framing(background="#0a141e")).frames(None, None)
    assert made[5, 5].tolist() == [10, 20, 30] and made[5, 35].tolist() == [200, 200, 200]
    assert made[5, 25].tolist() == [48, 56, 64]  # a fifth of the way
    cv2.imwrite(str(tmp_path / "b.png"), np.hstack([np.full((10, 40, 3), v, np.uint8) for v in (0, 90, 0)]))
    cover = backdrop(tmp_path / "b.png", 40, 10)
    assert cover.shape == (10, 40, 3) and cover.min() == 90  # what is too wide is cut evenly


def test_a_person_learned_from_video_is_no_layer() -> None:
    told = "--background for target 'ana', which was made from a video; expected a target made from a photo"
    for profile in ("fast", "paper"):
        card = SimpleNamespace(settings={"profile": profile})
        Framing("1:1").checked_for("ana", card)
        with pytest.raises(InputError, match=told):
            Framing(background="white").checked_for("ana", card)
    Framing(background="white").checked_for("ana", SimpleNamespace(settings={"profile": "photo"}))


def test_the_label_covers_its_place_in_a_transparent_film_too() -> None:
    random = np.random.default_rng(1)
    layer = random.integers(0, 256, (96, 160, 4), np.uint8)
    layer[:, 40:80, 3] = 0
    behind = np.full((96, 160, 3), (20, 200, 90), np.float32)
    before = framing._before(stamp(layer), behind)
    np.testing.assert_allclose(before, stamp(framing._before(layer, behind)), atol=2)
    assert (stamp(layer)[..., 3] > layer[..., 3]).sum() > 100


def test_transparency_sound_and_colour_come_back_from_a_webm(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, 0.3 * np.sin(np.arange(16000) * 0.2), 16000)
    frame = np.zeros((64, 96, 4), np.uint8)
    frame[:, 48:] = (200, 60, 30, 255)
    frame[:, 24:48] = (200, 60, 30, 128)
    with TransparentWriter(tmp_path / "o.webm", 25, 96, 64, sound, {"comment": "made"}) as writer:
        for _ in range(25):
            writer.write(frame)
    with av.open(str(tmp_path / "o.webm")) as film:
        assert film.metadata.get("COMMENT", film.metadata.get("comment")) == "made"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        seen = [f for p in film.demux(video=0) for f in decoder.decode(p if p.size else None)]
    assert len(seen) == 25 and probe(tmp_path / "o.webm").has_sound
    planes = seen[12].to_ndarray(format="rgba").astype(int)
    for columns, coverage in ((slice(4, 20), 0), (slice(28, 44), 128), (slice(52, 92), 255)):
        np.testing.assert_allclose(planes[8:56, columns, 3], coverage, atol=8)
    np.testing.assert_allclose(planes[8:56, 56:90, :3].mean((0, 1)), (200, 60, 30), atol=6)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    soundfile.write(folder / "a.wav", np.random.default_rng(0).normal(0, 0.05, 4000), 16000)
    return folder


def made(home: Path, name: str, **how: object) -> talking_head.synth.film.Synthesis:
    return talking_head.synthesize(home / "a.wav", "astronaut", home / name, home=home, **how)


def test_a_framed_film_is_signed_as_a_whole_and_labelled(home: Path) -> None:
    tall = made(home, "tall.mp4", framing=Framing("9:16", 320))
    assert (tall.width_px, tall.height_px) == (180, 320) == (probe(tall.output).width_px, probe(tall.output).height_px)
    assert talking_head.verify(tall.output, home=home).claims.visible_label and tall.signed
    plain = made(home, "tall_plain.mp4", framing=Framing("9:16", 320), label=False)
    one, other = (next(iter(read_frames(film.output))).astype(int) for film in (tall, plain))
    assert np.abs(one - other)[-40:, :120].max() > 60 and np.abs(one - other)[:200].mean() < 2
    whole = next(iter(read_frames(made(home, "whole.mp4", label=False).output)))
    left = 512 // 2 - 288 // 2  # she sits a little left of the middle
    shown = cv2.resize(whole[:, left - 40 : left + 328], None, fx=0.625, fy=0.625, interpolation=cv2.INTER_AREA)
    match = cv2.matchTemplate(shown, np.uint8(other), cv2.TM_CCOEFF_NORMED)
    assert match.max() > 0.99


def test_before_green_and_transparent(home: Path) -> None:
    green = made(home, "green.mp4", framing=Framing(background="green"), label=False)
    frame = next(iter(read_frames(green.output))).astype(int)
    assert np.abs(frame[20:100, 20:80] - (0, 177, 64)).mean() < 4
    own = next(iter(read_frames(made(home, "own.mp4", label=False).output))).astype(int)
    assert np.abs(frame[180:300, 200:300] - own[180:300, 200:300]).mean() < 3  # her face
    clear = made(home, "clear.webm", framing=Framing(background="transparent"))
    assert not clear.signed and "C2PA knows no webm" in clear.note
    assert talking_head.verify(clear.output, home=home).claims.target == "astronaut"
    refused(["synth", home / "a.wav", "--target", "astronaut", "--background", "transparent", "-o", home / "x.mp4",
             "--home", home], "ends in .webm")  # fmt: skip


def test_no_film_is_replaced_in_silence_and_versions_have_their_own_names(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = home / "kept.mp4"
    goal.write_bytes(b"precious")
    words = ["synth", home / "a.wav", "--target", "astronaut", "--home", home, "--height", 64, "-o"]
    refused([*words, goal], "exists already; expected a new name; give another name, or --force")
    assert goal.read_bytes() == b"precious"
    assert _exit([*words, goal, "--force", "--json"]) == 0
    assert goal.read_bytes() != b"precious"
    (home / "v-2.mp4").write_bytes(b"precious")
    refused([*words, home / "v.mp4", "--versions", 2], "v-2.mp4' exists already")
    assert not (home / "v-1.mp4").exists()
    (home / "v-2.mp4").unlink()
    capsys.readouterr()
    assert _exit([*words, home / "v.mp4", "--versions", 2, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["versions"]
    assert [(Path(one["output"]).name, one["seed"]) for one in told] == [("v-1.mp4", 0), ("v-2.mp4", 1)]
    assert (home / "v-1.mp4").read_bytes() != (home / "v-2.mp4").read_bytes() and not (home / "v.mp4").exists()


def _exit(words: list[object]) -> int:
    with pytest.raises(SystemExit) as stopped:
        app([str(word) for word in words])
    return int(stopped.value.code or 0)
