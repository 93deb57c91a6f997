"""Paints a person from motion on their own footage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import tee

import cv2
import numpy as np
import torch

from face_model.cameras import Camera
from face_model.tracks import POSE, FaceMotion
from foundation.easing import smoothstep
from foundation.parallel import begun
from preprocessing.media.yuv import Planes
from render2video.footage.bend import Bend, step_for
from render2video.footage.choosing import useful, useful_frames
from render2video.footage.config import FootageConfig
from render2video.footage.expected import ExpectedFace, Look
from render2video.footage.footage import BLINKING, Footage, gap_mm, lips_of
from render2video.footage.frames import keep_parts
from render2video.footage.gaze import Following, gaze_of
from render2video.footage.inside import LACK_MM, MouthInside
from render2video.footage.masks import EYE_SOFT, Patch, eye_outlines, polygon_patch
from render2video.footage.morph import morph
from render2video.footage.mouth import MouthPainter, Window
from render2video.footage.network import MouthFinisher
from render2video.footage.path import FootagePath, PathCosts
from render2video.passing import Passing, always
from render2video.precision import for_painting
from render2video.side_by_side import painted_side_by_side, painting_side_by_side

MORPH_S = 0.24  # that a transition between two stretches of footage takes
BLEND_SOFT = 0.02  # of the eyes' distance: finer detail is of one mouth alone
MOUTH_BLEND_FRAMES = 3  # over which one mouth gives way to another
HEAD_UNIT = 20.0  # a head off by so many hundredths costs as much as it is off by
BLINK_UNIT = 0.4  # likewise for eyes (AU45)
BLINK_COST = 3.0  # a frame whose eyes are closing where none should
OPENING_FROM, OPENING_TO = 0.4, 1.2  # AU45: eyes that differ by less are left alone, by more are painted whole
LOOKING_FROM, LOOKING_TO = 0.008, 0.02  # likewise for the gaze, shares of an eye's width
GAZE_UNIT = 0.012  # and what costs as much as lids that are off by their unit
BEYOND = 0.5  # of the footage's half range: how far a head may go beyond it, at most
CHUNK = 32  # frames posed at once


@dataclass(frozen=True)
class Wanted:
    """One frame that is wanted. points_px: `[V + S, 2]`, lids open. lips_mm: `[40, 3]`. motion: one frame. gaze: see
    `gaze_of`. followed: 0-1, how far the eyes are to look there, and not where the real frame's do.
    """

    points_px: np.ndarray
    lips_mm: np.ndarray
    motion: FaceMotion
    gaze: tuple[float, float] = (0.0, 0.0)
    followed: float = 0.0

    @property
    def blink(self) -> float:
        return float(self.motion.blink[0])


@dataclass(frozen=True)
class Step:
    """One step of a path: a real frame, and after a jump the one that it is morphed from. share: of the new one."""

    index: int
    old: int = -1
    share: float = 1.0

    @property
    def nearer(self) -> int:
        """The real frame of which more is shown, and whose eyes are."""
        return self.index if self.share >= 0.5 else self.old


@dataclass(frozen=True)
class Plan:
    """What one frame is made from. mouths: real frames and their shares. eye: the real frame that lids come from."""

    want: Wanted
    step: Step
    mouths: list[tuple[int, float]]
    eye: int


class FootagePainter:
    """From motion to full frames.

    Args:
        footage: of the person.
        generator: finishes mouths; in evaluation mode.
        config: costs, and how the generator was made.
        device: of the generator.
    """

    def __init__(
        self, footage: Footage, generator: MouthFinisher, config: FootageConfig, device: str = "cpu"
    ) -> None:
        self.footage, self.generator, self.config, self.device = footage, generator.to(device).eval(), config, device
        self._finish = for_painting(self.generator, torch.device(device).type)
        self._adds_nothing = self.generator.adds_nothing
        self.bend = Bend(footage.head, footage.follow, step_for(footage.eyes_px))
        self.mouths = MouthPainter(self.bend, footage.eyes_px, generator.working_px)
        keep_parts(footage.frames, self.mouths.boxes(footage.points_px))
        laid = footage.registration
        self.expected: ExpectedFace | None = None
        if laid is not None and footage.told:
            self.expected = ExpectedFace(laid.canonical, footage.told, self.bend)

    @cached_property
    def inside(self) -> MouthInside:
        """Of mouths that the footage never shows so open."""
        return MouthInside(self.footage)

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Full frames `[H, W, 3]` uint8 RGB, one a frame of the motion; memory does not grow with its length."""
        return self.stream([motion])

    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces; painted side by side, one thread a frame."""
        return painted_side_by_side(self._painted, self._plans(pieces))

    def begun(
        self, pieces: Iterable[FaceMotion], wanted: Callable[[], bool] = always
    ) -> Iterator[Future[np.ndarray] | None]:
        """`stream`, each frame given out as soon as a thread has begun it; None for one that is not wanted."""
        passing = Passing[Plan](wanted)
        return passing.told(painting_side_by_side(begun, self._painted, passing.kept(self._plans(pieces))))

    def _plans(self, pieces: Iterable[FaceMotion]) -> Iterator[Plan]:
        """What each frame is made from."""
        wanted, for_head, for_mouths, for_eyes = tee(self.wanted(pieces), 4)
        bases = self.steps(self.path(self.config.head)(map(self._head_costs, for_head)))
        mouths = self.mouth_path(for_mouths)
        eyes = self.path(self.config.eyes, freely=True)(map(self._eye_costs, for_eyes))
        return map(Plan, wanted, bases, mouths, eyes)

    def _painted(self, plan: Plan) -> np.ndarray:
        frame = self.base(plan.step, plan.want)
        shown = self._paint_eyes(frame, plan.want, plan.step.nearer, plan.eye)
        self.paint_finished(frame, plan.want, plan.mouths, shown)
        return frame

    @property
    def camera(self) -> Camera:
        """Of the full frame."""
        return self.footage.head.camera

    @cached_property
    def _pose_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Middle and half `[6]` of where the footage has the head."""
        pose = self.footage.motion.pack()[self.footage.usable][:, POSE]
        low, high = np.percentile(pose, 1, axis=0), np.percentile(pose, 99, axis=0)
        return (low + high) / 2, np.maximum((high - low) / 2, 1e-6)

    def bounded(self, motion: FaceMotion) -> FaceMotion:
        """The motion with a head that stays about where the footage has it."""
        middle, half = self._pose_range
        wanted = motion.pack()
        away = (wanted[:, POSE] - middle) / half
        beyond = np.maximum(np.abs(away) - 1, 0)
        kept = np.minimum(np.abs(away), 1) + BEYOND * np.tanh(beyond / BEYOND)
        wanted[:, POSE] = middle + half * np.sign(away) * kept
        return FaceMotion.unpack(wanted, motion.fps, motion.face_model)

    def held_back_deg(self, motion: FaceMotion) -> float:
        """By how much the head is turned less than a motion wants, where it is most: the 95th percentile of frames."""
        less = np.linalg.norm(motion.rotation - self.bounded(motion).rotation, axis=1)
        return float(np.degrees(np.percentile(less, 95)))

    def face_px(self, motion: FaceMotion) -> np.ndarray:
        """`[T, V, 2]`: where the face's vertices are in the frames painted for a motion."""
        return self.footage.head.vertices_px(self.bounded(motion))[0][:, : self.bend.face]

    def wanted(self, pieces: Iterable[FaceMotion]) -> Iterator[Wanted]:
        """What each frame shall show."""
        following = Following(self.footage.gaze[self.footage.usable], self.footage.motion.fps)
        for piece in pieces:
            for start in range(0, len(piece), CHUNK):
                part = self.bounded(piece[start : start + CHUNK])
                points, lips = self.footage.wanted_px(part), lips_of(self.footage.head, part.expression)
                for k, (across, up) in enumerate(gaze_of(self.footage.head, part.expression)):
                    look = float(across), float(up)
                    yield Wanted(points[k], lips[k], part[k : k + 1], look, following(look))

    def path(self, costs: PathCosts, freely: bool = False) -> FootagePath:
        """A new path through the footage; freely: any frame may follow any, as for mouths, whose joins are blended."""
        footage, fps = self.footage, self.footage.motion.fps
        if freely:
            return FootagePath(None, footage.usable, footage.breaks, fps, costs)
        return FootagePath(footage.looks, footage.usable, footage.breaks, fps, costs, footage.unrest)

    def _head_costs(self, want: Wanted) -> np.ndarray:
        away = self.footage.head_distance(want.points_px)
        closing = np.maximum(self.footage.motion.blink - max(BLINKING, want.blink), 0)
        costs: np.ndarray = away**2 / HEAD_UNIT + BLINK_COST * closing
        return costs

    def _eye_costs(self, want: Wanted) -> np.ndarray:
        lids = (self.footage.motion.blink - want.blink) / BLINK_UNIT
        looks = np.square(self.footage.gaze - want.gaze).sum(1) / GAZE_UNIT**2
        costs: np.ndarray = lids**2 + want.followed * looks + self.footage.turn_costs(want.motion.rotation[0])
        return costs

    @cached_property
    def _with_mouths(self) -> tuple[np.ndarray, Footage]:
        """Numbers of the frames that mouths are taken from, and these frames: a mouth costs the same however long
        somebody was filmed.
        """
        return useful_frames(self.footage), useful(self.footage)

    def mouth_path(self, wanted: Iterable[Wanted]) -> Iterator[list[tuple[int, float]]]:
        """For each frame the real mouths to take, each with its share."""
        before: list[tuple[int, float]] = []
        numbers, footage = self._with_mouths
        costs = (footage.mouth_costs(w.lips_mm, w.motion.rotation[0]) for w in wanted)
        path = FootagePath(None, footage.usable, footage.breaks, footage.motion.fps, self.config.mouth)
        for index in map(int, (numbers[place] for place in path(costs))):
            fading = [(min(i + 1, len(self.footage) - 1), s - 1 / MOUTH_BLEND_FRAMES) for i, s in before]
            fading = [(i, s) for i, s in fading if s > 0 and i != index]
            rest = sum(s for _, s in fading)
            if rest > 1 - 1 / MOUTH_BLEND_FRAMES:
                fading = [(i, s * (1 - 1 / MOUTH_BLEND_FRAMES) / rest) for i, s in fading]
            before = [*fading, (index, 1 - sum(s for _, s in fading))]
            yield before

    def steps(self, path: Iterable[int], last: int = -1) -> Iterator[Step]:
        """Each frame of a path, with what it is morphed from after a jump. last: shown before the first, if any."""
        length = max(2, round(MORPH_S * self.footage.motion.fps))
        old, since = last, length
        for index in path:
            if last >= 0 and not self._follows(last, index) and 2 * since > length:
                old, since = last, 0  # a jump just after another goes on with that one's morph
            if since < length:
                old, since = self._played(old), since + 1
                yield Step(index, old, float(smoothstep(np.float64(since / (length + 1)))))
            else:
                yield Step(index)
            last = index

    def base(self, step: Step, want: Wanted) -> np.ndarray:
        """The real frame of a step, its head as wanted, `[H, W, 3]` uint8."""
        whole = slice(0, self.bend.height_px), slice(0, self.bend.width_px)
        frame = self.bent(step.index, want)
        if step.share == 1:
            return frame.rgb(*whole)
        old = self.bent(step.old, want)
        morphed = morph(old, frame, step.share).rgb(*whole)
        self._keep_eyes_whole(morphed, frame if step.nearer == step.index else old, want)
        return morphed

    def _keep_eyes_whole(self, frame: np.ndarray, real: Planes, want: Wanted) -> None:
        """Eyes of one real frame, bent as the other, in place: they go over at once, as eyes do, and never show two."""
        for outline in eye_outlines(want.points_px):
            patch = polygon_patch(
                outline, EYE_SOFT * self.footage.eyes_px, self.bend.width_px, self.bend.height_px
            )
            if patch is not None:
                square = np.s_[patch.rows, patch.columns]
                eyes = real.rgb(patch.rows, patch.columns)
                patch.paste(frame, matched(eyes, frame[square], patch.weight))

    def _follows(self, one: int, other: int) -> bool:
        """Whether a frame may be shown right after another as it is."""
        low, high = min(one, other), max(one, other)
        return high - low <= 2 and not self.footage.breaks[low + 1 : high + 1].any()

    def _played(self, index: int) -> int:
        """The next frame of the footage, as long as it goes on."""
        following = min(index + 1, len(self.footage) - 1)
        return index if self.footage.breaks[following] or not self.footage.usable[following] else following

    def bent(self, index: int, want: Wanted) -> Planes:
        """A real frame, its head as wanted."""
        shift = self.bend.displacement(self.footage.points_px[index], want.points_px)
        return self.bend.planes(self.footage.frames.planes(index), shift)

    def _paint_eyes(self, frame: np.ndarray, want: Wanted, shown: int, eye: int) -> int:
        """Lids and gaze as wanted, where the real frame's are otherwise: from a frame whose eyes are. The frame whose
        eyes are shown now.
        """
        share = self._eyes_off(want, shown)
        if share == 0 or eye == shown or self._eyes_off(want, eye) >= share:
            return shown
        target = self.footage.wanted_px(want.motion, lidded=True)[0]
        source = self.footage.lidded_px(eye)
        for outline in eye_outlines(want.points_px):
            patch = polygon_patch(
                outline, EYE_SOFT * self.footage.eyes_px, self.bend.width_px, self.bend.height_px
            )
            if patch is None:
                continue
            shift = self.bend.displacement(source, target, patch.rows, patch.columns)
            eyes = self.bend.taken(self.footage.frames, eye, shift, patch.rows, patch.columns)
            lit = matched(eyes, frame[patch.rows, patch.columns], patch.weight)
            Patch(patch.rows, patch.columns, patch.weight * share).paste(frame, lit)
        return eye if share >= 0.5 else shown

    def paint_finished(
        self, frame: np.ndarray, want: Wanted, mouths: list[tuple[int, float]], shown: int
    ) -> None:
        """Put the wanted mouth on a frame, and give its face the light, and all that is coarse, that are expected of
        it, in place. shown: the real frame whose eyes it has.
        """
        look = self._look(want, shown)
        self._paint_mouth_under(frame, want, mouths, look)
        if look is not None and self.expected is not None:
            self.expected.put(frame, want.points_px, look)

    def paint_spoken(self, frame: np.ndarray, want: Wanted, mouths: list[tuple[int, float]]) -> None:
        """Put the wanted mouth on a real frame, whose light stays, in place."""
        look, covered = self._look(want, mouths[-1][0]), self.mouths.covered(want.points_px)
        self._paint_mouth_under(frame, want, mouths, look)
        if look is not None and covered is not None and self.expected is not None:
            self.expected.put(frame, want.points_px, look, covered)

    def _paint_mouth_under(
        self, frame: np.ndarray, want: Wanted, mouths: list[tuple[int, float]], look: Look | None
    ) -> None:
        """Put the wanted mouth on a frame that gets a look, in place. Where that tells all that is coarse, real mouths
        give their detail alone: mixed, that of one is left, and less of it; and nothing is left for the network to add.
        """
        told = look is not None and look.known.get("mouth", 0) >= 1
        self.paint_mouth(frame, want, [(mouths[-1][0], 1.0)] if told else mouths, not told)

    def _look(self, want: Wanted, shown: int) -> Look | None:
        """How the face is expected to look; eyes that do not follow the motion's gaze stay the real frame's."""
        if self.expected is None:
            return None
        own = self.footage.motion[shown : shown + 1]
        expression, blink = (
            real + np.float32(want.followed) * (wanted - real)
            for real, wanted in ((own.expression, want.motion.expression), (own.blink, want.motion.blink))
        )
        spots = self.expected.spots(want.motion, replace(want.motion, expression=expression, blink=blink))
        return self.expected.look({name: spot[0] for name, spot in spots.items()})

    def _eyes_off(self, want: Wanted, index: int) -> float:
        """0-1: how far a real frame's eyes are otherwise than wanted: 0 looks the same, 1 is somebody else's look."""
        lids = (abs(float(self.footage.motion.blink[index]) - want.blink) - OPENING_FROM) / (OPENING_TO - OPENING_FROM)
        away = float(np.linalg.norm(self.footage.gaze[index] - want.gaze)) * want.followed
        look = (away - LOOKING_FROM) / (LOOKING_TO - LOOKING_FROM)
        return float(smoothstep(np.clip(max(lids, look), 0, 1)))

    def paint_mouth(
        self, frame: np.ndarray, want: Wanted, mouths: list[tuple[int, float]], finished: bool = True
    ) -> Window:
        """Put the wanted mouth on a frame whose head is as wanted, in place; where. finished: by the network, which
        adds what is coarse: it is not needed where that is told otherwise.
        """
        window = self.mouths.window(want.points_px)
        taken = [
            self.mouths.taken(self.footage.frames, i, self.footage.points_px[i], want.points_px, window)
            for i, _ in mouths
        ]
        mouth = blended(taken, [share for _, share in mouths], BLEND_SOFT * self.footage.eyes_px)
        lack_mm = float(gap_mm(want.lips_mm) - sum(share * self.footage.gaps_mm[i] for i, share in mouths))
        if lack_mm > LACK_MM[0]:
            mouth = self.inside.painted(mouth, want.points_px - (window.left, window.top), lack_mm)
        under = frame[window.rows, window.columns]
        finisher = self._finish if finished and not self._adds_nothing else None
        frame[window.rows, window.columns] = self.mouths.painted(
            under, mouth, want.points_px, window, finisher, self.device
        )
        return window


def blended(pictures: list[np.ndarray], shares: list[float], soft_px: float) -> np.ndarray:
    """Pictures `[h, w, 3]` mixed by shares, what is finer than `soft_px` from the last alone: two grains make none."""
    last = pictures[-1].astype(np.float32)
    if len(pictures) == 1:
        return last
    change = np.zeros_like(last)
    for picture, share in zip(pictures[:-1], shares[:-1], strict=True):
        change += np.float32(share) * (picture - last)
    mixed: np.ndarray = last + cv2.GaussianBlur(change, (0, 0), soft_px)
    return mixed


def matched(patch: np.ndarray, around: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """A patch `[h, w, 3]` in the light of the picture that it goes into: their colours agree along its edge."""
    edge = (weight * (1 - weight)) * 4
    total = edge.sum()
    if total < 1:
        return patch
    shift = (edge * (around.astype(np.float32) - patch)).sum((0, 1)) / total
    return (patch + shift).clip(0, 255)
