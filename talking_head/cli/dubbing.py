"""`talking-head dub`: new words on a film."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli import common
from talking_head.cli.common import Outcome, loading, verb
from talking_head.cli.making import CertificateOption, KeyOption
from talking_head.target.consent import Consent
from talking_head.target.settings import duration_s

KeepOption = Annotated[
    str | None, typer.Option("--id", help="Keep what is learned as a target; else nothing is.", show_default=False)
]
BackgroundOption = Annotated[
    Path | None,
    typer.Option(
        "--keep-background", metavar="FILE", show_default=False,
        help="Sound as long as the film that stays under the words: its music, its room.",
    ),
]


@verb
def dub(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Any film of the person.", show_default=False)],
    audio: Annotated[
        Path, typer.Argument(metavar="AUDIO", help="The new words: any file that has sound.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The mp4 to write.", show_default=False)],
    consent: Annotated[
        str, typer.Option(help="Who allows it, in your words; its digest is signed with the film.", show_default=False)
    ] = "",
    consent_until: common.UntilOption = None,
    consent_for: common.PurposeOption = None,
    target_id: Annotated[
        str | None,
        typer.Option("--target", help="Speak as this target does; else learned from the film.", show_default=False),
    ] = None,
    keep_as: KeepOption = None,
    background: BackgroundOption = None,
    budget: Annotated[str, typer.Option(help="Time to track and learn: 90s, 5m, 20m.")] = "5m",
    face: Annotated[
        str | None,
        typer.Option(
            help="Who: left, right, largest, speaking, or a number from the left. Left out: who speaks, else the "
            "largest.", show_default=False,
        ),
    ] = None,
    length: Annotated[
        str, typer.Option(help="sound, video or longest. A film that is too short goes on, never in a plain loop.")
    ] = "sound",
    size: Annotated[int, typer.Option(help="Pixels that the face is painted at: 256 or 512.")] = 512,
    steps: Annotated[
        int | None, typer.Option(help="Training steps instead of the time budget.", show_default=False)
    ] = None,
    seed: common.SeedOption = 0,
    force: common.ForceOption = False,
    label: common.LabelOption = True,
    offline: common.OfflineOption = False,
    device: common.DeviceOption = "auto",
    certificate: CertificateOption = None,
    key: KeyOption = None,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Put new words into a film: its own frames, with the lower face of one person painted anew.

    Cuts, other people, stretches without a face and hands before the mouth are left as they are. Stopped at any
    moment, the same command resumes.
    """
    with loading():
        from talking_head.dubbing.film import DubSettings
        from talking_head.dubbing.film import dub as run

    settings = DubSettings(duration_s(budget, "--budget"), face, length, size, steps, seed, label, device)
    agreed = "" if target_id is not None else Consent.given(consent, consent_until, consent_for)
    made = run(
        video, audio, output, consent=agreed, target=target_id, keep_as=keep_as, background=background,
        settings=settings, certificate=certificate, key=key, home=home, force=force,
    )
    line = f"{made.output}: {made.duration_s:.1f} s, {made.painted_frames} of {made.frames} frames painted"
    return Outcome(f"{line}; {made.note}", asdict(made) | {"output": str(made.output)})
