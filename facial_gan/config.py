"""Every default of FACIAL-GAN, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from facial_gan.losses import LossWeights, loss_weights
from foundation.errors import InputError

MOST_SWING = 4.0  # of articulation and rounding; a mouth that goes further is none


@dataclass
class Architecture:
    """Widths of the networks. The defaults are `compact`: for one person's minutes of footage, on a CPU; the
    paper's are in `configs/facial_gan.yaml`.

    use_context, use_initial: False for the paper's ablations.
    """

    local_widths: list[int] = field(default_factory=lambda: [32, 32, 64, 64])
    local_size: int = 32
    picture_widths: list[int] = field(default_factory=lambda: [8, 16, 32, 48])
    unet_widths: list[int] = field(default_factory=lambda: [48, 48, 64, 64, 64])
    join_widths: list[int] = field(default_factory=lambda: [64, 64])
    context_size: int = 32
    discriminator_width: int = 8
    dropout: float = 0.2
    use_context: bool = True
    use_initial: bool = True


@dataclass
class Augmentation:
    """Changes to a window that its motion survives. Feature units are deviations of the features.

    stretch: largest change of speaking rate. gain: deviation of a constant added to all features. noise: deviation of
    white noise. masked_frames: longest stretch of speech that is hidden. silence_share: share of the windows that get
    a stretch of silence with lips at rest, of silence_s[0] to silence_s[1] seconds. initial_noise: added to the
    initial state, since at synthesis it is the network's own.
    """

    stretch: float = 0.1
    gain: float = 0.1
    noise: float = 0.2
    masked_frames: int = 4
    silence_share: float = 0.3
    silence_s: list[float] = field(default_factory=lambda: [0.3, 2.5])
    initial_noise: float = 0.1


@dataclass
class Schedule:
    """How to optimise (FACIAL, section 4.2: general training 50 epochs at batch 64, then one person 10 epochs at batch
    16).

    An epoch is as many steps as windows moved by 5 frames fill batches. min_steps: at least so many steps, for short
    footage. made_share: of a batch, from clips whose motion was made, where there are some: so much of the first batch,
    then ever less and nothing once `made_until` of the run is over. What people do has the last word.
    """

    epochs: int = 50
    batch_size: int = 64
    min_steps: int = 0
    learning_rate: float = 1e-3
    discriminator_rate: float = 2e-4
    weight_decay: float = 0.01
    average_decay: float = 0.995
    constant_share: float = 0.3  # of the run at the full learning rate, before it falls linearly
    made_share: float = 0.5
    made_until: float = 0.7


@dataclass
class FacialGanConfig:
    """All of it. losses: a preset of `facial_gan.losses.PRESETS`, or `custom` for `custom_losses`.

    articulation: how far from the lips at rest an expression goes at synthesis, as a multiple of the network's. A
    network that cannot be sure makes smaller motions than the person; closed lips stay closed. rounding: the same of
    the width of the mouth, beside it: networks shrink it more than the opening. Both from 0 to `MOST_SWING`.
    """

    architecture: Architecture = field(default_factory=Architecture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: str = "ours"
    custom_losses: LossWeights = field(default_factory=LossWeights)
    general: Schedule = field(default_factory=Schedule)
    fine_tune: Schedule = field(
        default_factory=lambda: Schedule(epochs=10, batch_size=16, min_steps=300, learning_rate=3e-4)
    )
    from_scratch: Schedule = field(default_factory=lambda: Schedule(epochs=10, batch_size=16, min_steps=600))
    window_step: int = 5
    articulation: float = 1.05
    rounding: float = 1.3

    def __post_init__(self) -> None:
        loss_weights(self.losses, self.custom_losses)
        for name in ("articulation", "rounding"):
            refuse_swing(name, getattr(self, name))


def refuse_swing(name: str, value: float) -> None:
    """Refuse an articulation or rounding that is no number or out of range.

    Raises:
        InputError: it is.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= MOST_SWING:
        raise InputError(f"{name}: {value}", f"a number from 0 to {MOST_SWING:g}")
