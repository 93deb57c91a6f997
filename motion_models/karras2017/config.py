"""Every default of the model, once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Architecture:
    """Widths of the network. The defaults suit minutes of footage and a CPU; the paper's (table 1) are in
    `configs/karras2017_published.yaml`.

    formant_widths: of the convolutions of stride 2 over the feature axis; one more takes what is left of the axis to
    articulation_width. coding_size: numbers that the vertices are decoded from; no more than the training shapes have
    components. emotion_size: of an emotion vector.
    """

    formant_widths: list[int] = field(default_factory=lambda: [24, 36, 54, 81])
    articulation_width: int = 96
    coding_size: int = 150
    emotion_size: int = 16


@dataclass
class KarrasConfig:
    """All of it.

    run_frames: consecutive frames of a sample. The paper draws pairs (2); a longer run holds more neighbours for the
    motion and emotion terms, and sound that its frames share is analysed once. batch_runs: runs a step. shift_frames:
    sound and face are moved together by up to so much (section 4.3). noise: spread of the multiplicative noise on
    feature maps, as a base: noise ** N(0, 1). emotion_scale: deviation that emotion vectors are drawn with;
    emotion_memory_s: over which they are drawn smooth (0 for the paper's white noise, which takes many epochs to become
    slow). regularise: whether emotion vectors are kept slow; False is the ablation. exchange_share: share of the runs
    that feel another moment's emotion, and are judged by how the face moves about its own mean: with minutes of footage
    instead of the paper's, the network would else know a sentence by its mood. exchange_reach: how many times as
    strongly it is felt at most, for moods are mined stronger than they were filmed. silence_share: share of the runs
    that are silent, with the lower face at rest. silence_noise: of their features, in deviations. steps: of a run that
    is told no duration. emotion_rate: learning rate of the emotion vectors. warm_up: share of the run before the
    learning rate is full.
    """

    architecture: Architecture = field(default_factory=Architecture)
    run_frames: int = 16
    batch_runs: int = 8
    shift_frames: float = 0.5
    noise: float = 1.4
    emotion_scale: float = 0.3
    emotion_memory_s: float = 1.0
    regularise: bool = True
    exchange_share: float = 0.5
    exchange_reach: float = 4.0
    silence_share: float = 0.15
    silence_noise: float = 0.05
    mood_share: float = 0.5
    steps: int = 1500
    learning_rate: float = 1e-3
    emotion_rate: float = 1e-3
    warm_up: float = 0.03
    average_decay: float = 0.99
