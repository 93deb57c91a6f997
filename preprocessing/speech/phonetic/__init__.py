"""Our own speech encoder: what the mouth shows of a sound, in any language, from weights that ship."""

from preprocessing.speech.phonetic.encoder import CAUSAL_WEIGHTS, WEIGHTS, PhoneticEncoder, sum_over_visemes
from preprocessing.speech.phonetic.inventory import PHONES, VISEME_NAMES, VISEME_OF_PHONE, VISEMES

__all__ = [
    "CAUSAL_WEIGHTS", "PHONES", "VISEMES", "VISEME_NAMES", "VISEME_OF_PHONE", "WEIGHTS", "PhoneticEncoder",
    "sum_over_visemes",
]
