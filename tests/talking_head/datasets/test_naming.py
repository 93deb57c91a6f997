"""Speakers, splits and the gate, from names and numbers alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from foundation.errors import InputError
from preprocessing.report import ClipQuality
from talking_head.datasets.gate import Gate
from talking_head.datasets.naming import PARTS, find_clips, speaker_of, split_by_clip, split_by_speaker

GOOD = ClipQuality(
    source="a.mp4", frames=900, fps=30, duration_s=30.0, width_px=512, height_px=512, lost_share=0.0, several_share=0.0,
    face_size_px=200.0, sharpness=0.05, sound_offset_s=0.0, sound_offset_confidence=0.9, blinks=8, blinks_a_minute=16,
    turn_degrees=(5.0, 9.0, 3.0), has_sound=True, silence_share=0.1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("clip", "speaker"),
    [("ana/01.mp4", "ana"), ("ana/day2/x.mp4", "ana"), ("ana_2-01.mp4", "ana"), ("AmyKlobuchar1_0.mp4", "AmyKlobuchar"),
     ("bbaf2n.mpg", "bbaf2n"), ("007.mp4", "007")],
)  # fmt: skip
def test_speakers(clip: str, speaker: str) -> None:
    assert speaker_of(clip) == speaker


def test_a_split_by_clip_is_5_1_4_and_depends_on_names_alone() -> None:
    clips = [f"s{k % 7}/{k}.mp4" for k in range(450)]
    split = split_by_clip(clips)
    assert Counter(split.values()) == {"train": 225, "val": 45, "test": 180}  # what the paper's 450 clips come to
    assert split_by_clip(reversed(clips)) == split
    assert split_by_clip(["one.mp4"]) == {"one.mp4": "train"}
    assert len({split[clip] for clip in clips[:20]}) > 1, "neighbours are spread"


def test_a_split_by_speaker_tears_nobody_apart() -> None:
    clips = {f"s{k * k % 41}/{k}.mp4": f"s{k * k % 41}" for k in range(450)}
    split = split_by_speaker(clips)
    parts = {speaker: {split[clip] for clip in clips if clips[clip] == speaker} for speaker in set(clips.values())}
    assert all(len(inside) == 1 for inside in parts.values())
    counts = Counter(split.values())
    assert all(abs(counts[part] - wanted) <= 12 for part, wanted in zip(PARTS, (225, 45, 180), strict=True))
    assert split_by_speaker(dict(reversed(clips.items()))) == split
    assert set(split_by_speaker({"a/1.mp4": "a", "a/2.mp4": "a"}).values()) == {"train"}


def test_clips_are_found_in_order_but_not_where_the_result_goes(tmp_path: Path) -> None:
    for name in ("b/2.mp4", "b/1.MOV", "a.webm", "out/clips/x.mp4", "b/notes.txt", "b/.hidden.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_clips(tmp_path, but=tmp_path / "out") == ["a.webm", "b/1.MOV", "b/2.mp4"]
    with pytest.raises(InputError, match="no videos"):
        find_clips(tmp_path / "out", but=tmp_path / "out")
    with pytest.raises(InputError, match="is no folder"):
        find_clips(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"duration_s": 1.0}, "1.0 s long"), ({"lost_share": 0.3}, "face lost in 30%"),
        ({"several_share": 0.5}, "several faces in 50%"), ({"face_size_px": 40.0}, "a face of 40 px"),
        ({"sharpness": 0.001}, "sharpness 0.0010"), ({"turn_degrees": (2.0, 80.0, 1.0)}, "head turns of 80"),
        ({"has_sound": False}, "no sound"), ({"silence_share": 0.95}, "95% silence"),
        ({"sound_offset_confidence": 0.1}, "confidence 0.10"),
    ],
)  # fmt: skip
def test_the_gate_says_why(change: dict[str, float], complaint: str) -> None:
    assert Gate().complaints(asdict(GOOD)) == ()
    (said,) = Gate().complaints(asdict(replace(GOOD, **change)))  # type: ignore[arg-type]
    assert complaint in said


def test_training_on_a_folder_and_preparing_it_agree_who_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_head.datasets import general_training as training

    clips = ["ana_1.mp4", "ana_2.mp4", "ben.mp4", "cleo/take 7.mp4"]
    for name in clips:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(training, "track", lambda *_, **__: SimpleNamespace(track=None))
    monkeypatch.setattr(training, "sound_in_step", lambda *_: None)
    monkeypatch.setattr(training, "motion_example", lambda track, sound, speech, speaker: speaker)
    told = training._tracked(training.GeneralTraining(videos=str(tmp_path)), "log_mel", tmp_path)
    assert told == [speaker_of(name) for name in clips] == ["ana", "ana", "ben", "cleo"]
