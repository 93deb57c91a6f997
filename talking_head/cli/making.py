"""`talking-head enroll`, `synth` and `track`: the main road."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import configs
from foundation.errors import InputError
from talking_head.cli import common
from talking_head.cli.common import Outcome, loading, readable_size, verb
from talking_head.provenance.signing import CERTIFICATE_VARIABLE, KEY_VARIABLE
from talking_head.target.consent import Consent
from talking_head.target.settings import RENDERERS, EnrollSettings, duration_s

if TYPE_CHECKING:
    from talking_head.doctor.look_before import Look
    from talking_head.enrollment.from_video import EnrollResult
    from talking_head.synth.film import Synthesis

DEFAULTS = EnrollSettings()

VideoArgument = Annotated[
    Path, typer.Argument(metavar="VIDEO", help="A video of one person speaking to the camera.", show_default=False)
]
SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="VIDEO|PHOTO", help="One person speaking to the camera, or one photo of them.", show_default=False
    ),
]
CertificateOption = Annotated[
    Path | None,
    typer.Option(envvar=CERTIFICATE_VARIABLE, help="Sign with this: PEM, the signer's first.", show_default=False),
]
KeyOption = Annotated[
    Path | None, typer.Option(envvar=KEY_VARIABLE, help="The certificate's private key: PEM.", show_default=False)
]
SpeechOption = Annotated[
    str | None,
    typer.Option(
        help="Speech encoder to listen through: phonetic_mel, phonetic, log_mel, deepspeech:GRAPH.pb, wav2vec2:FOLDER, "
        "wav2vec2_hidden:FOLDER?layer=9&rate_hz=25. Left out: what each motion model is made for.",
        show_default=False,
    ),
]
TrackerOption = Annotated[
    str,
    typer.Option(
        help="mediapipe; face_alignment; openface or pyfeat (runs what is installed); openface:FILE.csv or "
        "pyfeat:FILE.csv (what they wrote). All but the first see 68 landmarks."
    ),
]
FaceModelOption = Annotated[
    str | None,
    typer.Option(
        "--face-model", "--fit", show_default=False,
        help="mp478 (ours); or yours: deng:BFM_model_front.mat (fitted; with ?weights=epoch_20.pth by Deng's "
        "regressor), ict:FOLDER, flame:FILE.",
    ),
]
SyncOption = Annotated[
    bool, typer.Option("--sync-fix/--no-sync-fix", help="Correct sound that is late or early, or refuse such a video.")
]

EphemeralOption = Annotated[
    bool, typer.Option("--ephemeral", help="--target is a photo or video: enrolled for this command, and forgotten.")
]
EphemeralConsentOption = Annotated[str | None, typer.Option(help="For --ephemeral: who allows it.", show_default=False)]
VersionsOption = Annotated[
    int, typer.Option(min=1, max=99, help="So many films, of the seeds from --seed on: OUT-1.mp4, OUT-2.mp4.")
]
AspectOption = Annotated[
    str | None,
    typer.Option(help="9:16, 1:1 or 16:9, framed on the face; as the target when left out.", show_default=False),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Replace a target of that name.")]
HoldOutOption = Annotated[
    float, typer.Option(help="Share of the video, at its end, to measure on instead of learning from.")
]
HeightOption = Annotated[int | None, typer.Option(help="Of the film, in pixels.", show_default=False)]
BackgroundOption = Annotated[
    str | None,
    typer.Option(
        help="Behind a person known from a photo: #rrggbb, black, white, grey, green, blue, a picture file, or "
        "transparent (VP9 with alpha: -o OUT.webm).",
        show_default=False,
    ),
]


StartOption = Annotated[
    list[Path],
    typer.Option(
        "--from", show_default=False,
        help="General weights to begin from: a run's folder or file of `train`, or of `import`; again for more models.",
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        metavar="YAML", show_default=False,
        help=f"Everything in a file (docs/training.md), or one that ships: {', '.join(configs.names('enroll'))}. "
        "Options given beside it win.",
    ),
]

StepsOption = Annotated[
    int | None,
    typer.Option(help="Training steps instead of a time budget: the same result on every run.", show_default=False),
]
EpochsOption = Annotated[
    int | None, typer.Option(help="Passes of the video network over the video, whatever --budget.", show_default=False)
]
RendererOption = Annotated[str, typer.Option(help=f"What draws the mesh: {', '.join(RENDERERS)}.")]


ExplainOption = Annotated[
    Path | None,
    typer.Option(
        help="Where the photo or video is refused for what it shows: a picture of what was found, FILE.png.",
        metavar="FILE", show_default=False,
    ),
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="Only check everything and print what was understood; nothing is made.")
]


NameOption = Annotated[str | None, typer.Option("--id", help="A plain name for the target.", show_default=False)]
ConsentOption = Annotated[
    str | None,
    typer.Option(help="Who allows the use of this likeness, in your words; kept with it.", show_default=False),
]
BudgetOption = Annotated[str, typer.Option(help="Time for everything: 90s, 20m, 1h30m. Less, less likeness.")]
MotionsOption = Annotated[
    list[str], typer.Option(help="To learn besides FACIAL-GAN: karras2017, arkit or emote; give it again for more.")
]


@verb
def enroll(
    context: typer.Context,
    video: SourceArgument,
    target_id: NameOption = None,
    consent: ConsentOption = None,
    consent_until: common.UntilOption = None,
    consent_for: common.PurposeOption = None,
    profile: Annotated[str, typer.Option(
        help="footage: on the video's own frames; fast: a learned texture; paper: the paper's network."
    )] = DEFAULTS.profile,
    size: Annotated[int, typer.Option(help="Pixels that the face is painted at: 256 or 512.")] = DEFAULTS.size_px,
    budget: BudgetOption = f"{DEFAULTS.budget_s / 60:g}m",
    steps: StepsOption = DEFAULTS.steps,
    seed: common.SeedOption = DEFAULTS.seed,
    sync_fix: SyncOption = DEFAULTS.fix_sync,
    hold_out: HoldOutOption = DEFAULTS.hold_out,
    motion: MotionsOption = [],  # noqa: B006 - typer wants a list
    speech: SpeechOption = DEFAULTS.speech,
    start: StartOption = [],  # noqa: B006 - typer wants a list
    config: ConfigOption = None,
    epochs: EpochsOption = DEFAULTS.epochs,
    renderer: RendererOption = DEFAULTS.renderer,
    tracker: TrackerOption = DEFAULTS.tracker,
    face_model: FaceModelOption = None,
    explain: ExplainOption = None,
    replace: ReplaceOption = False, check: CheckOption = False,
    offline: common.OfflineOption = False,
    device: common.DeviceOption = DEFAULTS.device,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Make a target from a video or photo of one person: track the face, learn its motion, learn to paint it.

    Five seconds of speech to the camera are the least; one to five minutes are better. Stopped at any moment, the same
    command resumes; run after it is done, it says so.
    """
    from preprocessing.explaining import explained
    from talking_head.enrollment.from_video import enroll as run

    said: dict[str, Any] = {
        "profile": profile, "size_px": size, "budget_s": duration_s(budget, "--budget"), "steps": steps, "seed": seed,
        "fix_sync": sync_fix, "hold_out": hold_out, "speech": speech, "device": device, "motion": tuple(motion),
        "start": tuple(map(str, start)), "epochs": epochs, "renderer": renderer,
        "tracker": tracker, "face_model": face_model or DEFAULTS.face_model,
    }
    settings = EnrollSettings(**said) if config is None else _with_config(config, said, context)
    with explained(explain):
        if check:
            from talking_head.doctor.look_before import look_at_enrolment

            agreed = None if consent is None else Consent.given(consent, consent_until, consent_for)
            return _looked(look_at_enrolment(video, target_id, agreed, settings, home=home, replace=replace), as_json)
        if target_id is None or consent is None:
            missing = "--id" if target_id is None else "--consent"
            raise common.UsageError(f"missing option '{missing}'", ctx=context)
        agreed = Consent.given(consent, consent_until, consent_for)
        return _enrolled(run(video, target_id, agreed, settings, home=home, replace=replace))


