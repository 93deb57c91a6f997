"""Curves that are pulled at: the face does what the curve says and nothing else, and only that is painted again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from face_model import mp478
from face_model.tracks import FaceMotion
from preprocessing.media import read_frames, read_sound
from talking_head.client import Studio
from talking_head.provenance.reading import THRESHOLD, Search
from talking_head.provenance.watermark import cell_px
from talking_head.studio.curves.handles import ALWAYS, FACE, read_curves, with_curves
from talking_head.studio.curves.session import CurveSession
from tests.preprocessing.making import write_media
from tests.talking_head.studio.serve import Served
from tests.waiting import until


@pytest.fixture(scope="module")
def motion() -> FaceMotion:
    random = np.random.default_rng(3)
    expression = (0.3 * random.standard_normal((40, 64))).astype(np.float32)
    turn, place = np.zeros((40, 3), np.float32), np.tile(np.float32([0, 0, -600]), (40, 1))
    return FaceMotion(25.0, expression, turn, place, np.zeros(40, np.float32))


def gap_of_mesh_mm(motion: FaceMotion) -> np.ndarray:
    """Between the middles of the inner lips, by the vertices themselves."""
    model = mp478.load()
    points = model.mean_mm.numpy() + np.einsum("te,evc->tvc", motion.expression, model.expression_mm.numpy())
    return points[:, 13, 1] - points[:, 14, 1]


@pytest.mark.parametrize("name", [*FACE, *ALWAYS])
def test_one_curve_moves_and_the_others_stay(motion: FaceMotion, name: str) -> None:
    before = read_curves(motion)
    wanted = before[name] + np.where(np.arange(40) < 20, 0.0, 0.4)
    after = read_curves(with_curves(motion, {name: wanted}))
    np.testing.assert_allclose(after[name], wanted, atol=2e-3)
    for other in before:
        np.testing.assert_allclose(after[other], before[other] if other != name else wanted, atol=2e-3)
    changed = np.abs(with_curves(motion, {name: wanted}).pack() - motion.pack()).max(axis=1)
    assert changed[:20].max() < 1e-5 and changed[20:].min() > 1e-3


def test_the_lips_of_the_mesh_open_as_far_as_the_curve_says(motion: FaceMotion) -> None:
    wider = with_curves(motion, {"lip_gap": read_curves(motion)["lip_gap"] + 4})
    opened_mm = gap_of_mesh_mm(wider) - gap_of_mesh_mm(motion)
    assert opened_mm.min() > 3.5 and opened_mm.max() < 6.5  # the middle opens further than the mean does


@pytest.fixture(scope="module")
def curves(studio: Served, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Curves of the built-in person who says one second."""
    said = tmp_path_factory.mktemp("said") / "said.wav"
    write_media(said, [], sound=read_sound(spoken).samples[:16_000], sound_codec="pcm_s16le")
    upload = studio.client.upload(said)["upload"]
    key = str(asked(studio, "POST", "", {"upload": upload, "target": "astronaut"})["curves"])
    until(lambda: asked(studio, "GET", f"/{key}")["state"] not in ("queued", "running"))
    return key


def asked(studio: Served, method: str, rest: str, body: Any = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    _, _, content = studio.ask(method, f"/v1/curves{rest}", None if body is None else json.dumps(body), headers)
    found: dict[str, Any] = json.loads(content)
    return found


def picture(studio: Served, curves: str, at: int) -> np.ndarray:
    status, _, content = studio.ask("GET", f"/v1/curves/{curves}/frame.jpg?at={at}")
    assert status == 200
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).astype(np.float32)


def test_a_pull_opens_the_painted_mouth_there_alone(studio: Served, curves: str) -> None:
    told = asked(studio, "GET", f"/{curves}")
    assert told["state"] == "ready" and len(told["values"]["lip_gap"]) == 25 and max(told["peaks"]) > 0.05
    early, late = picture(studio, curves, 2), picture(studio, curves, 20)
    wide = {"name": "lip_gap", "from": 19, "values": [told["values"]["lip_gap"][k] + 6 for k in (19, 20, 21)]}
    assert asked(studio, "PATCH", f"/{curves}", {"changes": [wide]}) == {"changed": {"lip_gap": [19, 21]}}
    np.testing.assert_array_equal(picture(studio, curves, 2), early)
    change = np.abs(picture(studio, curves, 20) - late).mean(axis=2)
    rows, columns = np.nonzero(change > 40)
    assert len(rows) > 50, "the mouth opened"
    assert 150 < np.median(rows) < 300 and 180 < np.median(columns) < 330  # where the astronaut's mouth is
    assert change[:120].max() < 40, "the brows and hair stayed"


def test_a_stretch_plays_with_its_sound(studio: Served, curves: str, tmp_path: Path) -> None:
    status, headers, content = studio.ask("GET", f"/v1/curves/{curves}/preview?from=0.2&to=0.8")
    assert status == 200 and headers["content-type"] == "video/mp4"
    (tmp_path / "played.mp4").write_bytes(content)
    with av.open(str(tmp_path / "played.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 15
        assert film.streams.audio
    frames = list(read_frames(tmp_path / "played.mp4"))
    side = frames[0].shape[0]
    assert Search(frames).best(np.array([cell_px(side, side) / side]))[2].z > THRESHOLD, "it is marked as films are"


@pytest.mark.parametrize(("change", "told"), [
    ({"name": "nose", "from": 0, "values": [1.0]}, "curve 'nose'"),
    ({"name": "jaw", "from": 24, "values": [1.0, 1.0]}, "frames 24 to 26"),
    ({"name": "head_yaw", "from": 0, "values": [9000.0]}, "values of 'head_yaw'"),
])  # fmt: skip
def test_what_nobody_can_mean_is_refused_and_changes_nothing(
    studio: Served, curves: str, change: dict[str, Any], told: str
) -> None:
    before = asked(studio, "GET", f"/{curves}")["values"]
    fine = {"name": "brows", "from": 0, "values": [1.0]}
    refused = asked(studio, "PATCH", f"/{curves}", {"changes": [fine, change]})
    assert told in refused["error"]["received"]
    assert asked(studio, "GET", f"/{curves}")["values"] == before


def test_curves_become_a_file_for_other_programs(studio: Served, curves: str) -> None:
    client: Studio = studio.client
    job = asked(studio, "POST", f"/{curves}/export", {"format": "npz"})["job"]
    until(lambda: client.job(job)["state"] not in ("queued", "running"))
    done = client.job(job)
    assert done["state"] == "done" and [one["name"] for one in done["files"]] == ["astronaut.npz"]


def test_two_changes_at_once_are_both_kept(motion: FaceMotion, tmp_path: Path) -> None:
    motion.save(tmp_path / "motion.safetensors")
    session = CurveSession(tmp_path, "astronaut")
    session.change([("jaw", 0, np.array([3.0]))])
    session.change([("head_yaw", 5, np.array([9.0, 9.0])), ("jaw", 1, np.array([4.0]))])
    now = read_curves(session.motion())
    assert now["jaw"][:2] == pytest.approx([3, 4], abs=1e-3) and now["head_yaw"][5:7] == pytest.approx([9, 9], abs=1e-3)
