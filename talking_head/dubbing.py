"""Dubbing: a film's own frames with new words. Only the lower face of one person is painted; all else stays."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors, sha256, write_tensors
from foundation.places import choosing, writable
from foundation.progress import track as shown_progress
from preprocessing.media import VideoWriter, nothing_to_hear, probe, read_frames, stream_sound, timed_frames
from preprocessing.speech import encode_file, encoder_of
from preprocessing.tracking.people import check_face
from render2video.conditioning import HeadRenderer
from render2video.footage.dub import FilmFace, FilmFrame, continued, dubbed, painted_shares
from render2video.footage.footage import open_eyed_px
from render2video.footage.steadying import steadied
from render2video.footage.store import load_footage_painter, write_footage
from render2video.profiles import FOOTAGE
from talking_head import __version__
from talking_head.film_tracking import Filmed, follow_film
from talking_head.given import check_name, checked_consent, readable
from talking_head.home import Home
from talking_head.identity import Identity
from talking_head.label import stamp, tags
from talking_head.learning import Teaching, learn_look, learn_motion
from talking_head.provenance import Claims, marked, sidecar_of, signing_identity
from talking_head.recipe import video_config
from talking_head.settings import EnrolSettings, checked_seed, device_name
from talking_head.speaking import speak
from talking_head.synthesis import SILENCE_NOTE, UNSIGNED_NOTE, checked_output
from talking_head.target import DEFAULT_MODEL, MOTION, Target, find_target
from talking_head.tracking import sound_in_step
from talking_head.weights import starts
from talking_head.work import Work, digest
from training import Duration

LENGTHS = ("sound", "video", "longest")
MIN_BUDGET_S = 30.0
TAUGHT_S = 180.0  # of the film, from its start, that mouths are taken from and learned on
LEAST_PAINTED_S = 1.0  # of a face that mouths can be taken from
OWN_VOICE_S = 5.0  # of speech, in step with the lips, from which on the film teaches the motion model
MOTION_SHARE = 0.2  # of the time left after tracking that the motion model gets
FINISH_S = 10.0
FILM_CRF = 15  # what is not repainted should be the original
STEADY, TRACK = "steady.safetensors", "track.safetensors"
FILM = "film"  # what the claims name when nobody enrolled is in it


@dataclass(frozen=True)
class DubSettings:
    """How to dub. budget_s: time for tracking and learning. face: who is meant (`preprocessing.tracking.people`).
    length: of the new film, the sound's, the video's, or the longer one. size_px: at which the face is painted. steps:
    training steps instead of the budget. label: whether a small visible line says that it is generated.
    """

    budget_s: float = 300.0
    face: str | None = None
    length: str = "sound"
    size_px: int = 512
    steps: int | None = None
    seed: int = 0
    label: bool = True
    device: str = "auto"

    def checked(self) -> DubSettings:
        """The settings themselves.

        Raises:
            InputError: one of them is out of its range.
        """
        if self.length not in LENGTHS:
            raise InputError(f"--length '{self.length}'", f"one of {', '.join(LENGTHS)}")
        if self.steps is None and self.budget_s < MIN_BUDGET_S:
            raise InputError(f"a budget of {self.budget_s:g} s", f"at least {MIN_BUDGET_S:g} s", "give more time")
        check_face(self.face)
        checked_seed(self.seed)
        return self


@dataclass(frozen=True)
class Dubbed:
    """What was made. painted_frames: those that got new lips; the others are the film's. note: for people."""

    output: Path
    duration_s: float
    frames: int
    painted_frames: int
    fps: float
    width_px: int
    height_px: int
    signed: bool
    seconds: float
    note: str = ""


def dub(
    video: Path | str, audio: Path | str, output: Path | str, *, consent: str = "", target: str | None = None,
    settings: DubSettings | None = None, certificate: Path | str | None = None, key: Path | str | None = None,
    home: Path | str | None = None, force: bool = False,
) -> Dubbed:
    """Make the same film with new words; the same call resumes after a kill.

    Args:
        video: any film in which the person is seen, with or without sound.
        audio: any file with sound: the new words.
        output: the mp4 to write; it appears when it is whole.
        consent: who allows it, in the maker's words; it goes into the film's manifest as a digest. Not needed with a
            target, whose own it is.
        target: id of an enrolled person whose way of speaking is taken; None: it is learned from the film.
        settings: how; see `DubSettings`.
        certificate, key, home, force: see `synthesize`.

    Raises:
        InputError: no face in the film, no sound in the audio, no consent, no such target, or an output that cannot be
            written.
    """
    started_s = time.monotonic()
    chosen = (settings or DubSettings()).checked()
    with choosing(home), readable(Path(audio)) as heard:
        order = _Order.checked(Path(video), heard, output, consent, target, chosen, certificate, key, force)
        work = Work(writable(order.work_folder))
        try:
            made = _Dub(order, work).run(started_s)
        except InputError:
            if not work.has_begun():
                shutil.rmtree(work.folder, ignore_errors=True)
            raise
        shutil.rmtree(work.folder, ignore_errors=True)
        return made


