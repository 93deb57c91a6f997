"""Encoders by name, built only when asked for.

A name is `NAME`, `NAME:PATH` or either with `?KEY=VALUE&...`: `phonetic`, `deepspeech:/models/output_graph.pb`,
`wav2vec2_hidden:/models/wav2vec2-base?layer=9&rate_hz=25`. Files that are not given by path are looked for in
`TALKING_HEAD_ASSETS`, then in the cache folder, under the name told in `ASSETS`.

An encoder's own `name`, which motion models remember, is such a name without the path: it tells which encoder, and
not where its files lie on some machine. `model=...` in it is the fingerprint of the weights: asked for by such a name,
an encoder with others is refused; a name without it takes the weights that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from foundation.errors import InputError
from foundation.places import asset_places
from foundation.shipped import shipped
from preprocessing.speech.encoder import SpeechEncoder
from preprocessing.speech.optional import install_command, installed

ASSETS = {"deepspeech": "deepspeech/output_graph.pb", "wav2vec2": "wav2vec2", "wav2vec2_hidden": "wav2vec2"}
"""Where the files of optional encoders are looked for, below the assets folder."""


@dataclass(frozen=True)
class EncoderName:
    """A name in its parts. kind: which encoder. path: of its files, None for wherever they are. options: as text.

    was: where its files were when a motion model learned through it.
    """

    kind: str
    path: Path | None
    options: dict[str, str]
    was: Path | None = None

    @staticmethod
    def parse(name: str) -> EncoderName:
        """The parts of `NAME[:PATH][?KEY=VALUE&...]`.

        Raises:
            InputError: an unknown encoder (the known ones are named), or options not of that form.
        """
        place, mark, query = name.partition("?")
        kind, _, path = place.partition(":")
        if kind not in _ENTRIES:
            raise InputError(f"speech encoder '{kind}'", f"one of {', '.join(sorted(_ENTRIES))}")
        try:
            options = dict(parse_qsl(query, strict_parsing=True)) if mark else {}
        except ValueError as error:
            raise InputError(f"speech encoder '{name}'", "options as ?KEY=VALUE&KEY=VALUE") from error
        wrong = sorted(set(options) - set(_ENTRIES[kind].options))
        if wrong:
            known = ", ".join(_ENTRIES[kind].options) or "no option"
            raise InputError(f"speech encoder '{name}': option {', '.join(wrong)}", known)
        return EncoderName(kind, Path(path).expanduser() if path else None, options)

    def number(self, key: str) -> float | None:
        """An option that is a number; None when it is not given.

        Raises:
            InputError: it is none.
        """
        if key not in self.options:
            return None
        try:
            return float(self.options[key])
        except ValueError as error:
            raise InputError(f"{key}={self.options[key]} for {self.kind}", f"a number for {key}") from error


@dataclass(frozen=True)
class _Entry:
    summary: str
    build: Callable[[EncoderName], SpeechEncoder]  # imports what it needs inside
    options: tuple[str, ...] = ()


def _log_mel(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.log_mel import LogMel

    if name.path is not None:
        raise InputError(f"weights at {name.path} for log_mel", "no path", "log_mel has nothing to load")
    return LogMel()


def _autocorrelation(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.autocorrelation import Autocorrelation

    if name.path is not None:
        raise InputError(f"weights at {name.path} for autocorrelation", "no path", "it has nothing to load")
    return Autocorrelation()


def _phonetic(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.phonetic.encoder import WEIGHTS, PhoneticEncoder

    path = name.path or shipped(WEIGHTS)
    return _same_model(PhoneticEncoder(path), path, name)


def _phonetic_mel(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.phonetic.encoder import WEIGHTS
    from preprocessing.speech.phonetic_mel import PhoneticMel

    path = name.path or shipped(WEIGHTS)
    return _same_model(PhoneticMel(path), path, name)


def _phonetic_causal(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.phonetic.encoder import CAUSAL_WEIGHTS, PhoneticEncoder

    path = name.path or shipped(CAUSAL_WEIGHTS)
    return _same_model(PhoneticEncoder(path), path, name)


def _deepspeech(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.deepspeech import DeepSpeech

    return DeepSpeech(_files(name))


def _wav2vec2(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.wav2vec2 import Wav2vec2Letters

    path = _files(name)
    return _same_model(Wav2vec2Letters(path, _device()), path, name)


def _wav2vec2_hidden(name: EncoderName) -> SpeechEncoder:
    from preprocessing.speech.wav2vec2 import Wav2vec2Hidden

    path, layer = _files(name), name.number("layer")
    encoder = Wav2vec2Hidden(path, -1 if layer is None else round(layer), name.number("rate_hz"), _device())
    return _same_model(encoder, path, name)


_ENTRIES: dict[str, _Entry] = {
    "log_mel": _Entry("80 mel bands at 50 Hz relative to the clip's speech level; nothing to load", _log_mel),
    "autocorrelation": _Entry("32 lags at 125 Hz (Karras 2017); nothing to load", _autocorrelation),
    "phonetic": _Entry(
        "viseme posteriors and a phonetic bottleneck at 50 Hz, any language; weights ship", _phonetic, ("model",)
    ),
    "phonetic_mel": _Entry("the same and 26 mel bands; weights ship", _phonetic_mel, ("model",)),
    "phonetic_causal": _Entry(
        "the same from past sound only, for streams; weights ship", _phonetic_causal, ("model",)
    ),
    "deepspeech": _Entry("scores of 29 symbols at 30 Hz, the paper's; your own output_graph.pb of 0.1", _deepspeech),
    "wav2vec2": _Entry(
        "scores of the same 29 symbols at 30 Hz; your own folder of a model with letters", _wav2vec2, ("model",)
    ),
    "wav2vec2_hidden": _Entry(
        "hidden states at 50 Hz or less; your own folder", _wav2vec2_hidden, ("layer", "rate_hz", "model")
    ),
}


def speech_encoders() -> dict[str, str]:
    """What `speech_encoder` can build: name -> one line about it."""
    return {name: entry.summary for name, entry in _ENTRIES.items()}


def speech_encoder(name: str, path: Path | None = None) -> SpeechEncoder:
    """The encoder of that name.

    Args:
        name: `NAME[:PATH][?KEY=VALUE&...]`, NAME one of `speech_encoders()`.
        path: local weights, for encoders that can load some, instead of a path in the name.

    Raises:
        InputError: an unknown name (the known ones are named), files that are missing or not wanted, a package that is
            missing, or files of another model than the name tells.
    """
    parsed = EncoderName.parse(name)
    if path is not None:
        parsed = replace(parsed, path=path)
    return _ENTRIES[parsed.kind].build(parsed)


def encoder_of(extractor: str, given: str = "") -> SpeechEncoder:
    """The encoder that a motion model was made with.

    Args:
        extractor: its name, as the motion model remembers it.
        given: how it was called then, perhaps with a path, which is used when something is still there.

    Raises:
        InputError: what `speech_encoder` raises.
    """
    wanted = EncoderName.parse(extractor)
    if wanted.path is None and given:
        hint = EncoderName.parse(given)
        if hint.kind == wanted.kind and hint.path is not None:
            wanted = replace(wanted, path=hint.path if hint.path.exists() else None, was=hint.path)
    return _ENTRIES[wanted.kind].build(wanted)


def asset(kind: str) -> Path | None:
    """The files of an optional encoder in the assets folder or the cache; None when they are in neither."""
    return next((place for place in _places(kind) if place.exists()), None)


def _places(kind: str) -> list[Path]:
    return list(asset_places(ASSETS[kind]))


def _files(name: EncoderName) -> Path:
    if name.path is not None:
        return name.path
    found = asset(name.kind)
    if found is None:
        places = " or ".join(map(str, _places(name.kind)))
        raise InputError(
            f"the files of speech encoder '{name.kind}' are not on this machine", f"them at {places}",
            f"put them there, or give their place: {name.kind}:/path",
        )
    return found


def _same_model(encoder: SpeechEncoder, path: Path, name: EncoderName) -> SpeechEncoder:
    """The encoder that was made from the files at a path, if it is what the name tells."""
    found, wanted = EncoderName.parse(encoder.name), name.options.get("model")
    if found.kind != name.kind:
        raise InputError(f"{path} is a {found.kind} model", f"one of {name.kind}", f"call it {found.kind}:{path}")
    if wanted not in (None, found.options["model"]):
        received, expected = f"{path} is the {name.kind} model {found.options['model']}", f"the model {wanted}"
        again = f"enroll again, with --speech {name.kind}:/path where you have that model"
        remedy = f"put that model back at {name.was}, or enroll again" if name.was else again
        raise InputError(received, f"{expected}, which this motion learned through", remedy)
    return encoder


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class OptionalEncoder:
    """An encoder whose files the user brings. found: what is there, or what is missing. remedy: what mends it."""

    name: str
    ready: bool
    found: str
    remedy: str = ""


def optional_encoders() -> list[OptionalEncoder]:
    """Which of them can run on this machine without a path, and what the others lack; nothing is loaded."""
    needs = {"deepspeech": ("tensorflow", "deepspeech"), "wav2vec2": ("transformers", "wav2vec2")}
    states = []
    for kind, (package, extra) in needs.items():
        files, package_there = asset(kind), installed(package)
        found = f"{package}: {'installed' if package_there else 'absent'}; files: {files or 'absent'}"
        remedies = [] if package_there else [install_command(extra)]
        remedies += [] if files else [f"name its files ({kind}:/path), or put them at {_places(kind)[0]}"]
        states.append(OptionalEncoder(kind, not remedies, found, "; ".join(remedies)))
    return states
