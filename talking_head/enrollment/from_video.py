"""Enrollment: from a video, or a photo, of one person to a `Target`, in stages that the same command resumes."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from dataclasses import replace as dataclass_replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from face_model import mp478
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from foundation.files import atomic_path
from foundation.places import choosing, writable
from preprocessing.portrait import Portrait
from preprocessing.tracking.landmarks import LandmarkTrack
from render2video.photo.renderer import PhotoRenderer
from talking_head.enrollment.assembling import LearnedPerson, assemble, versions
from talking_head.enrollment.from_photo import learn_photo
from talking_head.enrollment.learning import LOOK_SOURCES, Teaching, learn_look, learn_motion, prepare_look
from talking_head.enrollment.order import EnrollOrder, described, motions_of, refuse_unknown_people
from talking_head.enrollment.recipe import motion_config, says_its_length, video_config
from talking_head.enrollment.stages import Work
from talking_head.enrollment.tracking import REPORT, TRACK, sound_in_step, track
from talking_head.motion.model_registry import load_motion_model
from talking_head.motion.people import PEOPLE, motion_of_film, speaks, told_unheard
from talking_head.motion.weights import Weights, heard_through
from talking_head.target.card import (
    APPEARANCE,
    DEFAULT_MODEL,
    MOTION,
    PREVIEW,
    VIDEO,
    MotionStatistics,
    Target,
    TargetCard,
    checked_id,
    motion_file,
    new_target,
    sweep,
    write_card,
)
from talking_head.target.consent import Consent, consent_of
from talking_head.target.given import readable
from talking_head.target.settings import EnrollSettings
from training import Duration

log = logging.getLogger(__name__)

SHORTEST_S = 3.0  # of a film; with less, no look can be learned
MIN_VALID_SHARE = 0.7  # of the frames that must show the face
MOTION_SHARE = 0.2  # of the time left after tracking that the motion model gets, and all others together once more
FINISH_S = 10.0  # kept for reading, measuring and assembling
LARGE_FILES_S = 15.0  # and for writing what the paper's network weighs
MIN_TRAINING_S = 5.0


@dataclass(frozen=True)
class _Enrollment:
    """The stages, in order. Their files lie in the work folder under the names that they have in the target.

    starts: what each motion model begins from.
    """

    video: Path
    settings: EnrollSettings
    starts: dict[str, Weights | None]
    work: Work
    device: str

    def run(self) -> LearnedPerson:
        """Run what is not done yet."""
        tracked = self._tracked()
        measured = FaceTrack.load(self.work.folder / TRACK)
        taught = teach_frames(measured, self.settings.hold_out)
        heard = self._heard(measured[:taught])
        prepared = self._prepared(measured, taught)
        finish_s = FINISH_S + (LARGE_FILES_S if self.settings.profile == "paper" else 0.0)
        left_s = self.settings.budget_s - finish_s - tracked["seconds"] - prepared["seconds"]
        learned = [
            self._motion(name, measured[:taught], heard, motion_share(name, self.settings) * left_s)
            for name in motions_of(self.settings)
        ]
        left_s -= sum(notes["seconds"] for notes in learned)
        painted = self._video(measured, taught, left_s)
        quality = {k: v for notes in (tracked, *learned, painted) for k, v in notes.items() if k != "seconds"}
        motions = [motion_file(name) for name in motions_of(self.settings)]
        return LearnedPerson(self.work.folder, self.settings, measured, quality, motions)

    def _heard(self, taught: FaceTrack) -> bool:
        """Whether the film's own sound teaches how the person speaks; who gets people's motion is told so.

        Raises:
            InputError: it does not, and a motion model is wanted that learns from it alone, or a face model whose
                motion in people nothing tells.
        """
        if speaks(taught):
            return True
        refuse_unknown_people(self.video, self.settings, self.starts[DEFAULT_MODEL])
        log.warning("%s", told_unheard(self.video, self.settings.motion))
        return False

    def add_motions(self, names: list[str]) -> list[str]:
        """Learn these motion models only; returns their files' names."""
        self._tracked()
        measured = FaceTrack.load(self.work.folder / TRACK)
        taught = measured[: teach_frames(measured, self.settings.hold_out)]
        heard = self._heard(taught)
        for name in names:
            self._motion(name, taught, heard, MOTION_SHARE * self.settings.budget_s)
        return [motion_file(name) for name in names]

    def _stage(self, name: str, outputs: list[str], make: Callable[[], dict[str, float]]) -> dict[str, Any]:
        def timed() -> dict[str, float]:
            started_s = time.monotonic()
            return make() | {"seconds": time.monotonic() - started_s}

        return self.work.stage(name, {"folder": self.work.folder.name}, outputs, timed)

    def _tracked(self) -> dict[str, Any]:
        def make() -> dict[str, float]:
            seen = partial(check_visible, self.video)
            folder, fix_sync = self.work.folder, self.settings.fix_sync  # which goes, landmarks and all, when done
            measured = track(
                self.video, folder, fix_sync=fix_sync, check=seen, tracker=self.settings.tracker,
                face_model=self.settings.face_model, device=self.device, cache=folder,
            ).track
            return {"face_share": float(measured.valid.mean()), "sound_offset_s": measured.sound_offset_s}

        return self._stage("track", [TRACK, REPORT], make)

    def _duration(self, seconds: float) -> Duration:
        """The asked steps, or so much of the budget. Finished stages keep their times, so resuming asks the same."""
        if self.settings.steps is not None:
            return Duration(steps=self.settings.steps)
        return Duration(budget_s=max(MIN_TRAINING_S, seconds))

    def _motion(self, name: str, taught: FaceTrack, heard: bool, budget_s: float) -> dict[str, Any]:
        own = self.settings.steps is None and says_its_length(self.settings, name)
        duration, start = None if own else self._duration(budget_s), self.starts[name]

        def make() -> dict[str, float]:
            speech = heard_through(name, self.settings.speech, start)
            path, config = None if start is None else start.path, motion_config(self.settings, name)
            if not heard:
                motion_of_film(taught, path, speech).save(self.work.folder / motion_file(name))
                return {}
            teaching = Teaching(path, speech, config, self.settings.seed, self.device)
            sound = sound_in_step(self.video, taught)
            return learn_motion(name, taught, sound, self.work.folder, teaching, duration)

        return self._stage(f"motion_{name}", [motion_file(name)], make)

    def _prepared(self, measured: FaceTrack, taught: int) -> dict[str, Any]:
        def make() -> dict[str, float]:
            prepare_look(self.video, measured, taught, self.work.folder, self.settings)
            return {}

        return self._stage("frames", list(LOOK_SOURCES[self.settings.profile]), make)

    def _video(self, measured: FaceTrack, taught: int, budget_s: float) -> dict[str, Any]:
        config, duration = video_config(self.settings), self._duration(budget_s)
        if self.settings.steps is None and self.settings.epochs is not None:
            frames = int(measured.valid[:taught].sum())
            duration = Duration(steps=self.settings.epochs * ceil(frames / getattr(config, "batch", 1)))

        def make() -> dict[str, float]:
            return learn_look(measured, taught, self.work.folder, self.settings, config, duration, self.device)

        return self._stage("video", [VIDEO, APPEARANCE, PREVIEW], make)


