"""`talking-head say`: a text in, a film out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foundation.errors import InputError
from talking_head.cli import common, making
from talking_head.cli.common import Outcome, loading, verb

if TYPE_CHECKING:
    from talking_head.voices.interface import Voice

VoiceOption = Annotated[
    str | None,
    typer.Option(
        envvar="TALKING_HEAD_VOICE", show_default=False,
        help="piper:MODEL.onnx, espeak-ng[:VOICE], flite[:VOICE], openai:URL or command:PROGRAM (text in, wav out); "
        "the first that is installed when left out. `doctor` tells which are.",
    ),
]
CurvesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv", show_default=False,
        help="Curves of the face instead of the text's directions: what --script printed, edited.",
    ),
]


@verb
def say(
    text: Annotated[
        str, typer.Argument(metavar="TEXT|FILE", help="What to say: a text, or a file of it.", show_default=False)
    ],
    target_id: Annotated[str | None, common.TARGET] = None,
    output: Annotated[Path | None, common.FILM] = None,
    voice: VoiceOption = None,
    script: Annotated[bool, typer.Option("--script", help="Only print the curves of the text's directions.")] = False,
    curves: CurvesOption = None,
    motion: common.SpeakerOption = None,
    weights: common.WeightsOption = None,
    emotion: common.EmotionOption = None,
    emotions: common.EmotionsOption = None,
    style: common.StyleOption = None,
    head: common.HeadOption = None,
    seed: common.SeedOption = 0,
    aspect: making.AspectOption = None,
    height: making.HeightOption = None,
    background: making.BackgroundOption = None,
    force: common.ForceOption = False,
    label: common.LabelOption = True,
    device: common.DeviceOption = making.DEFAULTS.device,
    certificate: making.CertificateOption = None,
    key: making.KeyOption = None,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Let a target say a text: speech synthesis that you have speaks it, the target is seen saying it.

    The text may direct: `Well, [smile 0.6] hello. [pause 0.4] [nod] Yes, [look left] there. [brows up] Really?` Such
    directions become curves: `--script` prints them, `--curves FILE.csv` takes them back when you have edited them.
    """
    with loading():
        from talking_head.voices.choosing import voice_named
        from talking_head.voices.speaking import text_of

    words, speaks = text_of(text), voice_named(voice)
    if script:
        return _script(words, speaks)
    if target_id is None or output is None:
        raise InputError("no --target or no -o", "who speaks, and the mp4 to write", "or --script for curves alone")
    from talking_head.motion.directions import Directions
    from talking_head.synth.framing import Framing

    directions = Directions(motion, emotion, emotions, style, head, weights)
    framing = Framing(aspect, height, background)
    return _film(
        words, target_id, output, curves, voice=speaks, directions=directions, seed=seed, label=label, device=device,
        home=home, certificate=certificate, key=key, framing=framing, force=force,
    )


def _script(words: str, voice: Voice) -> Outcome:
    from talking_head.voices.speaking import spoken

    said = spoken(words, voice)
    keys = said.curves.to_csv()
    print(keys, end="")
    return Outcome("", {"voice": voice.name, "duration_s": round(said.sound.duration_s, 3), "curves": keys})


def _film(words: str, target_id: str, output: Path, curves: Path | None, **options: Any) -> Outcome:
    from dataclasses import asdict

    from talking_head.motion.curves import Curves
    from talking_head.synth.film import checked_output
    from talking_head.voices.film import say as run

    edited = None if curves is None else Curves.load(curves)
    suffix = ".webm" if options["framing"].transparent else ".mp4"
    checked_output(output, Path("said.wav"), suffix, options["force"])  # before anything is said
    made = run(words, target_id, output, curves=edited, **options)
    voice = options["voice"].name
    data = asdict(made) | {"output": str(made.output), "voice": voice}
    return Outcome(f"{making.film_line(made)}; voice {voice}", data)
