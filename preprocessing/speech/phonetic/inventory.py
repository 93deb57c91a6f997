"""The phones that the encoder tells apart, the viseme of each, and how other alphabets are read into them.

The inventory is small and the same for all languages: what matters is how the mouth looks, so sounds that differ only
in tone, length, aspiration or phonation share a class. A diphthong is two phones, the first for `DIPHTHONG_SPLIT`.
"""

from __future__ import annotations

import unicodedata

VISEMES: dict[str, tuple[str, ...]] = {
    "silence": ("SIL",),
    "lips_closed": ("P", "B", "M"),
    "lip_teeth": ("F", "V"),
    "tongue_tip": ("TH", "DH", "T", "D", "N", "L", "RR"),
    "hiss": ("S", "Z"),
    "hush": ("SH", "ZH", "CH", "JH"),
    "back": ("K", "G", "NG", "X", "HH"),
    "rhotic": ("R", "ER"),
    "round_close": ("W", "UW", "UH", "UE"),
    "round_mid": ("AO", "OW", "OE"),
    "open": ("AA", "AE", "AH"),
    "mid": ("AX", "EH"),
    "spread": ("IH", "IY", "Y"),
}
"""Viseme classes: name -> phones. 13 groups, silence first."""

PHONES: tuple[str, ...] = tuple(phone for group in VISEMES.values() for phone in group)
VISEME_NAMES: tuple[str, ...] = tuple(VISEMES)
PHONE_INDEX = {phone: index for index, phone in enumerate(PHONES)}
VISEME_OF_PHONE: tuple[int, ...] = tuple(
    viseme for viseme, group in enumerate(VISEMES.values()) for _ in group
)
"""Index of each phone's viseme, in the order of `PHONES`."""

DIPHTHONG_SPLIT = 0.6
"""Share of a diphthong's duration that belongs to its first phone."""

_ARPABET_PAIRS = {"AY": "AA IH", "AW": "AA UH", "OY": "AO IH", "EY": "EH IH", "OW": "OW UH"}
_ARPABET_ALIASES = {
    "": "SIL", "SP": "SIL", "SIL": "SIL", "PAU": "SIL", "SSIL": "SIL", "BRTH": "SIL", "H#": "SIL",
    "AXR": "ER", "IX": "IH", "AH0": "AX", "UX": "UW", "DX": "RR", "HV": "HH", "EL": "L", "EM": "M", "EN": "N",
    "NX": "N", "WH": "W",
}

_IPA = {
    "P": "pɓ", "B": "b", "M": "mɱ", "F": "fɸ", "V": "vʋβⱱ", "TH": "θ", "DH": "ð", "T": "tʈ", "D": "dɖɗ",
    "N": "nɲɳ", "L": "lɫɭʎɬɮ", "RR": "rɾɽ", "S": "s", "Z": "z", "SH": "ʃʂɕ", "ZH": "ʒʐʑ", "CH": "", "JH": "",
    "K": "kqc", "G": "gɡɢɟɠʛ", "NG": "ŋɴ", "X": "xχɣʁħʕçʀɰʝ", "HH": "hɦʔ", "R": "ɹɻɺ", "ER": "ɚɝ", "W": "wʍɥ",
    "UW": "u", "UH": "ʊ", "UE": "yʏʉ", "AO": "ɔɒ", "OW": "o", "OE": "øœɞɵ", "AA": "aɑ", "AE": "æ",
    "AH": "ʌɐ", "AX": "əɜɘɤɨ", "EH": "eɛ", "IH": "ɪᵻ", "IY": "iɯ", "Y": "j",
}
_PHONE_OF_IPA = {symbol: phone for phone, symbols in _IPA.items() for symbol in symbols}
_AFFRICATES = {("T", "SH"): "CH", ("D", "ZH"): "JH", ("T", "S"): "S", ("D", "Z"): "Z"}
_VOWELS = frozenset(("UW", "UH", "UE", "AO", "OW", "OE", "AA", "AE", "AH", "AX", "EH", "IH", "IY", "ER"))


def parse_arpabet(symbol: str) -> tuple[str, ...] | None:
    """Phones of an ARPAbet symbol, any case, stress digit allowed; None when it is not one (`spn`, say)."""
    whole = symbol.strip().upper()
    bare = _ARPABET_ALIASES.get(whole, whole.rstrip("012"))
    if bare in _ARPABET_PAIRS:
        return tuple(_ARPABET_PAIRS[bare].split())
    phone = _ARPABET_ALIASES.get(bare, bare)
    return (phone,) if phone in PHONE_INDEX else None


def parse_ipa(symbol: str) -> tuple[str, ...] | None:
    """Phones of one segment in IPA (`oʊ` -> OW, UH; `tʃ` -> CH); empty is silence; None when nothing is known.

    Length, tone, stress, nasality and secondary articulation are dropped.
    """
    phones: list[str] = []
    for character in unicodedata.normalize("NFD", symbol):
        phone = _PHONE_OF_IPA.get(character)
        if phone is None:
            continue
        if phones and (phones[-1], phone) in _AFFRICATES:
            phones[-1] = _AFFRICATES[phones[-1], phone]
        elif not phones or phones[-1] != phone:
            phones.append(phone)
    if phones:
        return tuple(phones)
    return ("SIL",) if not symbol.strip("ˈˌː_ ") else None


def timed_phones(phones: tuple[str, ...], start_s: float, end_s: float) -> list[tuple[float, float, int]]:
    """(start, end, phone index) of a segment's phones: equal shares; `DIPHTHONG_SPLIT` to the first of two vowels."""
    count = len(phones)
    if count == 2 and phones[0] in _VOWELS and phones[1] in _VOWELS:
        cuts = [0.0, DIPHTHONG_SPLIT, 1.0]
    else:
        cuts = [index / count for index in range(count + 1)]
    length_s = end_s - start_s
    return [
        (start_s + cuts[index] * length_s, start_s + cuts[index + 1] * length_s, PHONE_INDEX[phone])
        for index, phone in enumerate(phones)
    ]
