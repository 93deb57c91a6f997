"""Every default of EMOTE, once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PriorSize:
    """FLINT, the temporal VAE. The defaults are for minutes of footage on a CPU; the paper's are in
    `configs/emote_published.yaml`.

    width: channels of convolutions and of the transformer layer. latent: numbers of one latent. heads, feed_forward: of
    the transformer layer.
    """

    width: int = 64
    latent: int = 32
    heads: int = 4
    feed_forward: int = 128


@dataclass
class SpeakerSize:
    """Speech and condition to the prior's latents. speech, condition: widths of the two parts, joined before the
    transformer layer. dropout: in that layer.
    """

    speech: int = 64
    condition: int = 32
    heads: int = 4
    feed_forward: int = 128
    dropout: float = 0.25


@dataclass
class Sizes:
    """Of all networks. lip_reader: width of the lip-reading network."""

    prior: PriorSize = field(default_factory=PriorSize)
    speaker: SpeakerSize = field(default_factory=SpeakerSize)
    lip_reader: int = 48


@dataclass
class Recipe:
    """How neutral footage becomes emotional; see `recipe`.

    takes: recordings of each sentence: so many kinds and intensities are drawn for it, as an actor records it; 0 for
    all 22, which no real footage has. unit_variation: deviation of each action unit's strength between takes. sway:
    deviation of all units over time, sway_s: how slowly. sentence_s: longer clips are cut into sentences of about so
    much.
    """

    takes: int = 0
    unit_variation: float = 0.15
    sway: float = 0.12
    sway_s: float = 0.7
    sentence_s: float = 3.0


@dataclass
class Augmentation:
    """Changes to the speech of a window, in deviations of the features. noise: white. gain: of a constant added to all.
    silence_share: of the windows, that get a stretch of silence with lips at rest, of silence_s[0] to silence_s[1]
    seconds. no_style_share: of the windows, for which the mean style stands.
    """

    noise: float = 0.2
    gain: float = 0.1
    silence_share: float = 0.2
    silence_s: list[float] = field(default_factory=lambda: [0.3, 1.5])
    no_style_share: float = 0.25


@dataclass
class LossWeights:
    """Vertex errors are in mm^2, the others are 1 - cosine.

    vertices: of all vertices, lips: of the lips' alone. kl: of the prior. lip_reading, emotion: of stage 2. exchange:
    both of these again for outputs whose emotion was exchanged within the batch; 0 is the ablation.
    """

    vertices: float = 1.0
    lips: float = 0.5
    kl: float = 1e-3
    lip_reading: float = 1.0
    emotion: float = 1.0
    exchange: float = 1.0


@dataclass
class Steps:
    """Updates of each part: the lip reader, the prior, and the two stages; then those of a person who starts from
    general weights, where lip reader and prior stay as they are.
    """

    lip_reader: int = 300
    prior: int = 1200
    stage1: int = 800
    stage2: int = 300
    person_stage1: int = 400
    person_stage2: int = 150


@dataclass
class EmoteConfig:
    """All of it. batch_size: windows a step. learning_rate: of every part, halved in stage 2. average_decay: of the
    averaged weights. use_flame: path of the user's FLAME file, for examples whose motion is FLAME's.
    """

    sizes: Sizes = field(default_factory=Sizes)
    recipe: Recipe = field(default_factory=Recipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: LossWeights = field(default_factory=LossWeights)
    steps: Steps = field(default_factory=Steps)
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    average_decay: float = 0.99
    use_flame: str = ""
