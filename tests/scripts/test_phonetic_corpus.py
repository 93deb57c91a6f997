"""The phonetic corpus: where stops begin, one clock for all sources, what a noise is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from preprocessing.speech.phonetic.inventory import PHONE_INDEX
from scripts.phonetic.augment import bend, noises
from scripts.phonetic.make_corpus import (
    LABEL_SAMPLES,
    MARK_LEAD_S,
    give_closures_to_stops,
    mark_lead_s,
    on_one_clock,
)


def test_a_stop_begins_at_its_closure() -> None:
    labels = np.full(100, PHONE_INDEX["AA"], np.uint8)
    labels[50:60] = PHONE_INDEX["P"]
    loud = np.full(100, 8000.0)
    loud[38:50] = 3.0  # the closure, which the synthesiser gives to the vowel
    sound = (loud.repeat(LABEL_SAMPLES) * np.where(np.arange(100 * LABEL_SAMPLES) % 2, 1, -1)).astype(np.int16)
    give_closures_to_stops(sound, labels)
    assert np.flatnonzero(labels == PHONE_INDEX["P"]).tolist() == list(range(38, 60))


def test_a_stop_without_a_closure_and_a_fricative_stay_where_they_are() -> None:
    for phone, level in (("P", 8000.0), ("S", 3.0)):
        labels = np.full(100, PHONE_INDEX["AA"], np.uint8)
        labels[50:60] = PHONE_INDEX[phone]
        loud = np.full(100, 8000.0)
        loud[38:50] = level
        sound = (loud.repeat(LABEL_SAMPLES) * np.where(np.arange(100 * LABEL_SAMPLES) % 2, 1, -1)).astype(np.int16)
        give_closures_to_stops(sound, labels)
        assert np.flatnonzero(labels == PHONE_INDEX[phone]).tolist() == list(range(50, 60))


def test_white_noise_is_white_when_asked_for() -> None:
    made = noises(8, 16000, np.random.default_rng(0), white_share=1.0).numpy()
    power = np.abs(np.fft.rfft(made)).mean(axis=0) ** 2
    assert abs(10 * np.log10(power[500:2000].mean() / power[6000:7500].mean())) < 1.0
    coloured = noises(8, 16000, np.random.default_rng(0)).numpy()
    power = np.abs(np.fft.rfft(coloured)).mean(axis=0) ** 2
    assert 10 * np.log10(power[500:2000].mean() / power[6000:7500].mean()) > 2.0


def hissing(lead_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Vowels and sibilants in turn, marked so many samples before they sound: (int16 sound, labels at 200 Hz)."""
    dice = np.random.default_rng(0)
    times_s = np.arange(30 * 16000) / 16000
    low, noise = np.sin(2 * np.pi * 200 * times_s), dice.standard_normal(len(times_s))
    high = noise - np.convolve(noise, np.ones(8) / 8, "same")
    starts = np.cumsum(dice.uniform(0.1, 0.4, 100) * 16000).astype(int)
    is_hiss = (np.searchsorted(starts, np.arange(len(times_s))) % 2).astype(bool)
    sound = (3000 * np.where(is_hiss, high, low)).astype(np.int16)
    marks = np.roll(is_hiss, -lead_samples)[LABEL_SAMPLES // 2 :: LABEL_SAMPLES]
    return sound, np.where(marks, PHONE_INDEX["S"], PHONE_INDEX["AA"]).astype(np.uint8)


@pytest.mark.parametrize("lead_ms", [-8, 0, 5, 14])
def test_every_source_is_put_on_one_clock(lead_ms: int) -> None:
    sound, labels = hissing(lead_ms * 16)
    lead_s = mark_lead_s(sound, labels)
    assert lead_s is not None and abs(lead_s - lead_ms / 1000) < 0.0015
    moved_s = mark_lead_s(sound, on_one_clock(sound, labels))
    assert moved_s is not None and abs(moved_s - MARK_LEAD_S) < 0.004  # labels move by whole 5 ms


def test_a_clock_that_cannot_be_told_is_left_alone() -> None:
    sound, labels = hissing(0)
    silent = np.full_like(labels, PHONE_INDEX["AA"])
    assert mark_lead_s(sound, silent) is None
    assert on_one_clock(sound, silent) is silent


def test_bending_moves_bands_and_not_moments() -> None:
    tone = torch.zeros(8, 30, 80)
    tone[:, 10:20, 38:42] = 3.0
    bent = bend(tone, np.random.default_rng(0))
    assert (bent[:, :9].abs().amax() < 1e-6) and (bent[:, 21:].abs().amax() < 1e-6)
    places = bent[:, 15].argmax(dim=1)
    assert len(set(places.tolist())) > 2 and (places - 40).abs().max() <= 6
