"""Dubbing: a film's own frames with new words. Only the lower face of one person is painted; all else stays."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion, FaceTrack
from foundation.easing import smoothstep
from foundation.errors import InputError
from foundation.files import read_tensors, sha256, write_tensors
from foundation.places import choosing, writable
from foundation.progress import track as shown_progress
from preprocessing.media import VideoWriter, nothing_to_hear, read_frames, stream_sound, timed_frames
from preprocessing.report import inspect_clip
from preprocessing.report_page import write_report
from preprocessing.speech import encode_file, encoder_of
from render2video.footage.dub import FilmFace, FilmFrame, continued, dubbed, painted_shares
from render2video.footage.footage import open_eyed_px
from render2video.footage.steadying import steadied
from render2video.footage.store import FRAMES_FILE, FootageWriter, load_footage_painter
from render2video.profiles import FOOTAGE
from talking_head import __version__
from talking_head.dubbing.order import DubOrder, DubSettings
from talking_head.dubbing.tracking import FollowedFilm, follow_film
from talking_head.enrollment.assembling import LearnedPerson, assemble
from talking_head.enrollment.learning import Teaching, learn_look, learn_motion
from talking_head.enrollment.order import described
from talking_head.enrollment.recipe import video_config
from talking_head.enrollment.stages import Work
from talking_head.enrollment.tracking import REPORT, sound_in_step
from talking_head.motion.model_registry import load_motion_model
from talking_head.motion.people import PEOPLE, motion_of_film, speaks, why_unheard
from talking_head.motion.speaking import habits_of, speak
from talking_head.motion.weights import Weights, starts
from talking_head.provenance.claims import Claims, marked, sidecar_of
from talking_head.provenance.films import remember
from talking_head.provenance.label import Marks, tags
from talking_head.provenance.manifest import COMPOSITE, FILM
from talking_head.provenance.watermark import id_text, mark_id_of
from talking_head.synth.film import SILENCE_NOTE, UNSIGNED_NOTE
from talking_head.target.card import APPEARANCE, DEFAULT_MODEL, MOTION, PREVIEW, VIDEO
from talking_head.target.consent import Consent
from talking_head.target.given import readable
from talking_head.target.settings import EnrollSettings
from training import Duration

TAUGHT_S = 180.0  # of the film, from its start, that mouths are taken from and learned on
LEAST_PAINTED_S = 1.0  # of a face that mouths can be taken from
MOTION_SHARE = 0.2  # of the time left after tracking that the motion model gets
FINISH_S = 10.0
REST_S = 0.3  # in which lips come to rest when the words are over
FILM_CRF = 12  # what is not repainted should be the original
STEADY = "steady.safetensors"


@dataclass(frozen=True)
class DubResult:
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
    video: Path | str, audio: Path | str, output: Path | str, *, consent: str | Consent = "", target: str | None = None,
    keep_as: str | None = None, background: Path | str | None = None, settings: DubSettings | None = None,
    certificate: Path | str | None = None, key: Path | str | None = None, home: Path | str | None = None,
    force: bool = False,
) -> DubResult:
    """Make the same film with new words; the same call resumes after a kill.

    Args:
        video: any film in which the person is seen, with or without sound.
        audio: any file with sound: the new words.
        output: the mp4 to write; it appears when it is whole.
        consent: who allows it, in the maker's words; it goes into the film's manifest as a digest. Not needed with a
            target, whose own it is.
        target: id of an enrolled person whose way of speaking is taken; None: it is learned from the film.
        keep_as: id of a new target that what was learned of the person becomes; None: nothing is kept.
        background: any file with sound, as long as the film: what is heard under the words, such as its music.
        settings: how; see `DubSettings`.
        certificate: see `synthesize`, as for what follows.
        key: the certificate's.
        home: where targets and unfinished work live.
        force: whether a file of that name may be replaced.

    Raises:
        InputError: no face in the film, no sound in the audio, no consent, no such target, one of the name to keep,
            another dub of the film under way, or an output that cannot be written.
    """
    started_s = time.monotonic()
    chosen = (settings or DubSettings()).checked()
    with choosing(home), readable(Path(audio)) as heard:
        under = None if background is None else Path(background)
        order = DubOrder.checked(
            Path(video), heard, output, consent, target, keep_as, under, chosen, certificate, key, force
        )
        with order.locked():
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
class _Dub:
    """The stages, in order, and the film."""

    order: DubOrder
    work: Work

    def run(self, started_s: float) -> DubResult:
        """Run what is not done yet."""
        order, folder = self.order, self.work.folder
        filmed = follow_film(order.video, order.settings.face, folder, coloured=order.keep_as is not None)
        measured, painted = filmed.track, filmed.painted
        if painted.sum() < LEAST_PAINTED_S * measured.motion.fps:
            raise InputError(
                f"{order.video}: {painted.sum() / measured.motion.fps:.1f} s of a face whose mouth is seen",
                f"at least {LEAST_PAINTED_S:g} s", "give a film in which the person faces the camera",
            )
        taught = min(len(measured), round(TAUGHT_S * measured.motion.fps))
        steady = self._footage(filmed, taught)
        left_s = order.settings.budget_s - FINISH_S - (time.monotonic() - started_s)
        own_voice = self._motion(filmed, taught, MOTION_SHARE * left_s)
        left_s = order.settings.budget_s - FINISH_S - (time.monotonic() - started_s)
        quality = self._look(measured, taught, left_s)
        if order.keep_as is not None and order.kept() is None:
            self._keep(filmed, taught, quality)
        return self._film(filmed, steady, own_voice, started_s)

    def _duration(self, seconds: float) -> Duration:
        steps = self.order.settings.steps
        return Duration(steps=steps) if steps is not None else Duration(budget_s=max(5.0, seconds))

    def _stage(self, name: str, outputs: list[str], make: Any) -> dict[str, Any]:
        return self.work.stage(name, {"folder": self.work.folder.name}, outputs, make)

    def _footage(self, filmed: FollowedFilm, taught: int) -> np.ndarray:
        """Look where the head is in all frames, `[T, 2, 3]`, and keep the first ones, in one pass over the film."""
        def make() -> None:
            measured = filmed.track
            seen = replace(measured, valid=filmed.painted)[:taught]
            writer = FootageWriter(self.work.folder, seen, mp478.load())
            frames = shown_progress(
                read_frames(self.order.video, measured.motion.fps), "Looking where the head is", len(measured)
            )
            points = open_eyed_px(writer.head, measured.motion)
            steady = steadied(writer.passing(frames), writer.head, points, filmed.breaks | ~filmed.painted)
            writer.finish(filmed.breaks[:taught], steady[:taught])
            write_tensors(self.work.folder / STEADY, {"steady": steady})

        self._stage("footage", [FRAMES_FILE, APPEARANCE, STEADY], make)
        return read_tensors(self.work.folder / STEADY)[0]["steady"]

    def _motion(self, filmed: FollowedFilm, taught: int, budget_s: float) -> bool:
        """Whether the film's own voice teaches; otherwise people in general, or the target, speak."""
        measured = replace(filmed.track, valid=filmed.painted)[:taught]
        heard, keeping = speaks(measured), self.order.keep_as is not None
        if self.order.person is not None or not (heard or keeping):
            return False

        def make() -> None:
            start = _general()
            path, speech = (None, "phonetic_mel") if start is None else (start.path, start.speech_extractor)
            if not heard:
                motion_of_film(measured, path, speech).save(self.work.folder / MOTION)
                return
            teaching = Teaching(path, speech, None, self.order.settings.seed, self.order.device)
            sound = sound_in_step(self.order.video, measured)
            learn_motion(DEFAULT_MODEL, measured, sound, self.work.folder, teaching, self._duration(budget_s))

        self._stage("motion", [MOTION], make)
        return heard

    def _settings(self) -> EnrollSettings:
        """Those that enrollment would have."""
        own = self.order.settings
        return EnrollSettings(
            profile=FOOTAGE, size_px=own.size_px, budget_s=own.budget_s, steps=own.steps, seed=own.seed
        )

    def _look(self, measured: FaceTrack, taught: int, left_s: float) -> dict[str, float]:
        settings = self._settings()

        def make() -> dict[str, float]:
            return learn_look(
                measured[:taught], taught, self.work.folder, settings, video_config(settings), self._duration(left_s),
                self.order.device,
            )

        return self._stage("video", [VIDEO, PREVIEW], make)

    def _keep(self, filmed: FollowedFilm, taught: int, quality: dict[str, float]) -> None:
        """Make what was learned a target."""
        order, folder = self.order, self.work.folder
        assert order.keep_as is not None
        measured = replace(filmed.track, valid=filmed.painted)
        report = inspect_clip(order.video, filmed.landmarks, filmed.sync, motion=measured.motion)
        write_report(report, folder / REPORT)
        quality = {"face_share": float(filmed.painted.mean()), "sound_offset_s": measured.sound_offset_s} | quality
        learned = LearnedPerson(folder, self._settings(), measured[:taught], quality)
        begun = described({DEFAULT_MODEL: _general()})
        origin = {"video": order.video.name, "sha256": order.film_sha256, "weights": begun}
        origin |= {} if speaks(measured[:taught]) else {"motion": PEOPLE}
        assemble(order.home, order.keep_as, learned, order.consent, origin, order.key)

    def _spoken(self, own_voice: bool, fps: float) -> _Words:
        """The new words as a motion at the film's rate."""
        order = self.order
        if order.person is not None:
            spoken = speak(order.audio, order.person, order.settings.seed, order.device)
            with order.person.unchanged():
                own = habits_of(order.person)
            return _Words(spoken.resampled(fps), own.statistics.rest)
        start = _general()
        path = self.work.folder / MOTION if own_voice or start is None else start.path
        model = load_motion_model(path, order.device)
        features = encode_file(encoder_of(model.speech_extractor, ""), order.audio)
        spoken = model.synthesize(features, seed=order.settings.seed).resampled(fps, features.frame_count(fps))
        assert model.habits is not None, "what a target speaks through knows the person's habits"
        return _Words(spoken, model.habits.statistics.rest)

    def _film(self, filmed: FollowedFilm, steady: np.ndarray, own_voice: bool, started_s: float) -> DubResult:
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

        claims = self._claims()
        marks = Marks(camera.width_px, camera.height_px, int(claims.watermark, 16), order.settings.label)
        about = tags(FILM if order.person is None else order.person.id, __version__)
        with marked(order.goal, claims, order.signer) as film, VideoWriter(
            film, fps, camera.width_px, camera.height_px, sound_source=order.audio, metadata=about, crf=FILM_CRF,
            timed=True, background=order.background,
        ) as writer:
            total = max(1, round(duration_s * fps))
            made = shown_progress(dubbed(face, counted()), f"Painting {order.goal.name}", total)
            for time_s, frame in made:
                writer.write(marks(frame), time_s)
                count += 1
        remember(order.goal, claims, order.home)
        notes = [filmed.who]
        if order.person is None and not own_voice:
            notes.append(f"{why_unheard(order.video)}: lips move as people's do")
        notes += [SILENCE_NOTE] if nothing_to_hear(order.audio) else []
        notes += [] if order.keep_as is None else [f"kept as target '{order.keep_as}'"]
        notes += [] if order.signer else [f"{UNSIGNED_NOTE} {sidecar_of(order.goal).name}"]
        return DubResult(
            order.goal, count / fps, count, int(painted), fps, camera.width_px, camera.height_px,
            order.signer is not None, round(time.monotonic() - started_s, 3), "; ".join(notes),
        )

    def _frames_of(self, filmed: FollowedFilm, painter: Any, spoken: _Words, duration_s: float) -> Iterator[FilmFrame]:
        """The film's frames as long as they last, then what goes on after them."""
        measured = filmed.track
        fps, count = measured.motion.fps, len(measured)
        shares = painted_shares(filmed.painted, filmed.breaks)
        last, time_s, film_s = 0, 0.0, count / fps

        for time_s, picture in timed_frames(self.order.video):
            if duration_s < film_s and time_s >= duration_s - 0.25 / fps:
                return
            last = min(round(time_s * fps), count - 1)
            yield FilmFrame(time_s, last, picture, spoken.at(time_s), float(shares[last]))
        begins_s = max(film_s, time_s + 1 / fps)  # where the film's frames come unevenly, its last may be shown longer
        more = round((duration_s - begins_s) * fps)
        if more > 0:
            for step, (index, picture, points) in enumerate(continued(painter, last, more)):
                moment_s = begins_s + step / fps
                yield FilmFrame(moment_s, index, picture, spoken.at(moment_s), float(shares[index]), points)

    def _claims(self) -> Claims:
        order, film = self.order, {FILM: self.order.film_sha256}
        if order.person is not None:
            claims = Claims.of(order.person, order.settings.label)
            return replace(claims, models=claims.models | film, source_type=COMPOSITE)
        files = (VIDEO, APPEARANCE, MOTION)
        models = {name: sha256(self.work.folder / name) for name in files if (self.work.folder / name).is_file()}
        made = datetime.now(UTC).isoformat(timespec="seconds")
        consent = hashlib.sha256(order.consent.statement.encode()).hexdigest()
        whose = order.keep_as or FILM
        mark = id_text(mark_id_of(whose, order.film_sha256, consent))
        return Claims(
            whose, __version__, made, models | film, consent, order.settings.label, COMPOSITE, mark,
            order.consent.until, order.consent.purpose,
        )


@dataclass(frozen=True)
class _Words:
    """What a face says. motion: as long as the words. rest: `[E]`, the expression of lips at rest."""

    motion: FaceMotion
    rest: np.ndarray

    def at(self, moment_s: float) -> np.ndarray:
        """The expression `[E]` at a moment; when the words are over, lips come to rest and stay there."""
        last_s = (len(self.motion) - 1) / self.motion.fps
        said: np.ndarray = self.motion.expression[round(min(moment_s, last_s) * self.motion.fps)]
        share = float(smoothstep(np.clip((moment_s - last_s) / REST_S, 0, 1)))
        return said if share == 0 else said + share * (self.rest - said)


def _general() -> Weights | None:
    """The shipped motion weights of people in general."""
    return starts((), (DEFAULT_MODEL,), None, mp478.ID)[DEFAULT_MODEL]
