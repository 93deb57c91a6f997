"""Networks from their configuration: the one place where widths turn into modules."""

from __future__ import annotations

import configs
from face_model.tracks import MOTION_SIZE
from facial_gan.config import Architecture
from facial_gan.networks import Discriminator, Generator, LocalPhonetic, TemporalCorrelation
from foundation.config import configure, load_yaml

PUBLISHED = "facial_gan"  # the shipped configuration that has the paper's widths


def published() -> Architecture:
    """The widths of the published networks, which their weights need."""
    path = configs.find(PUBLISHED)
    assert path is not None
    return configure(Architecture, load_yaml(path)["model"]["architecture"], str(path))


def build_generator(architecture: Architecture, feature_size: int) -> Generator:
    """The generator that an architecture describes, for speech features of a size."""
    a, b, c, d = architecture.picture_widths
    context = TemporalCorrelation(
        feature_size, MOTION_SIZE if architecture.use_initial else 0, (a, b, c, d), tuple(architecture.unet_widths),
        tuple(architecture.join_widths), architecture.context_size, architecture.dropout,
    ) if architecture.use_context else None  # fmt: skip
    local = LocalPhonetic(feature_size, tuple(architecture.local_widths), architecture.local_size)
    sizes = architecture.local_size, context, architecture.context_size
    return Generator(local, *sizes, MOTION_SIZE, architecture.dropout)


def build_discriminator(architecture: Architecture) -> Discriminator:
    """The discriminator that an architecture describes."""
    return Discriminator(architecture.discriminator_width)