def motion_share(name: str, settings: EnrollSettings) -> float:
    """Share of the time left after tracking that a motion model gets: the picture keeps most, however many there are.
    """
    return MOTION_SHARE / (1 if name == DEFAULT_MODEL else len(motions_of(settings)) - 1)


def teach_frames(measured: FaceTrack, hold_out: float) -> int:
    """Frames, from the start, that are learned from."""
    return max(1, round(len(measured) * (1 - hold_out)))


def check_visible(video: Path, landmarks: LandmarkTrack) -> None:
    """Refuse a video in which the face is lost too often.

    Raises:
        InputError: fewer than 70% of the frames show the face, or less than 5 s do.
    """
    share, seen_s = float(landmarks.valid.mean()), float(landmarks.valid.sum()) / landmarks.fps
    if share < MIN_VALID_SHARE or seen_s < SHORTEST_S * MIN_VALID_SHARE:
        raise InputError(
            f"{video}: the face is seen in {share:.0%} of the frames", f"at least {MIN_VALID_SHARE:.0%}",
            "record it anew, or cut out the part where the person faces the camera",
        )


@dataclass(frozen=True)
class EnrollResult:
    """A target, and whether an earlier run had already made it."""

    target: Target
    already_done: bool


def enroll(
    video: Path | str, target_id: str, consent: str | Consent, settings: EnrollSettings | None = None, *,
    home: Path | str | None = None, replace: bool = False,
) -> EnrollResult:
    """Make a target from a video or photo of one person; the same call resumes after a kill, and says when it is done.

    Args:
        video: one person speaking to the camera, with sound, 5 s or more; or a photo (png, jpg, heic, webp, ...).
        target_id: a plain name.
        consent: who allows the use of this likeness, in the enroller's words; or all of a consent, bound maybe.
        settings: how; see `EnrollSettings`.
        home: where targets and unfinished work live.
        replace: whether a target of that name, made from something else, may be replaced.

    Raises:
        InputError: a video that a person cannot be learned from (no face, no sound, too short, ...), a bad id, no
            consent, an unknown motion model, a speech encoder that lacks something, a target of that name, another
            enrollment of it under way, no space left.
    """
    settings, statement = (settings or EnrollSettings()).checked(), consent_of(consent)
    with choosing(home), readable(Path(video)) as source:
        order = EnrollOrder.checked(source, checked_id(target_id), statement, settings, SHORTEST_S)
        with order.home.lock(order.target_id):
            sweep(order.home, order.target_id)
            done = order.done(replace)
            done = None if done is None else order.consented(done)
            if order.photo is not None:
                return _from_photo(order, order.photo) if done is None else EnrollResult(done, already_done=True)
            return _from_video(order) if done is None else _with_motions(order, done)