def _enrolled(made: EnrollResult) -> Outcome:
    from talking_head.enrollment.sharpness import told

    target = made.target
    done = "is already done" if made.already_done else "is done"
    sharp = told(target.card.quality)
    summary = (
        f"target '{target.id}' {done}: {readable_size(target.size_bytes())} in {target.folder}; "
        + (f"{sharp}; " if sharp else "") +
        f"now: talking-head synth AUDIO --target {target.id} -o OUT.mp4"
    )
    return Outcome(summary, target.describe() | {"already_done": made.already_done})


def _with_config(config: str, said: dict[str, Any], context: typer.Context) -> EnrollSettings:
    """A file's settings, and over them the options that were given, not their defaults."""
    from talking_head.enrollment.recipe import read_settings

    options = {"size_px": "size", "budget_s": "budget", "fix_sync": "sync_fix"}
    sources = {name: context.get_parameter_source(options.get(name, name)) for name in said}
    given = {name: value for name, value in said.items() if getattr(sources[name], "name", "") == "COMMANDLINE"}
    return read_settings(config, given)


@verb
def synth(
    audio: Annotated[
        Path, typer.Argument(metavar="AUDIO", help="Any sound or video file that has sound.", show_default=False)
    ],
    target_id: common.TargetOption,
    output: common.FilmOption,
    driving: Annotated[
        Path | None,
        typer.Option(
            help="Motion to follow: .safetensors, .npz, .glb, or a Live Link or OpenFace .csv.", show_default=False
        ),
    ] = None,
    motion: common.SpeakerOption = None,
    weights: common.WeightsOption = None,
    emotion: common.EmotionOption = None,
    emotions: common.EmotionsOption = None,
    style: common.StyleOption = None,
    head: common.HeadOption = None,
    seed: common.SeedOption = 0,
    versions: VersionsOption = 1,
    aspect: AspectOption = None,
    height: HeightOption = None,
    background: BackgroundOption = None,
    ephemeral: EphemeralOption = False, consent: EphemeralConsentOption = None,
    force: common.ForceOption = False,
    check: CheckOption = False,
    label: common.LabelOption = True,
    device: common.DeviceOption = DEFAULTS.device,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Let a target speak: an mp4 of the person saying what the sound says.

    With `--driving` the face follows a file, such as curves edited after `export`. The sound is then only heard, and
    decides the length.
    """
    from dataclasses import asdict

    with loading():
        from talking_head.motion.speaking import Directions
        from talking_head.synth.film import checked_output, synthesize
        from talking_head.synth.framing import Framing

    directions = Directions(motion, emotion, emotions, style, head, weights)
    framing = Framing(aspect, height, background)
    goals = [output] if versions == 1 else [output.with_stem(f"{output.stem}-{k + 1}") for k in range(versions)]
    for goal in goals:  # before the first is made
        checked_output(goal, audio, ".webm" if framing.transparent else ".mp4", force)
    options: dict[str, Any] = {
        "driving": driving, "directions": directions, "label": label, "device": device, "key": key,
        "certificate": certificate, "framing": framing, "force": force,
    }
    with _whom(target_id, ephemeral, consent, device, home) as (who, place):
        if check:
            return _look_at_film(audio, who, goals[0], as_json, home=place, **options)
        results = [synthesize(audio, who, goal, seed=seed + k, home=place, **options) for k, goal in enumerate(goals)]
    data = [asdict(result) | {"output": str(result.output)} for result in results]
    return Outcome("; ".join(map(film_line, results)), data[0] if versions == 1 else {"versions": data})


@contextmanager
def _whom(
    target: str, ephemeral: bool, consent: str | None, device: str, home: Path | None
) -> Iterator[tuple[str, Path | None]]:
    """A target's id, and the home that it is in; of one that lives for this command, enrolled from a file."""
    if not ephemeral:
        yield target, home
        return
    if consent is None:
        raise InputError("--ephemeral without --consent", "who allows the use of this likeness", "give --consent TEXT")
    from talking_head.enrollment.ephemeral import ID, ephemeral_target

    with ephemeral_target(target, consent, replace(DEFAULTS, device=device), home=home) as place:
        yield ID, place


def _look_at_film(audio: Path, target_id: str, goal: Path, as_json: bool, **options: Any) -> Outcome:
    from talking_head.doctor.look_before import look_at_synthesis

    return _looked(look_at_synthesis(audio, target_id, goal, **options), as_json)


def _looked(look: Look, as_json: bool) -> Outcome:
    """What was understood; warnings have been told as they came."""
    if not as_json:
        width = max(map(len, look.facts))
        for name, value in look.facts.items():
            said = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
            said = readable_size(value) if name.endswith("_bytes") else said
            print(f"{name.replace('_', ' '):{width}}  {said}")
    warned = f"{len(look.warnings)} warning{'s' * (len(look.warnings) != 1)}" if look.warnings else "nothing odd"
    return Outcome(f"checked, {warned}; nothing was made: leave --check out to go on", look.to_json())


def film_line(result: Synthesis) -> str:
    size = f"{result.width_px}x{result.height_px}"
    line = f"{result.output}: {result.duration_s:.1f} s, {result.frames} frames of {size}"
    return f"{line}; {result.note}" if result.note else line


@verb
def track(
    video: VideoArgument,
    output: common.FolderOption,
    sync_fix: SyncOption = True,
    tracker: TrackerOption = "mediapipe",
    face_model: FaceModelOption = None,
    bfm: Annotated[
        Path | None, typer.Option(help="For deng: your BFM_model_front.mat.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="For deng: the published epoch_20.pth, which then measures it.", show_default=False),
    ] = None,
    offline: common.OfflineOption = False,
    device: common.DeviceOption = DEFAULTS.device,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Measure a face through a video: motion, identity, landmarks, and a report of what to record better."""
    from talking_head.enrollment.tracking import track as run
    from talking_head.heads.face_models import named

    asked = named(face_model, bfm, weights)
    result = run(video, output, fix_sync=sync_fix, tracker=tracker, face_model=asked, device=device)
    seen = float(result.track.valid.mean())
    summary = f"{result.track_path} and {result.report_path}: {len(result.track)} frames, a face in {seen:.0%}"
    data = {
        "track": str(result.track_path), "report": str(result.report_path), "frames": len(result.track),
        "fps": result.track.motion.fps, "valid_share": seen, "sound_offset_s": result.track.sound_offset_s,
        "sound_offset_confidence": result.track.sound_offset_confidence,
        "coefficients": [str(path) for path in result.coefficient_paths],
    }
    return Outcome(summary, data)
