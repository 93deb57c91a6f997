"""What happens to clean synthetic speech on its way to the network: other throats, rooms, noises, lines, pauses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from preprocessing.speech.phonetic.features import MEL_BANDS, SAMPLE_RATE_HZ, mel_filters
from preprocessing.speech.phonetic.inventory import PHONE_INDEX
from scripts.phonetic.make_corpus import IGNORE, LABEL_RATE_HZ, LABEL_SAMPLES

FRAME_RATE_HZ = 50
ROOM_SAMPLES = 6400
BREATH_SHARE, BANG_SHARE = 0.4, 0.25
"""Of the pauses: those with a breath in them, and with a cough, a click or a knock."""
WARPS = tuple(round(0.80 + 0.04 * index, 2) for index in range(12))
"""Vocal-tract warps, 0.80 to 1.24."""


@dataclass(frozen=True)
class Chances:
    """How often each disturbance is applied."""

    pauses: tuple[float, ...] = (0.7, 0.4)
    room: float = 0.5
    colour: float = 0.8
    phone_band: float = 0.15
    noise: float = 0.85
    white: float = 0.3
    babble: float = 0.25
    clipping: float = 0.1
    drift: float = 0.3
    noise_only: float = 0.02


def cut(
    sound: np.ndarray, labels: np.ndarray, samples: int, dice: np.random.Generator, chances: Chances
) -> tuple[np.ndarray, np.ndarray]:
    """A random stretch of a voice at a random tempo, with pauses: (float `[samples]`, labels at 50 Hz)."""
    speed = math.exp(dice.uniform(math.log(0.8), math.log(1.22)))
    pauses = [int(dice.uniform(0.1, 1.4) * SAMPLE_RATE_HZ) for chance in chances.pauses if dice.random() < chance]
    spoken = samples - sum(pauses)
    wanted = int(spoken * speed) + 2
    start = int(dice.integers(0, max(1, len(labels) - wanted // LABEL_SAMPLES - 2))) * LABEL_SAMPLES
    piece = sound[start : start + wanted].astype(np.float32) / 32768.0
    positions = np.arange(spoken) * speed
    result = np.interp(positions, np.arange(len(piece)), piece).astype(np.float32)
    label_at = (start + positions).astype(np.int64) // LABEL_SAMPLES
    result_labels = labels[np.minimum(label_at, len(labels) - 1)]
    for pause in pauses:
        result, result_labels = _with_pause(result, result_labels, pause, dice)
    return result, result_labels[:: SAMPLE_RATE_HZ // FRAME_RATE_HZ]


def _with_pause(
    sound: np.ndarray, labels: np.ndarray, pause: int, dice: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """`pause` samples of silence, breath or a loud cough or knock, put between words as a rule."""
    quiet = np.flatnonzero(labels == PHONE_INDEX["SIL"])
    at = int(dice.choice(quiet)) if len(quiet) and dice.random() < 0.7 else int(dice.integers(0, len(sound)))
    gap = np.zeros(pause, np.float32)
    kind = dice.random()
    if kind < BREATH_SHARE:  # a hump of noise, 20 to 40 dB under the speech
        gap = np.hanning(pause) * dice.standard_normal(pause) * sound.std() * 10 ** dice.uniform(-2, -1)
    elif kind < BREATH_SHARE + BANG_SHARE:  # a bang that dies away, up to 20 dB louder than the speech
        seconds, start = np.arange(pause) / SAMPLE_RATE_HZ, int(dice.uniform(0, 0.7 * pause))
        bang = np.exp(-seconds / dice.uniform(0.005, 0.12)) * noises(1, pause, dice)[0].numpy()
        gap[start:] = bang[: pause - start] * sound.std() * 10 ** dice.uniform(0, 1)
    gap_labels = np.full(pause, PHONE_INDEX["SIL"], np.uint8)
    return (
        np.concatenate([sound[:at], gap, sound[at:]]).astype(np.float32),
        np.concatenate([labels[:at], gap_labels, labels[at:]]),
    )


def _chosen(dice: np.random.Generator, count: int, chance: float) -> Tensor:
    return torch.from_numpy((dice.random(count) < chance).astype(np.float32))[:, None]


def _uniform(dice: np.random.Generator, count: int, low: float, high: float) -> Tensor:
    return torch.from_numpy(dice.uniform(low, high, (count, 1)).astype(np.float32))


def rooms(count: int, dice: np.random.Generator) -> Tensor:
    """Impulse responses `[count, 6400]`: a direct sound and a tail of noise that dies away in 0.1-0.7 s."""
    seconds = torch.arange(ROOM_SAMPLES) / SAMPLE_RATE_HZ
    decay = torch.exp(-6.9 * seconds / _uniform(dice, count, 0.1, 0.7))
    noise = torch.from_numpy(dice.standard_normal((count, ROOM_SAMPLES), dtype=np.float32))
    # Reflections begin a few milliseconds after the direct sound.
    tail = noise * decay * (seconds > _uniform(dice, count, 0.001, 0.01))
    tail = tail / tail.square().sum(1, keepdim=True).sqrt() * 10 ** (-_uniform(dice, count, 0.0, 18.0) / 20)
    tail[:, 0] = 1.0
    return tail


def colours(count: int, bins: int, dice: np.random.Generator, chances: Chances) -> Tensor:
    """Gains `[count, bins]` of microphones and lines: a smooth curve, cut low and high; telephones."""
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, bins)
    octave = torch.log2(hz.clamp(min=50) / 50) / math.log2(160)
    shape = torch.cos(math.pi * octave[:, None] * torch.arange(1, 7))
    spread_db = torch.tensor([6.0, 5.0, 4.0, 3.0, 2.5, 2.0])
    weights = torch.from_numpy(dice.standard_normal((count, 6), dtype=np.float32)) * spread_db
    gain_db = (weights * _chosen(dice, count, chances.colour)) @ shape.T
    phone = _chosen(dice, count, chances.phone_band)
    low_hz = (1 - phone) * _uniform(dice, count, 10, 150) + phone * _uniform(dice, count, 200, 350)
    high_hz = (1 - phone) * _uniform(dice, count, 5000, 14000) + phone * _uniform(dice, count, 3200, 3800)
    cuts = 1 / (1 + (low_hz / hz.clamp(min=1)) ** 6) / (1 + (hz / high_hz) ** 16)
    return 10 ** (gain_db / 20) * cuts


def noises(count: int, samples: int, dice: np.random.Generator, white_share: float = 0.0) -> Tensor:
    """Noise `[count, samples]` of unit power, its spectrum falling by 0-9 dB an octave or white."""
    white = torch.from_numpy(dice.standard_normal((count, samples), dtype=np.float32))
    hz = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ).clamp(min=40)
    slope = _uniform(dice, count, 0.0, 1.5) * (1 - _chosen(dice, count, white_share))
    coloured = torch.fft.irfft(torch.fft.rfft(white) * (hz / 40) ** -slope, samples)
    seconds = torch.arange(samples) / SAMPLE_RATE_HZ
    swell = 1 + _uniform(dice, count, 0, 0.9) * torch.sin(
        2 * math.pi * (_uniform(dice, count, 0.1, 4) * seconds + _uniform(dice, count, 0, 1))
    )
    result = coloured * swell
    return result / result.square().mean(1, keepdim=True).sqrt()


def _active_rms(sound: Tensor) -> Tensor:
    power = sound.unfold(1, 400, 400).square().mean(-1)
    active = power > 0.05 * power.mean(1, keepdim=True)
    return ((power * active).sum(1, keepdim=True) / active.sum(1, keepdim=True).clamp(min=1) + 1e-12).sqrt()


def disturb(sound: Tensor, dice: np.random.Generator, chances: Chances) -> Tensor:
    """Rooms, babble, noise, drifting gain, colour, clipping over clean speech `[B, N]`."""
    count, samples = sound.shape
    length = samples + ROOM_SAMPLES
    room = rooms(count, dice)
    room[_chosen(dice, count, 1 - chances.room)[:, 0].bool(), 1:] = 0
    wet = torch.fft.irfft(torch.fft.rfft(sound, length) * torch.fft.rfft(room, length), length)[:, :samples]
    rms = _active_rms(wet)
    shifts = dice.integers(0, samples, 4)
    crowd = sum(sound.roll(index + 1, 0).roll(int(shift), 1) for index, shift in enumerate(shifts))
    assert isinstance(crowd, Tensor)
    crowd = crowd / (crowd.square().mean(1, keepdim=True).sqrt() + 1e-6)
    babble_gain = 10 ** (-_uniform(dice, count, 6, 25) / 20) * _chosen(dice, count, chances.babble)
    # Most recordings are fairly clean: the ratio is spread evenly in dB from 0 to 40.
    noise_gain = 10 ** (-_uniform(dice, count, 0, 40) / 20) * _chosen(dice, count, chances.noise)
    mixed = wet + rms * (babble_gain * crowd + noise_gain * noises(count, samples, dice, chances.white))
    seconds = torch.arange(samples) / SAMPLE_RATE_HZ
    drift_db = _uniform(dice, count, 0, 6) * torch.sin(2 * math.pi * (0.2 * seconds + _uniform(dice, count, 0, 1)))
    mixed = mixed * 10 ** (drift_db * _chosen(dice, count, chances.drift) / 20)
    spectrum = torch.fft.rfft(mixed, length)
    mixed = torch.fft.irfft(spectrum * colours(count, spectrum.shape[1], dice, chances), length)[:, :samples]
    peak = mixed.abs().amax(1, keepdim=True) + 1e-6
    clipped = _chosen(dice, count, chances.clipping)
    ceiling = peak * (1 - clipped * _uniform(dice, count, 0.2, 0.8))
    mixed = mixed.clamp(-ceiling, ceiling) / peak * 10 ** _uniform(dice, count, -2.2, -0.1)
    return mixed + 2e-5 * torch.from_numpy(dice.standard_normal(mixed.shape, dtype=np.float32))


def warped_filters(count: int, dice: np.random.Generator) -> Tensor:
    """Mel filters `[count, 257, 80]`, each of another vocal-tract length."""
    return torch.stack([mel_filters(float(warp)) for warp in dice.choice(WARPS, count)])


BEND_BANDS, CONTRAST = 1.5, (0.7, 1.25)
"""Deviation of the bands' displacement at five places of the axis; range of the factor on the spectrum's detail."""


def bend(log_mel: Tensor, dice: np.random.Generator) -> Tensor:
    """Other mouths than a longer or shorter throat gives: `[B, T, 80]` with bands displaced along a smooth random curve
    and the detail of each spectrum, formants and harmonics, made flatter or sharper.
    """
    count = len(log_mel)
    knots = torch.from_numpy(dice.normal(0, BEND_BANDS, (count, 1, 5)).astype(np.float32))
    shift = nn.functional.interpolate(knots, MEL_BANDS, mode="linear", align_corners=True)[:, 0]
    place = (torch.arange(MEL_BANDS) + shift).clamp(0, MEL_BANDS - 1)
    low = place.floor().clamp(max=MEL_BANDS - 2).long()
    share = (place - low)[:, None]
    index = low[:, None].expand(-1, log_mel.shape[1], -1)
    bent = log_mel.gather(2, index) * (1 - share) + log_mel.gather(2, index + 1) * share
    padded = nn.functional.pad(bent, (7, 7), mode="replicate")
    envelope = nn.functional.avg_pool1d(padded, 15, 1)
    return envelope + (bent - envelope) * _uniform(dice, count, *CONTRAST)[..., None]


def hide(log_mel: Tensor, dice: np.random.Generator) -> Tensor:
    """Blank bands and short moments of `[B, T, 80]` (Park et al. 2019, SpecAugment)."""
    log_mel = log_mel.clone()
    for item in log_mel:
        for _ in range(2):
            width = int(dice.integers(0, 10))
            band = int(dice.integers(0, MEL_BANDS - width))
            item[:, band : band + width] = 0
            moment = int(dice.integers(0, 9))
            at = int(dice.integers(0, len(item) - moment))
            item[at : at + moment] = 0
    return log_mel


class Batches:
    """Random batches from the corpus: step k always gives the same one.

    voices: name -> (sound int16, labels at 200 Hz); weights: name -> how often it speaks.
    """

    def __init__(
        self, voices: dict[str, tuple[np.ndarray, np.ndarray]], weights: dict[str, float], size: int, seconds: float,
        chances: Chances, seed: int,
    ) -> None:
        self.voices, self.size, self.chances, self.seed = voices, size, chances, seed
        self.samples = int(seconds * SAMPLE_RATE_HZ)
        self.names = sorted(voices)
        total = sum(weights[name] for name in self.names)
        self.shares = [weights[name] / total for name in self.names]

    def __call__(self, step: int) -> tuple[Tensor, Tensor, np.random.Generator]:
        """(disturbed sound `[B, N]`, phone indices `[B, N / 320]` with -100 for unknown, the step's dice)."""
        dice = np.random.default_rng((self.seed, step))
        names = dice.choice(self.names, self.size, p=self.shares)
        cuts = [cut(*self.voices[str(name)], self.samples, dice, self.chances) for name in names]
        sound = torch.from_numpy(np.stack([sound for sound, _ in cuts]))
        labels = torch.from_numpy(np.stack([labels for _, labels in cuts]).astype(np.int64))
        labels[labels == IGNORE] = -100
        sound = sound / (_active_rms(sound) + 1e-4) * 0.1
        mute = _chosen(dice, self.size, self.chances.noise_only)
        labels[mute[:, 0].bool()] = PHONE_INDEX["SIL"]
        return disturb(sound * (1 - mute), dice, self.chances), labels, dice


assert SAMPLE_RATE_HZ == LABEL_RATE_HZ * LABEL_SAMPLES