def _from_video(order: EnrollOrder) -> EnrollResult:
    work = Work(writable(order.work_folder))
    try:
        made = _Enrollment(order.source, order.settings, order.begun, work, order.device).run()
        taught = made.track[: teach_frames(made.track, order.settings.hold_out)]
        origin = order.origin | ({} if speaks(taught) else {"motion": PEOPLE})
        target = assemble(order.home, order.target_id, made, order.consent, origin, order.key)
    except InputError:
        if not work.has_begun():
            shutil.rmtree(work.folder, ignore_errors=True)
        raise
    shutil.rmtree(work.folder, ignore_errors=True)
    return EnrollResult(target, already_done=False)


def _with_motions(order: EnrollOrder, target: Target) -> EnrollResult:
    """The target with every motion model that is wanted: those it lacks are learned now."""
    lacking = [name for name in order.settings.motion if not (target.folder / motion_file(name)).is_file()]
    if not lacking:
        return EnrollResult(target, already_done=True)
    work = Work(writable(order.work_folder))
    for name in _Enrollment(order.source, order.settings, order.begun, work, order.device).add_motions(lacking):
        with atomic_path(target.folder / name) as temporary:
            shutil.copyfile(work.folder / name, temporary)
    added = described({name: order.begun[name] for name in lacking})
    weights = target.card.origin.get("weights", {}) | added
    write_card(target.folder, dataclass_replace(target.card, origin=target.card.origin | {"weights": weights}))
    shutil.rmtree(work.folder, ignore_errors=True)
    return EnrollResult(Target.read(target.folder), already_done=False)


def _from_photo(order: EnrollOrder, photo: Portrait) -> EnrollResult:
    """The same from a photo: seconds of work, so nothing is kept to resume from."""
    start = order.begun[DEFAULT_MODEL]
    with new_target(order.home, order.target_id) as folder:
        path = None if start is None else start.path
        measured = learn_photo(photo, order.source.name, folder, path, order.speech)
        card = _card(order.target_id, measured, folder, order.consent, order.origin)
        write_card(folder, dataclass_replace(card, settings=order.chosen, key=order.key))
    return EnrollResult(Target.read(order.home.targets / order.target_id), already_done=False)


def _card(
    target_id: str, measured: FaceTrack, folder: Path, consent: Consent, origin: dict[str, Any]
) -> TargetCard:
    """The card of a target made from a photo."""
    renderer, camera = PhotoRenderer.load(folder, mp478.load()), measured.camera
    habits = load_motion_model(folder / MOTION).habits
    assert habits is not None
    statistics = habits.statistics
    return TargetCard(
        id=target_id, face_model=measured.motion.face_model, fps=measured.motion.fps,
        size_px=renderer.head.camera.width_px, width_px=camera.width_px, height_px=camera.height_px,
        crop=asdict(renderer.compositor.crop),
        motion_statistics=MotionStatistics(statistics.mean.tolist(), statistics.scale.tolist(), 1),
        origin=origin, consent=consent, versions=versions(),
    )
