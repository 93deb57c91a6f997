"""Networks from their configuration: the one place where widths turn into modules."""

from __future__ import annotations

from face_model.tracks import MOTION_SIZE
from facial_gan.config import Architecture
from facial_gan.networks import Discriminator, Generator, create_generator


def build_generator(architecture: Architecture, feature_size: int) -> Generator:
    """The generator that an architecture describes, for speech features of a size."""
    a, b, c, d = architecture.picture_widths
    return create_generator(
        feature_size,
        MOTION_SIZE,
        local_widths=tuple(architecture.local_widths),
        local_size=architecture.local_size,
        picture_widths=(a, b, c, d),
        unet_widths=tuple(architecture.unet_widths),
        join_widths=tuple(architecture.join_widths),
        context_size=architecture.context_size,
        dropout=architecture.dropout,
        use_context=architecture.use_context,
        use_initial=architecture.use_initial,
    )


def build_discriminator(architecture: Architecture) -> Discriminator:
    """The discriminator that an architecture describes."""
    return Discriminator(architecture.discriminator_width)
