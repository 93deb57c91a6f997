"""The shipped general weights: loudness does not matter, lips rest in silence and meet for p, b, m."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.general import ALIGNED, MEETING_SHARE, Speaking, aligned, gain_change, least_openings, rest_after_s
from facial_gan.synthesis import FacialGan
from foundation.shipped import shipped
from preprocessing.media import read_sound


@pytest.fixture(scope="module", params=["log_mel", "phonetic", "phonetic_mel"])
def speaking(request: pytest.FixtureRequest) -> Speaking:
    return Speaking(FacialGan.load(shipped(f"facial_gan/{request.param}.safetensors")))


def test_loudness_does_not_change_the_lips(speaking: Speaking, spoken: Path) -> None:
    samples = read_sound(spoken).samples
    for gain_db in (-20, 10):
        assert gain_change(speaking, samples, gain_db) < 0.1


def test_lips_come_to_rest_in_a_silence(speaking: Speaking, spoken: Path) -> None:
    samples = read_sound(spoken).samples
    rest_s, largest = rest_after_s(speaking, samples, 6.0)
    assert rest_s <= 0.3 and largest < 0.1


def test_lips_come_nearer_to_each_other_for_p_b_m(speaking: Speaking, data_dir: Path) -> None:
    if speaking.model.speech_extractor == "log_mel":
        pytest.skip("log_mel does not tell phones apart: no lips meet, as its card says")
    pairs = [least_openings(speaking, *aligned(data_dir, name)) for name in ALIGNED]
    lips, others = (np.concatenate(part) for part in zip(*pairs, strict=True))
    assert np.median(lips) < np.median(others) - 0.1
    assert (lips < MEETING_SHARE).mean() > 0.65  # 51% from the network alone
