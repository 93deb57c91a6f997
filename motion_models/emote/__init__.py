"""EMOTE (Danecek et al. 2023): speech, an emotion, its intensity and a style to a face's expression."""

from motion_models.emote.model import Emote

__all__ = ["Emote"]
