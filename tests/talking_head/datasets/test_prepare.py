"""A corpus prepared, prepared again after changes, and trained from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from foundation.files import read_json, write_json
from preprocessing.speech import speech_encoder
from talking_head.datasets import clip as clip_room
from talking_head.datasets.general_training import train
from talking_head.datasets.inspection import inspect
from talking_head.datasets.naming import split_by_speaker
from talking_head.datasets.prepare import PreparedData, describe, prepare
from talking_head.datasets.shards import MANIFEST, is_prepared, load_examples
from talking_head.datasets.workers import Place
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step
from talking_head.motion.weights import find_weights
from tests.talking_head.datasets.conftest import SETTINGS, STARTS_S, write_clip

ROOT = Path(__file__).resolve().parents[3]


def states(folder: Path) -> dict[str, int]:
    """When each made file was last written; logs and locks do not count."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*") if path.suffix in (".safetensors", ".html") or path.name.endswith("done.json")
    }  # fmt: skip


def changed(folder: Path, call: Callable[[], object]) -> set[str]:
    """Names of the files that a call wrote, without the folders of the clips."""
    before = states(folder)
    call()
    return {name for name, at in states(folder).items() if before.get(name) != at}


def test_the_manifest_tells_of_each_clip(prepared: PreparedData, corpus: Path) -> None:
    manifest = read_json(prepared.manifest)
    assert set(manifest["clips"]) == {*STARTS_S, "ben/bad.mp4", "ben/nobody.mp4"} and not manifest["failed"]
    assert "does not open as media" in manifest["clips"]["ben/bad.mp4"]["why_not"]
    assert "no face in 20 frames" in manifest["clips"]["ben/nobody.mp4"]["why_not"]
    for name in STARTS_S:
        told = manifest["clips"][name]
        assert told["used"] and len(told["sha256"]) == 64 and told["frames"] == 36 and told["quality"]["frames"] == 30
        assert told["quality"]["lost_share"] == 0 and 100 < told["quality"]["face_size_px"] < 200
    speakers = {name: told["speaker"] for name, told in manifest["clips"].items()}
    assert {n: t["split"]["speaker"] for n, t in manifest["clips"].items()} == split_by_speaker(speakers)
    assert prepared.used == 3 and prepared.speakers == 2 and prepared.frames == 108
    assert set(manifest["versions"]["track"]) == {"tracker", "talking-head"}


def test_examples_come_back_as_they_were_measured(prepared: PreparedData, corpus: Path) -> None:
    folder = prepared.manifest.parent
    assert is_prepared(folder) and not is_prepared(corpus)
    (example,) = [e for e in load_examples(folder, "all") if e.speaker == "ben"]
    measured = clip_room.FaceTrack.load(folder / "clips" / "ben" / "1.mp4" / TRACK)
    sound = sound_in_step(corpus / "ben" / "1.mp4", measured)
    direct = motion_example(measured, sound, FacialGan.default_speech, "ben")
    assert example.digest() == direct.digest() and example.features.extractor.startswith("phonetic_mel?model=")
    assert example.arkit is not None and direct.arkit is not None and example.silence is not None
    np.testing.assert_array_equal(example.arkit, direct.arkit)
    together = [e.digest() for part in ("train", "val", "test") for e in _part(folder, part)]
    assert sorted(together) == sorted(e.digest() for e in load_examples(folder, "all"))


def forget(folder: Path, speech: str) -> None:
    """As if a folder had never been prepared for an encoder."""
    manifest = read_json(folder / MANIFEST)
    del manifest["encoders"][speech]
    write_json(folder / MANIFEST, manifest)


def test_inspection_tells_parts_hours_speakers_and_reasons(prepared: PreparedData) -> None:
    found = inspect(prepared.manifest.parent)
    assert found.whole.clips == 3 and found.whole.speakers == {"anna": 2, "ben": 1}
    assert found.whole.hours == pytest.approx(108 / 30 / 3600) and set(found.splits) == {"clip", "speaker"}
    assert {part: inside.clips for part, inside in found.splits["speaker"].items()} == prepared.parts["speaker"]
    assert set(found.rejects) == {"ben/bad.mp4", "ben/nobody.mp4"} and "does not open" in found.rejects["ben/bad.mp4"]
    assert found.encoders["phonetic_mel"].startswith("phonetic_mel?model=")
    low, middle, high = found.quality["face_size_px"]
    assert 100 < low <= middle <= high < 200


def _part(folder: Path, part: str) -> list:  # type: ignore[type-arg]
    try:
        return load_examples(folder, part)
    except InputError as error:
        assert f"no clip in part '{part}'" in str(error)
        return []


