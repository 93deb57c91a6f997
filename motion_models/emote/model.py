"""EMOTE as a motion model: speech, an emotion and a style to expression, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model.arkit import ARKIT_NAMES
from face_model.tracks import MOTION_FPS, POSE_SIZE, FaceMotion, HeardSpeech, SpeechFeatures
from foundation.config import configure
from foundation.errors import InputError
from motion_models.bounded import steps
from motion_models.directions import AskedEmotion, Delivery
from motion_models.emote.config import Sizes
from motion_models.emote.data import padded_rows
from motion_models.emote.emotions import CODE_SIZE, NEUTRAL, codes_over_time
from motion_models.emote.network import LATENT_FRAMES, REACH_FRAMES, SPEECH_REACH, Prior, SpeechToPrior
from motion_models.emote.readers import LipReadingNetwork
from motion_models.examples import frame_rows
from motion_models.interface import MotionModel, network_arrays
from motion_models.look_ahead import LookAhead
from motion_models.statistics import FeatureStatistics
from training.checkpoint import load_arrays

CHUNK_FRAMES = 256  # made at once


@dataclass(frozen=True)
class Styles:
    """Who was learned from. names: S speakers. means: `[S, K]`, mean expression of each, neutral. poses: `[S, 6]`, the
    head's median rotation and translation. own: the one that speaks unless another is asked for; -1: the mean of all.
    """

    names: tuple[str, ...]
    means: np.ndarray
    poses: np.ndarray
    own: int = -1

    def shares(self, chosen: int) -> np.ndarray:
        """What the network is told `[S]`: one style, or for -1 a like share of each."""
        count = len(self.names)
        return np.full(count, 1 / count, np.float32) if chosen < 0 else np.eye(count, dtype=np.float32)[chosen]

    def index(self, name: str) -> int:
        """Where a style stands.

        Raises:
            InputError: no such style.
        """
        if name not in self.names:
            raise InputError(f"style '{name}'", f"one of {', '.join(self.names)}")
        return self.names.index(name)


@dataclass(frozen=True)
class Networks:
    """speaker: speech to the prior. prior: FLINT. reader: the lip-reading stand-in, kept for fine-tuning."""

    speaker: SpeechToPrior
    prior: Prior
    reader: LipReadingNetwork


def build_networks(sizes: Sizes, features: int, styles: int, mouth_mm: np.ndarray) -> Networks:
    """The networks that the sizes describe, for speech features of a size and expressions `[K]`, see `Face.mouth_mm`.
    """
    prior = Prior(len(mouth_mm), sizes.prior)
    speaker = SpeechToPrior(features, CODE_SIZE + styles, sizes.prior.latent, sizes.speaker)
    return Networks(speaker, prior, LipReadingNetwork(mouth_mm, features, sizes.lip_reader))


@dataclass(frozen=True)
class Measures:
    """What turns the networks' numbers into motion. features: of the speech. scale: of expressions. spread: `[52]`, of
    ARKit values in neutral speech, for the emotion descriptor.
    """

    features: FeatureStatistics
    scale: float
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Emote(MotionModel):
    """The trained networks with what they need to speak.

    networks, styles, measures: see there. sizes: of the networks. emotions: that are felt, in order of time.
    told_style: the style that speaks, as in `Styles.own`, which it is where nothing is told.
    """

    id = "emote"
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "styles.means": ("S", "K"), "reader.mouth": ("K", "M"),
        "styles.poses": ("S", POSE_SIZE), "spread": (len(ARKIT_NAMES),),
    }
    moves_head = False
    speaks_early = True
    takes = frozenset({"emotion", "emotions", "style"})

    networks: Networks
    styles: Styles
    measures: Measures
    sizes: Sizes
    speech_extractor: str
    face_model: str
    emotions: tuple[AskedEmotion, ...] = (AskedEmotion(NEUTRAL),)
    told_style: int | None = None

    def __post_init__(self) -> None:
        for part in (self.networks.speaker, self.networks.prior, self.networks.reader):
            part.eval().requires_grad_(False)

    @property
    def style(self) -> int:
        """The style that speaks; -1 for the mean of all."""
        return self.styles.own if self.told_style is None else self.told_style

    def _directed(self, delivery: Delivery) -> Emote:
        emotions = tuple(delivery.asked()) or self.emotions
        codes_over_time(emotions, np.zeros(1))  # a wrong name is told now
        style = self.told_style if delivery.style is None else self.styles.index(delivery.style)
        return replace(self, emotions=emotions, told_style=style)

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`: pieces of 256 frames, as one pass over the whole clip would make them. Nothing is
        random; the head rests.
        """
        count = self.frame_count(features, MOTION_FPS, frames)
        rows = frame_rows(features, features.frame_count(MOTION_FPS))
        self.measures.features.refuse_size(rows)
        heard = self.measures.features.normalise(rows)
        for start in range(0, count, CHUNK_FRAMES):
            yield self._spoken(heard, start, min(start + CHUNK_FRAMES, count), count)

    def bounded_stream(
        self, speech: Iterable[HeardSpeech], look_ahead: LookAhead, *, seed: int = 0
    ) -> Iterator[FaceMotion]:
        """See `MotionModel.bounded_stream`."""
        for step in steps(speech, look_ahead, self.speech_extractor):
            first = max(0, step.start - REACH_FRAMES - SPEECH_REACH - LATENT_FRAMES)
            rows = step.heard.rows_at(first, step.known)
            self.measures.features.refuse_size(rows)
            heard = step.rows(self.measures.features.normalise(rows), LATENT_FRAMES + SPEECH_REACH)
            yield self._spoken(heard, step.start, step.stop, step.known, first)

    @torch.no_grad()
    def _spoken(self, rows: np.ndarray, start: int, stop: int, count: int, origin: int = 0) -> FaceMotion:
        """Some of `count` frames, of normalised speech `[T, F]` whose first row is of frame `origin`."""
        device = next(self.networks.speaker.parameters()).device
        whole = -(-count // LATENT_FRAMES) * LATENT_FRAMES
        first = max(0, start // LATENT_FRAMES * LATENT_FRAMES - REACH_FRAMES)
        last = min(whole, -(-stop // LATENT_FRAMES) * LATENT_FRAMES + REACH_FRAMES)
        around = padded_rows(rows, first - origin, last - first, self.measures.features.outside)
        heard = torch.from_numpy(around)[None].to(device)
        codes = codes_over_time(self.emotions, np.arange(first, last) / MOTION_FPS)
        style = np.tile(self.styles.shares(self.style), (last - first, 1))
        condition = torch.from_numpy(np.concatenate([codes, style], axis=1).astype(np.float32))[None].to(device)
        made = self.networks.prior.decoder(self.networks.speaker(heard, condition))[0]
        mean, pose = self.at_rest()
        expression = made[start - first : stop - first].cpu().numpy() * self.measures.scale + mean
        count = len(expression)
        motion = np.concatenate([np.tile(pose, (count, 1)), np.zeros((count, 1)), expression], axis=1)
        return FaceMotion.unpack(motion, MOTION_FPS, self.face_model)

    def at_rest(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean expression `[K]` and pose `[6]` of the style that speaks."""
        share = self.styles.shares(self.style)
        return share @ self.styles.means, share @ self.styles.poses

    def _tensors(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for field in fields(Networks):
            arrays |= network_arrays(getattr(self.networks, field.name), f"{field.name}.")
        arrays |= self.measures.features.arrays()
        arrays |= {"scale": np.array(self.measures.scale, np.float32), "spread": self.measures.spread}
        return arrays | {"styles.means": self.styles.means, "styles.poses": self.styles.poses}

    def _described(self) -> dict[str, Any]:
        return {"sizes": asdict(self.sizes), "styles": self.styles.names, "own_style": self.styles.own}

    @classmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> Emote:
        sizes = configure(Sizes, metadata["sizes"], str(path))
        styles = Styles(
            tuple(metadata["styles"]), arrays["styles.means"], arrays["styles.poses"], int(metadata["own_style"])
        )
        features = FeatureStatistics.from_arrays(arrays)
        networks = build_networks(sizes, len(features.mean), len(styles.names), arrays["reader.mouth"])
        for field in fields(Networks):
            part = getattr(networks, field.name)
            load_arrays(path, part, arrays, f"{field.name}.")
            part.to(device)
        measures = Measures(features, float(arrays["scale"].item()), arrays["spread"])
        return cls(networks, styles, measures, sizes, metadata["speech_extractor"], metadata["face_model"])

