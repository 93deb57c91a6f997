"""`talking-head import` and `transfer`: what others made, and motion from one face model to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli.common import HomeOption, JsonOption, Outcome, verb

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Take over what other programs made.")

BfmOption = Annotated[
    Path | None,
    typer.Option("--bfm", envvar="TALKING_HEAD_BFM", help="Your BFM_model_front.mat.", show_default=False),
]
PicturesOption = Annotated[
    Path | None,
    typer.Option("--pictures", help="Folder of frames that were drawn of the motion, in order.", show_default=False),
]
AudioOption = Annotated[
    Path | None, typer.Option("--audio", help="The sound that the motion goes with.", show_default=False)
]


@app.command()
@verb
def facial(
    generator: Annotated[Path, typer.Option("--generator", help="The weights: Gen-....mdl.", show_default=False)],
    reference: Annotated[
        Path, typer.Option("--reference", help="The fit of the person's video: .npz, 258 columns.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--id", help="A plain name for it.", show_default=False)],
    motion: Annotated[
        Path | None,
        typer.Option("--driving", help="A motion that the network made: .npz, 71 columns.", show_default=False),
    ] = None,
    pictures: PicturesOption = None,
    audio: AudioOption = None,
    bfm: BfmOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an import of that name.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Take over a person of the published FACIAL code: weights, fit, statistics, motion.

    The result is a motion model that hears DeepSpeech and moves Deng's face, and, of a motion, the same on this
    product's own face with a film to look at. That needs your Basel Face Model (`--bfm`), or the pictures that the
    published renderer drew of the motion (`--pictures`), from which the way is learned; with the sound alone
    (`--audio`) only head, lids and the mouth's opening follow. The published video network is not taken over:
    `enroll` the person's video, or let a target follow: `synth AUDIO --driving .../mp478.safetensors --target ID`.
    """
    from dataclasses import asdict

    from talking_head.heads.transfer import Heads
    from talking_head.interop.import_facial import import_facial

    done = import_facial(
        name, generator, reference, motion=motion, pictures=pictures, audio=audio, heads=Heads(bfm_file=bfm),
        home=home, replace=replace,
    )
    summary = f"'{name}' is in {done.folder}: a motion model and a person of {done.face_frames} fitted frames"
    if done.preview is not None:
        summary += f"; {_quality(done.bridge)}look at {done.preview}"
    elif motion is not None:
        summary += "; to see its motion give --bfm, --pictures or --audio"
    quality = asdict(done.bridge.quality) if done.bridge else None
    preview = str(done.preview) if done.preview else None
    return Outcome(summary, {"folder": str(done.folder), "preview": preview, "bridge": quality})


def _quality(bridge: object) -> str:
    from talking_head.heads.bridge import ExpressionBridge

    if not isinstance(bridge, ExpressionBridge):
        return ""
    if bridge.quality.learned_by == "sound":
        return "the mouth's opening alone is guessed, from the sound; "
    share, agree = bridge.quality.lips_share, bridge.quality.lips_correlation
    return f"lips on frames not learned from: correlation {agree:.2f}, {share:.0%} of the opening; "


@verb
def transfer(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="MOTION|AUDIO", show_default=False,
            help="A motion: .safetensors, .npz (also the published FACIAL's), Live Link .csv; a sound for --imported.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The .safetensors, .npz or .mp4 to write.", show_default=False)
    ],
    to: Annotated[
        str, typer.Option("--to", help="mp478, arkit52, ict_facekit, deng_bfm or flame.")
    ] = "mp478",
    audio: AudioOption = None,
    pictures: PicturesOption = None,
    imported: Annotated[
        str | None,
        typer.Option(
            "--imported", show_default=False,
            help="An import, by its id (see `import facial`): its model, statistics and bridge.",
        ),
    ] = None,
    bfm: BfmOption = None,
    ict: Annotated[
        Path | None, typer.Option("--ict", help="Folder of ICT-FaceKit; see `assets get`.", show_default=False)
    ] = None,
    flame: Annotated[
        Path | None,
        typer.Option("--flame", envvar="TALKING_HEAD_FLAME", help="Your FLAME .pkl or .npz.", show_default=False),
    ] = None,
    target_id: Annotated[
        str | None, typer.Option("--target", help="Place the head as this target rests.", show_default=False)
    ] = None,
    cutoff_hz: Annotated[
        float, typer.Option("--cutoff", help="Tremble faster than this, in Hz, is smoothed away; 0 keeps it.")
    ] = 10.0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Let another face model move as a motion does, and write it, or a film of it.

    **.mp4** shows the model moving, with `--audio`; **.npz** for deng_bfm has the published FACIAL's layout. Between
    meshes the same points of the face move alike, by bounded least squares; what was lost is told.
    """
    from talking_head.heads.transfer import Heads
    from talking_head.interop.transfer_files import transfer_file

    done = transfer_file(
        source, output, to, audio=audio, pictures=pictures, imported=imported, heads=Heads(ict, bfm, flame),
        target=target_id, cutoff_hz=cutoff_hz or None, home=home,
    )
    lost = "" if done.lost_share is None else f"; {done.lost_share:.0%} of the movement was lost"
    summary = f"{done.output}: {done.frames} frames of {to} at {done.fps:g} a second{lost}; {_quality(done.bridge)}"
    data = {"output": str(done.output), "frames": done.frames, "fps": done.fps, "face_model": to}
    data |= {"lost_share": done.lost_share, "steps": list(done.steps)}
    return Outcome(summary.removesuffix("; "), data)