def test_a_change_does_again_only_what_it_touches(
    prepared: PreparedData, corpus: Path, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared.manifest.parent
    assert changed(folder, lambda: prepare(corpus, folder, SETTINGS, Place(1))) == set()
    strict = replace(SETTINGS, gate=replace(SETTINGS.gate, face_size_px=1000.0))
    with pytest.raises(InputError, match="none of 5 clips.*a face of 1"):
        prepare(corpus, folder, strict, Place(1))
    assert changed(folder, lambda: prepare(corpus, folder, replace(SETTINGS, shards=1), Place(1))) == {
        "shards/phonetic_mel/shard-000-of-001.safetensors"
    }
    with monkeypatch.context() as patch:
        patch.setattr(clip_room, "track", None)  # nothing is tracked for another encoder
        touched = changed(folder, lambda: prepare(corpus, folder, replace(SETTINGS, speech=("phonetic",)), Place(1)))
    assert {name.rsplit("/", 1)[1] for name in touched if name.startswith("clips")} == {
        "example-phonetic.safetensors", "example-phonetic.done.json"
    }  # fmt: skip
    assert len(load_examples(folder, "all", extractor=speech_encoder("phonetic").name)) == 3  # beside the first encoder
    with pytest.raises(InputError, match="the name of one of them"):
        load_examples(folder)
    read_json(folder / MANIFEST)["encoders"]["phonetic_mel"]  # kept
    forget(folder, "phonetic")
    prepare(corpus, folder, SETTINGS, Place(1))
    write_clip(footage, "anna/2.mp4", corpus / "anna" / "2.mp4", 4.2)  # another video under the same name
    try:
        touched = changed(folder, lambda: prepare(corpus, folder, SETTINGS, Place(1)))
    finally:
        write_clip(footage, "anna/2.mp4", corpus / "anna" / "2.mp4")
    assert touched and all(n.startswith(("clips/anna/2.mp4/", "shards/")) for n in touched)
    assert sum(n.startswith("shards/") for n in touched) == 1 and "phonetic" not in inspect(folder).encoders
    prepare(corpus, folder, SETTINGS, Place(1))


def test_a_clip_that_fails_is_tried_again_and_stops_nobody(
    prepared: PreparedData, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clip_room.track

    def moody(video: Path, folder: Path, cache: Path) -> object:
        if video.parent.name == "anna":
            raise MemoryError("too much")
        return real(video, folder, cache=cache)

    with monkeypatch.context() as patch:
        patch.setattr(clip_room, "track", moody)
        made = prepare(corpus, tmp_path, SETTINGS, Place(1))
    assert made.failed == dict.fromkeys(("anna/1.mp4", "anna/2.mp4"), "MemoryError: too much") and made.used == 1
    again = prepare(corpus, tmp_path, SETTINGS, Place(1))
    assert not again.failed and again.used == 3 and set(again.stages_s) == {"track", "example"}
    assert "seconds" not in describe(again)  # which the command tells of itself


def test_a_damaged_data_set_is_told_and_repaired(prepared: PreparedData, corpus: Path) -> None:
    folder = prepared.manifest.parent
    shard = sorted((folder / "shards" / "phonetic_mel").glob("*.safetensors"))[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"{shard.name} is another than the manifest's"):
        load_examples(folder, "all")
    prepare(corpus, folder, SETTINGS, Place(1))
    assert shard.read_bytes() == whole and len(load_examples(folder, "all")) == 3
    with pytest.raises(InputError, match="no prepared data"):
        load_examples(corpus)
    with pytest.raises(InputError, match="by 'day'"):
        load_examples(folder, "train", "day")


def test_train_takes_prepared_data(prepared: PreparedData, tmp_path: Path) -> None:
    config = tmp_path / "general.yaml"
    small = "picture_widths: [4, 4, 8, 8], unet_widths: [8, 8], join_widths: [8], discriminator_width: 4"
    config.write_text(
        f"run: {tmp_path / 'run'}\nsplit: clip\nmodel:\n  general: {{epochs: 0, batch_size: 4, min_steps: 12}}\n"
        f"  from_scratch: {{epochs: 0, batch_size: 4, min_steps: 12}}\n"
        f"  architecture: {{{small}}}\n"
    )
    learned = train(config, prepared.manifest.parent)
    assert learned.clips == len(load_examples(prepared.manifest.parent, "train", "clip"))
    assert FacialGan.load(learned.weights).speech_extractor.startswith("phonetic_mel?model=")
    parts = {what.split(",")[0] for what in learned.report}
    assert parts and parts <= {"val", "test"} and learned.page is not None
    page, told = learned.page.read_text(), read_json(learned.page.with_name("report.json"))
    assert "<svg" in page and "lip gap" in page and set(told["measures"]) == set(learned.report)
    assert (learned.best is not None) == ("val" in parts)
    assert find_weights(tmp_path / "run").path == (learned.best or learned.weights)
    config.write_text(f"run: {tmp_path / 'other'}\nspeech: log_mel\nvideos: {prepared.manifest.parent}\n")
    with pytest.raises(InputError, match=r"phonetic_mel\?model=\w+; expected log_mel features.*--speech log_mel"):
        train(config)


def test_a_second_call_at_the_same_time_is_refused(prepared: PreparedData, corpus: Path) -> None:
    from filelock import FileLock

    folder = prepared.manifest.parent
    with FileLock(folder / ".lock"), pytest.raises(InputError, match="being written by another call"):
        prepare(corpus, folder, SETTINGS, Place(1))


@pytest.mark.slow
def test_killed_at_any_moment_the_same_call_ends_with_the_same_data(
    prepared: PreparedData, corpus: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from talking_head.datasets.prepare import prepare\nfrom talking_head.datasets.workers import Place\n"
        "from tests.talking_head.datasets.conftest import SETTINGS\n"
        "prepare(sys.argv[1], sys.argv[2], SETTINGS, Place(2))\n"
    )
    command = [sys.executable, "-c", code, str(corpus), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for moment_s in np.random.default_rng(0).uniform(2, 12, 5):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(moment_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    expected = prepare(corpus, prepared.manifest.parent, SETTINGS, Place(1)).manifest
    assert read_json(tmp_path / "manifest.json") == read_json(expected)
    assert not list(tmp_path.rglob("*.partial*"))


@pytest.mark.slow
def test_the_same_steps_on_a_ray_cluster(prepared: PreparedData, corpus: Path, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    try:
        made = prepare(corpus, tmp_path, SETTINGS, Place(ray="local"))
    finally:
        ray.shutdown()
    expected = prepare(corpus, prepared.manifest.parent, SETTINGS, Place(1)).manifest
    assert read_json(made.manifest) == read_json(expected)
