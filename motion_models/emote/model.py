"""EMOTE as a motion model: speech, an emotion and a style to expression, piece by piece."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model.arkit import ARKIT_NAMES
from face_model.tracks import MOTION_FPS, POSE_SIZE, FaceMotion, SpeechFeatures
from foundation.config import configure
from foundation.errors import InputError
from motion_models.directions import AskedEmotion, read_emotion, read_emotions
from motion_models.emote.config import EmoteConfig, Sizes
from motion_models.emote.data import padded_rows
from motion_models.emote.emotions import CODE_SIZE, NEUTRAL, codes_over_time
from motion_models.emote.network import LATENT_FRAMES, REACH_FRAMES, Prior, SpeechToPrior
from motion_models.emote.readers import LipReadingNetwork
from motion_models.examples import MotionExample, frame_rows
from motion_models.interface import MotionModel
from motion_models.statistics import FeatureStatistics
from training import Duration
from training.checkpoint import load_weights

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


class Emote(MotionModel):
    """The trained networks with what they need to speak.

    Args:
        networks: in evaluation mode. styles, measures: see there. sizes: of the networks. speech_extractor,
            face_model: see `MotionModel`.
    """

    id = "emote"
    default_speech = "log_mel"
    config_type = EmoteConfig
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "styles.means": ("S", "K"), "reader.mouth": ("K", "M"),
        "styles.poses": ("S", POSE_SIZE), "spread": (len(ARKIT_NAMES),),
    }
    moves_head = False

    def __init__(
        self, networks: Networks, styles: Styles, measures: Measures, sizes: Sizes, speech_extractor: str,
        face_model: str,
    ) -> None:
        for part in (networks.speaker, networks.prior, networks.reader):
            part.eval().requires_grad_(False)
        self.networks, self.styles, self.measures, self.sizes = networks, styles, measures, sizes
        self.speech_extractor, self.face_model = speech_extractor, face_model
        self.emotions: tuple[AskedEmotion, ...] = (AskedEmotion(NEUTRAL),)
        self.style = styles.own

    def directed(self, **directions: Any) -> Emote:
        """A copy that speaks so. emotion: `NAME` or `NAME:0.7`. emotions: a CSV of them over time, blended. style: name
        of a speaker it was learned from.

        Raises:
            InputError: another direction, an unknown emotion or style, a bad file, or both of emotion and emotions.
        """
        given = {name: value for name, value in directions.items() if value is not None}
        emotion, emotions, style = (given.pop(name, None) for name in ("emotion", "emotions", "style"))
        super().directed(**given)
        if emotion is not None and emotions is not None:
            raise InputError("an emotion and a file of emotions", "one of them")
        made = copy.copy(self)
        if emotion is not None:
            made.emotions = (read_emotion(emotion),)
        if emotions is not None:
            made.emotions = tuple(read_emotions(emotions))
        codes_over_time(made.emotions, np.zeros(1))  # a wrong name is told now
        if style is not None:
            made.style = self.styles.index(style)
        return made

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`: pieces of 256 frames, as one pass over the whole clip would make them. Nothing is
        random; the head rests.
        """
        count = self.frame_count(features, MOTION_FPS, frames)
        rows = frame_rows(features, features.frame_count(MOTION_FPS))
        known = self.measures.features
        if rows.shape[1] != len(known.mean):
            raise InputError(f"{rows.shape[1]} speech features a row", f"{len(known.mean)}")
        mean, pose = self.at_rest()
        heard, outside = known.normalise(rows), known.normalise(known.silence)
        for start in range(0, count, CHUNK_FRAMES):
            made = self._spoken(heard, outside, start, min(start + CHUNK_FRAMES, count), count)
            motion = np.concatenate([
                np.tile(pose, (len(made), 1)), np.zeros((len(made), 1)), made * self.measures.scale + mean
            ], axis=1)  # fmt: skip
            yield FaceMotion.unpack(motion, MOTION_FPS, self.face_model)

    @torch.no_grad()
    def _spoken(self, rows: np.ndarray, outside: np.ndarray, start: int, stop: int, count: int) -> np.ndarray:
        """The networks' expression `[stop - start, K]` for some of `count` frames, of normalised speech `[T, F]`."""
        device = next(self.networks.speaker.parameters()).device
        whole = -(-count // LATENT_FRAMES) * LATENT_FRAMES
        first, last = max(0, start - REACH_FRAMES), min(whole, -(-stop // LATENT_FRAMES) * LATENT_FRAMES + REACH_FRAMES)
        heard = torch.from_numpy(padded_rows(rows, first, last - first, outside))[None].to(device)
        codes = codes_over_time(self.emotions, np.arange(first, last) / MOTION_FPS)
        style = np.tile(self.styles.shares(self.style), (last - first, 1))
        condition = torch.from_numpy(np.concatenate([codes, style], axis=1).astype(np.float32))[None].to(device)
        made = self.networks.prior.decoder(self.networks.speaker(heard, condition))[0]
        spoken: np.ndarray = made[start - first : stop - first].cpu().numpy()
        return spoken

    def at_rest(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean expression `[K]` and pose `[6]` of the style that speaks."""
        share = self.styles.shares(self.style)
        return share @ self.styles.means, share @ self.styles.poses

    @classmethod
    def learn(
        cls, examples: Sequence[MotionExample], start: Path | None, run: Path, *, duration: Duration | None = None,
        seed: int = 0, device: str = "cpu", config: EmoteConfig | None = None,
    ) -> Path:
        """See `MotionModel.learn`. The clips are neutral speech; the emotions are added by the recipe."""
        from motion_models.emote.learning import learn  # which imports this module

        return learn(examples, start, run, duration, seed, device, config or EmoteConfig())

    def _tensors(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for field in fields(Networks):
            state = getattr(self.networks, field.name).state_dict()
            arrays |= {f"{field.name}.{name}": value.cpu().numpy() for name, value in state.items()}
        known = self.measures.features
        arrays |= {f"features.{field.name}": np.asarray(getattr(known, field.name)) for field in fields(known)}
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
        features = FeatureStatistics(
            arrays["features.mean"], float(arrays["features.scale"].item()), arrays["features.silence"]
        )
        networks = build_networks(sizes, len(features.mean), len(styles.names), arrays["reader.mouth"])
        tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
        for field in fields(Networks):
            part = getattr(networks, field.name)
            load_weights(path, part, tensors, f"{field.name}.")
            part.to(device)
        measures = Measures(features, float(arrays["scale"].item()), arrays["spread"])
        return cls(networks, styles, measures, sizes, metadata["speech_extractor"], metadata["face_model"])

