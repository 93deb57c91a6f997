"""Every default of the ARKit regressor, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from motion_models.arkit.filters import DEFAULT


@dataclass
class Architecture:
    """Of the network. width: channels. kernel: rows that its first layer sees. dilations: of the three-row layers that
    follow, one each. dropout: share of channels dropped in training.
    """

    width: int = 64
    kernel: int = 5
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    dropout: float = 0.2


@dataclass
class Augmentation:
    """Changes to a window that its curves survive; in deviations of the features and in seconds.

    stretch: largest change of speaking rate. gain: deviation of a constant added to all features. noise: deviation of
    white noise. silence_share: share of the windows that get a stretch of silence with closed lips, of silence_s[0] to
    silence_s[1].
    """

    stretch: float = 0.1
    gain: float = 0.2
    noise: float = 0.3
    silence_share: float = 0.3
    silence_s: list[float] = field(default_factory=lambda: [0.3, 1.5])


@dataclass
class ArkitConfig:
    """All of it.

    general_steps, person_steps: without a duration, for many speakers and for one. window_s: of the stretches that it
    learns from. velocity: weight of the velocity's loss beside the position's. aside: weight of brows and eyes, of
    which speech tells little, beside the mouth's 1. articulation: how far from the closed mouth a mouth goes at
    synthesis, as a multiple of the network's: one that cannot be sure makes smaller motions than the person.
    filter: of the curves that are given out, see `filters`.
    """

    architecture: Architecture = field(default_factory=Architecture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    general_steps: int = 1500
    person_steps: int = 600
    batch_size: int = 16
    window_s: float = 2.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average_decay: float = 0.99
    velocity: float = 0.5
    aside: float = 0.2
    articulation: float = 1.15
    filter: str = DEFAULT
