"""`talking-head live`: a speaking face to Unreal, in real time."""

from __future__ import annotations

from typing import Annotated

import typer

from talking_head.cli import common
from talking_head.cli.common import Outcome, loading, verb
from talking_head.target.settings import duration_s


@verb
def live(
    audio: Annotated[
        str, typer.Argument(metavar="AUDIO|mic", show_default=False, help="A sound or video file, or the microphone.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="HOST:PORT", help="Where Unreal listens; its port is 11111.",
                          show_default=False),
    ],
    target_id: Annotated[str, typer.Option("--target", help="Who speaks; see `targets list`.")] = "astronaut",
    motion: common.SpeakerOption = None,
    weights: common.WeightsOption = None,
    emotion: common.EmotionOption = None,
    emotions: common.EmotionsOption = None,
    style: common.StyleOption = None,
    head: common.HeadOption = None,
    fps: Annotated[float, typer.Option(help="Packets a second.")] = 60.0,
    subject: Annotated[str, typer.Option(help="The name that Unreal lists.")] = "TalkingHead",
    time: Annotated[
        str | None,
        typer.Option(
            "--for", show_default=False,
            help="How long: 90s, 20m; else to the file's end, and with the microphone until stopped.",
        ),
    ] = None,
    seed: common.SeedOption = 0,
    device: common.DeviceOption = "auto",
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Send a speaking face to Unreal in real time, as the Live Link Face app does.

    In Unreal, enable the plugins Live Link and Apple ARKit Face Support; the subject appears in the Live Link window.
    """
    from dataclasses import asdict

    seconds = None if time is None else duration_s(time, "--for")
    with loading():
        from talking_head.animation.live import live as run
        from talking_head.motion.speaking import Directions

    directions = Directions(motion, emotion, emotions, style, head, weights)
    sent = run(
        audio, to, target=target_id, directions=directions, fps=fps, subject=subject,
        seconds=seconds, seed=seed, device=device, home=home,
    )
    late = f"; {sent.skipped} came too late and were skipped" if sent.skipped else ""
    return Outcome(f"{to}: {sent.packets} packets, {sent.duration_s:.1f} s of speech{late}", asdict(sent))
