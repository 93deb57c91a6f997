"""What the `fast` profile can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FastConfig:
    """The `fast` generator and its training.

    texture_share: side of the head texture, as a share of the crop's. features: free texture channels. width: channels
    at the working resolution. batch: frames a step. network_rate, feature_rate, colour_rate: AdamW's learning rates
    (cosine decay) of network, free texture channels, and the layers' colours. clip_norm: of the gradient.
    colour_epsilon: Adam's, as large as a pixel's own gradient, so that what is hardly ever seen hardly moves.
    face_weight, mouth_weight, eye_weight: added to the weight 1 of every pixel. square: weight of the squared error
    beside L1. similarity: of 1 - SSIM. edges: of the L1 of picture gradients, against blur. base: of the layered
    picture's own L1, so that the layers stay a picture. anchor: of the layers' distance from their first guess; felt
    only where frames hardly show them. use_texture, use_eye_attention: ablations; without texture the network starts
    from the plate alone.
    """

    texture_share: float = 1.25
    features: int = 8
    width: int = 32
    batch: int = 4
    network_rate: float = 3e-3
    feature_rate: float = 5e-3
    colour_rate: float = 1e-2
    clip_norm: float = 5.0
    colour_epsilon: float = 3e-7
    face_weight: float = 2.0
    mouth_weight: float = 4.0
    eye_weight: float = 2.0
    square: float = 4.0
    similarity: float = 0.1
    edges: float = 1.0
    base: float = 0.3
    anchor: float = 0.02
    average_decay: float = 0.998
    use_texture: bool = True
    use_eye_attention: bool = True