@dataclass(frozen=True)
class _Order:
    """A dub as it is wanted, checked before any work."""

    video: Path
    audio: Path
    goal: Path
    consent: str
    person: Target | None
    settings: DubSettings
    device: str
    signer: Identity | None
    work_folder: Path

    @classmethod
    def checked(
        cls, video: Path, audio: Path, output: Path | str, consent: str, target: str | None, settings: DubSettings,
        certificate: Path | str | None, key: Path | str | None, force: bool,
    ) -> _Order:
        home = Home.find()
        goal = checked_output(output, audio, force=force)
        if goal.exists() and video.exists() and goal.samefile(video):
            raise InputError(f"output '{goal}' is the film", "another file", "give another name")
        check_name(goal, sidecar_of(goal))
        person = None if target is None else find_target(home, target)
        said = person.card.consent.statement if person is not None else checked_consent(consent)
        if not probe(video).has_video:
            raise InputError(f"{video} has no pictures", "a film that shows a person", "give a film")
        nothing_to_hear(audio)  # refuses what has no sound
        signer = signing_identity(home, certificate, key)
        kept = {k: v for k, v in asdict(settings).items() if k not in ("label", "length", "device")}
        named = digest({"film": sha256(video), "settings": kept, "version": __version__})
        folder = home.work / f"dub-{named[:12]}"
        return cls(video, audio, goal, said, person, settings, device_name(settings.device), signer, folder)


