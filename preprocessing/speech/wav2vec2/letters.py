"""A CTC model's own tokens to DeepSpeech's 29 symbols."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp

from foundation.errors import InputError
from preprocessing.speech.optional import require
from preprocessing.speech.symbols import BLANK, SYMBOLS

ENOUGH_LETTERS = 13
EXPECTED = "a model that spells with Latin letters, a word delimiter and a blank"


def plain(token: str) -> str:
    """A token without case and accents; a typographic apostrophe becomes the plain one."""
    parts = unicodedata.normalize("NFKD", token.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


class Letters:
    """Scores of a model's tokens `[T, V]` to scores of the 29 symbols `[T, 29]`.

    Tokens that are one letter but for case or accents are added up as probabilities. What is none of the 29 (sentence
    marks, digits, other scripts) is left out. A symbol that the model lacks gets each row's lowest score, so it is
    never the likeliest.

    Args:
        tokens: the model's tokens and their columns. blank: the token of no symbol. delimiter: that between words.

    Raises:
        InputError: no blank, no word delimiter, or fewer than half of the letters.
    """

    def __init__(self, tokens: Mapping[str, int], blank: str, delimiter: str) -> None:
        columns: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
        for token, column in sorted(tokens.items(), key=lambda item: item[1]):
            symbol = {blank: BLANK, delimiter: " "}.get(token, plain(token))
            known = symbol in columns and (symbol not in (BLANK, " ") or token in (blank, delimiter))
            if known:
                columns[symbol].append(column)
        self.columns = list(columns.values())
        self.lacking = [symbol for symbol in SYMBOLS if not columns[symbol]]
        letters = sum(letter not in self.lacking for letter in string.ascii_lowercase)
        if BLANK in self.lacking or " " in self.lacking or letters < ENOUGH_LETTERS:
            received = f"a vocabulary of {len(tokens)} tokens, {letters} of the 26 letters among them"
            raise InputError(received, EXPECTED, "take a model fine-tuned to letters, as wav2vec2-base-960h")

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        present = [logsumexp(scores[:, columns], axis=1) for columns in self.columns if columns]
        lowest = np.min(present, axis=0)
        given = iter(present)
        return np.stack([next(given) if columns else lowest for columns in self.columns], axis=1).astype(np.float32)


def letters_of(folder: Path, width: int) -> Letters:
    """The letters of the model in a folder, whose output has `width` columns.

    Raises:
        InputError: the folder has no vocabulary, or one of another width, or what `Letters` raises.
    """
    transformers: Any = require("transformers", "wav2vec2")
    if not (folder / "vocab.json").is_file():
        raise InputError(f"{folder} has no vocab.json", EXPECTED, "copy the model's whole folder")
    try:
        tokenizer = transformers.Wav2Vec2CTCTokenizer.from_pretrained(folder, local_files_only=True)
        tokens = {token: column for token, column in tokenizer.get_vocab().items() if column < width}
    except Exception as error:  # of many kinds, as in `network`
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder}: its vocabulary cannot be read ({reason})", EXPECTED) from error
    if tokenizer.pad_token not in tokens:
        raise InputError(f"{folder}: the blank is not among the {width} columns of the model", EXPECTED)
    return Letters(tokens, tokenizer.pad_token, tokenizer.word_delimiter_token)
