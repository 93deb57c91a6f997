"""`talking-head export`: motion for Blender, Unreal and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli import common
from talking_head.cli.common import Outcome, loading, verb

ShownOption = Annotated[
    str,
    typer.Option(
        "--face-model",
        help="What --format gltf shows: mp478, the face; or ict:FOLDER, a whole head of ICT-FaceKit (ict alone: of "
        "`assets get ict-facekit`).",
    ),
]


@verb
def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="AUDIO|MOTION", show_default=False,
            help="A sound or video file, which the target then says; or motion: .safetensors, .npz, Live Link .csv.",
        ),
    ],
    target_id: common.TargetOption,
    format: Annotated[
        str, typer.Option("--format", help="livelink, gltf, npz, openface or flame.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The .csv, .glb or .npz to write.", show_default=False)
    ],
    motion: common.SpeakerOption = None,
    weights: common.WeightsOption = None,
    emotion: common.EmotionOption = None,
    emotions: common.EmotionsOption = None,
    style: common.StyleOption = None,
    head: common.HeadOption = None,
    fps: Annotated[float, typer.Option(help="Frames a second of a Live Link file.")] = 60.0,
    flame: Annotated[
        Path | None,
        typer.Option(envvar="TALKING_HEAD_FLAME", help="Your FLAME .pkl, for --format flame.", show_default=False),
    ] = None,
    face_model: ShownOption = "mp478",
    seed: common.SeedOption = 0,
    device: common.DeviceOption = "auto",
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Write a target's motion for other programs.

    **livelink**: the CSV of Epic's Live Link Face app, 52 ARKit values and the head's angles, for Unreal and Blender.
    **gltf**: a .glb with the face (or a whole head), ARKit morph targets and the animation, for Blender, Unreal and
    browsers.
    **npz**: everything, for Python. **openface**: head pose and blinks under OpenFace's names. **flame**: FLAME's
    parameters, by your own FLAME file.

    Edit such a file and let the target follow it: `talking-head synth AUDIO --driving FILE.csv --target ID -o
    OUT.mp4`.
    """
    from dataclasses import asdict

    with loading():
        from talking_head.animation.export import export as run
        from talking_head.motion.directions import Directions

    directions = Directions(motion, emotion, emotions, style, head, weights)
    done = run(
        source, target_id, output, format=format, directions=directions, fps=fps, flame=flame,
        face_model=face_model, seed=seed, device=device, home=home,
    )
    summary = f"{done.output}: {done.duration_s:.1f} s, {done.frames} frames at {done.fps:g} a second"
    return Outcome(summary, asdict(done) | {"output": str(done.output)})