@dataclass(frozen=True)
class _Dub:
    """The stages, in order, and the film."""

    order: _Order
    work: Work

    def run(self, started_s: float) -> Dubbed:
        """Run what is not done yet."""
        order, folder = self.order, self.work.folder
        filmed = follow_film(order.video, order.settings.face, folder)
        measured, painted = filmed.track, filmed.painted
        if painted.sum() < LEAST_PAINTED_S * measured.motion.fps:
            raise InputError(
                f"{order.video}: {painted.sum() / measured.motion.fps:.1f} s of a face whose mouth is seen",
                f"at least {LEAST_PAINTED_S:g} s", "give a film in which the person faces the camera",
            )
        steady = self._steady(filmed)
        taught = min(len(measured), round(TAUGHT_S * measured.motion.fps))
        self._frames(filmed, steady, taught)
        left_s = order.settings.budget_s - FINISH_S - (time.monotonic() - started_s)
        own_voice = self._motion(filmed, taught, MOTION_SHARE * left_s)
        left_s = order.settings.budget_s - FINISH_S - (time.monotonic() - started_s)
        self._look(measured, taught, left_s)
        return self._film(filmed, steady, own_voice, started_s)

    def _duration(self, seconds: float) -> Duration:
        steps = self.order.settings.steps
        return Duration(steps=steps) if steps is not None else Duration(budget_s=max(5.0, seconds))

    def _stage(self, name: str, outputs: list[str], make: Any) -> dict[str, Any]:
        return self.work.stage(name, {"folder": self.work.folder.name}, outputs, make)

    def _steady(self, filmed: Filmed) -> np.ndarray:
        def make() -> None:
            measured = filmed.track
            head = HeadRenderer(mp478.load(), measured.person, measured.camera, 1)
            frames = shown_progress(
                read_frames(self.order.video, measured.motion.fps), "Looking where the head is", len(measured)
            )
            points = open_eyed_px(head, measured.motion)
            write_tensors(self.work.folder / STEADY, {
                "steady": steadied(frames, head, points, filmed.breaks | ~filmed.painted)
            })

        self._stage("steady", [STEADY], make)
        return read_tensors(self.work.folder / STEADY)[0]["steady"]

    def _frames(self, filmed: Filmed, steady: np.ndarray, taught: int) -> None:
        def make() -> None:
            measured = replace(filmed.track, valid=filmed.painted)[:taught]
            frames = read_frames(self.order.video, measured.motion.fps)
            write_footage(
                self.work.folder, frames, measured, mp478.load(), filmed.breaks[:taught], steady[:taught]
            )

        self._stage("frames", ["footage.mp4", "appearance.safetensors"], make)

    def _motion(self, filmed: Filmed, taught: int, budget_s: float) -> bool:
        """Whether the film's own voice teaches; otherwise people in general, or the target, speak."""
        if self.order.person is not None or not self._speaks(filmed):
            return False
        measured = replace(filmed.track, valid=filmed.painted)[:taught]

        def make() -> None:
            start = starts((), (DEFAULT_MODEL,), None, mp478.ID)[DEFAULT_MODEL]
            path, speech = (None, "phonetic_mel") if start is None else (start.path, start.speech_extractor)
            teaching = Teaching(path, speech, None, self.order.settings.seed, self.order.device)
            sound = sound_in_step(self.order.video, measured)
            learn_motion(DEFAULT_MODEL, measured, sound, self.work.folder, teaching, self._duration(budget_s))

        self._stage("motion", [MOTION], make)
        return True

    @staticmethod
    def _speaks(filmed: Filmed) -> bool:
        return filmed.in_step and filmed.painted.sum() >= OWN_VOICE_S * filmed.track.motion.fps

    def _look(self, measured: FaceTrack, taught: int, left_s: float) -> None:
        settings = EnrolSettings(
            profile=FOOTAGE, size_px=self.order.settings.size_px, seed=self.order.settings.seed
        )

        def make() -> dict[str, float]:
            return learn_look(
                measured[:taught], taught, self.work.folder, settings, video_config(settings), self._duration(left_s),
                self.order.device,
            )

        self._stage("video", ["render2video.safetensors", "preview.jpg"], make)

    def _spoken(self, own_voice: bool, fps: float) -> FaceMotion:
        """The new words as a motion at the film's rate."""
        order = self.order
        if order.person is not None:
            spoken = speak(order.audio, order.person, order.settings.seed, order.device)
            return spoken.resampled(fps)
        from facial_gan.synthesis import FacialGan

        start = starts((), (DEFAULT_MODEL,), None, mp478.ID)[DEFAULT_MODEL]
        path = self.work.folder / MOTION if own_voice or start is None else start.path
        model = FacialGan.load(path, order.device)
        features = encode_file(encoder_of(model.speech_extractor, ""), order.audio)
        return model.synthesize(features, seed=order.settings.seed).resampled(fps, features.frame_count(fps))

    def _film(self, filmed: Filmed, steady: np.ndarray, own_voice: bool, started_s: float) -> Dubbed:
        order, measured = self.order, filmed.track
        painter = load_footage_painter(self.work.folder, mp478.load(), order.device)
        fps, camera = measured.motion.fps, measured.camera
        spoken = self._spoken(own_voice, fps)
        sound_s = sum(len(piece) for piece in stream_sound(order.audio)) / 16_000
        film_s = len(measured) / fps
        duration_s = {"sound": sound_s, "video": film_s, "longest": max(sound_s, film_s)}[order.settings.length]
        face = FilmFace(painter, measured.motion, steady)
        frames = self._frames_of(filmed, painter, spoken, duration_s)
        count = painted = 0

        def counted() -> Iterator[FilmFrame]:
            nonlocal painted
            for frame in frames:
                painted += frame.share > 0
                yield frame

        about = tags(FILM if order.person is None else order.person.id, __version__)
        with marked(order.goal, self._claims(), order.signer) as film, VideoWriter(
            film, fps, camera.width_px, camera.height_px, sound_source=order.audio, metadata=about, crf=FILM_CRF,
            timed=True,
        ) as writer:
            total = max(1, round(duration_s * fps))
            made = shown_progress(dubbed(face, counted()), f"Painting {order.goal.name}", total)
            for time_s, frame in made:
                writer.write(stamp(frame) if order.settings.label else frame, time_s)
                count += 1
        notes = [f"{filmed.who}"]
        notes += [SILENCE_NOTE] if nothing_to_hear(order.audio) else []
        notes += [] if order.signer else [f"{UNSIGNED_NOTE} {sidecar_of(order.goal).name}"]
        return Dubbed(
            order.goal, count / fps, count, int(painted), fps, camera.width_px, camera.height_px,
            order.signer is not None, round(time.monotonic() - started_s, 3), "; ".join(notes),
        )

    def _frames_of(self, filmed: Filmed, painter: Any, spoken: FaceMotion, duration_s: float) -> Iterator[FilmFrame]:
        """The film's frames as long as they last, then what goes on after them."""
        measured = filmed.track
        fps, count = measured.motion.fps, len(measured)
        shares = painted_shares(filmed.painted, filmed.breaks)
        last, time_s = 0, -1 / fps

        def at(moment_s: float) -> np.ndarray:
            expression: np.ndarray = spoken.expression[min(round(moment_s * fps), len(spoken) - 1)]
            return expression

        for time_s, picture in timed_frames(self.order.video):
            if time_s >= duration_s - 0.25 / fps:
                return
            last = min(round(time_s * fps), count - 1)
            yield FilmFrame(time_s, last, picture, at(time_s), float(shares[last]))
        more = round((duration_s - time_s) * fps) - 1
        if more > 0:
            last = int(np.flatnonzero(painter.footage.usable)[-1]) if last >= len(painter.footage) else last
            for step, (index, picture) in enumerate(continued(painter, last, more), start=1):
                moment_s = time_s + step / fps
                yield FilmFrame(moment_s, index, picture, at(moment_s), float(shares[index]))

    def _claims(self) -> Claims:
        order = self.order
        if order.person is not None:
            claims = Claims.of(order.person, order.settings.label)
            return replace(claims, models=claims.models | {FILM: sha256(order.video)})
        files = ("render2video.safetensors", "appearance.safetensors", MOTION)
        models = {name: sha256(self.work.folder / name) for name in files if (self.work.folder / name).is_file()}
        made = datetime.now(timezone.utc).isoformat(timespec="seconds")
        consent = hashlib.sha256(order.consent.encode()).hexdigest()
        return Claims(FILM, __version__, made, models | {FILM: sha256(order.video)}, consent, order.settings.label)
