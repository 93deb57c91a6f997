"""One person throughout a video: stretches of somebody else, and of a covered mouth, are found and left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocessing.explaining import Mark, Sight, UnfitError
from preprocessing.identity import Likeness, cuts, face_picture, likeness
from preprocessing.media import frames_at
from preprocessing.mouth_cover import MouthSight, see_mouth
from preprocessing.tracking.following import without
from preprocessing.tracking.landmarks import LandmarkTrack

LOOKS_A_SECOND = 4.0
LOOKS_A_STRETCH = 10  # between two cuts
SHORTEST_FRAMES = 4  # of a stretch that tells who is seen
COVER_LOOKS = 5  # whose middle value decides, so that a wrong look, or a hand that passes, does not
COMBED = 1.45  # see `comb`: at most 1.32 in 24 clips of whole frames, above it in three of four woven from two fields
EXPLAINED = 0.8  # of the frames that seem to show somebody else: so many covered ones tell why
MOST_LOST = 0.5  # of the frames with a face; where more are left out, it is no video of one person speaking


@dataclass(frozen=True)
class _Look:
    mouth: MouthSight
    picture_rgb: np.ndarray
    comb: float


def one_person(video: Path, track: LandmarkTrack) -> tuple[LandmarkTrack, tuple[str, ...]]:
    """The track without the frames that show somebody else than most do, or a covered mouth; and notes of what was left
    out, and of combed frames, for people.

    Args:
        video: what was tracked.
        track: of 478 points.

    Raises:
        InputError: most of the frames would be left out.
    """
    if not track.valid.any():
        return track, ()
    stretches = _stretches(track)
    looks = _look(video, track, _chosen(track, stretches))
    others = _others(track, stretches, looks)
    covered = _covered(track, looks)
    if (others & covered).sum() > EXPLAINED * others.sum():
        others = np.zeros_like(others)  # a face behind a hand looks like somebody else's
    for wrong, what, remedy in (
        (covered, "the mouth is covered", "record it anew, without a mask or hand before the mouth"),
        (others, "cuts to another person or place", "cut out the part that shows one person"),
    ):
        share = float(wrong.sum() / track.valid.sum())
        if share > MOST_LOST:
            told = f"{video}: {what} in {share:.0%} of the frames"
            raise UnfitError(told, "one person speaking to the camera", remedy, _sight(video, track, wrong))
    notes = []
    if others.any():
        notes.append(f"cuts to another person or place: {_times(others, track.fps)} left out")
    if covered.any():
        notes.append(f"the mouth is covered: {_times(covered, track.fps)} left out")
    combs = [look.comb for index, look in looks.items() if not (others | covered)[index]]
    if combs and np.percentile(combs, 90) > COMBED:
        notes.append("its rows look combed, as if frames were woven from two fields: deinterlace it, or mouths blur")
    return without(track, others | covered), tuple(notes)


def _stretches(track: LandmarkTrack) -> list[np.ndarray]:
    """Frames with a face between one possible cut and the next."""
    seen = np.flatnonzero(track.valid)
    return np.split(seen, np.searchsorted(seen, cuts(track)))


def _chosen(track: LandmarkTrack, stretches: list[np.ndarray]) -> set[int]:
    """Frames to look at."""
    chosen = _regular(track)
    if len(stretches) > 1:
        for frames in stretches:
            spread = np.linspace(0, len(frames) - 1, min(len(frames), LOOKS_A_STRETCH)).round().astype(int)
            chosen |= set(frames[spread].tolist())
    return chosen


def _regular(track: LandmarkTrack) -> set[int]:
    """Frames with a face, so many a second."""
    return set(np.flatnonzero(track.valid)[:: max(1, round(track.fps / LOOKS_A_SECOND))].tolist())


def _look(video: Path, track: LandmarkTrack, chosen: set[int]) -> dict[int, _Look]:
    looks = {}
    for index, frame in frames_at(video, chosen, track.fps):
        points = track.landmarks_px[index]
        looks[index] = _Look(see_mouth(frame, points), face_picture(frame, points), comb(frame, points))
        if len(looks) == len(chosen):
            break
    return looks


def comb(frame_rgb: np.ndarray, points_px: np.ndarray) -> float:
    """How much more the rows of a face stand out from their neighbours than its columns do: about 1 in whole frames,
    more where something moved between two fields. Noise counts alike in both.
    """
    low = np.clip(points_px[:, :2].min(0), 0, None).astype(int)
    high = np.ceil(points_px[:, :2].max(0)).astype(int)
    face = frame_rgb[low[1] : high[1], low[0] : high[0], 1].astype(np.float32)
    if min(face.shape) < 3:
        return 1.0
    rows = np.abs(face[1:-1] - (face[:-2] + face[2:]) / 2).mean()
    columns = np.abs(face[:, 1:-1] - (face[:, :-2] + face[:, 2:]) / 2).mean()
    return float(rows / max(columns, 1e-3))


def _others(track: LandmarkTrack, stretches: list[np.ndarray], looks: dict[int, _Look]) -> np.ndarray:
    """`[T]` bool: frames of stretches that show somebody else than most of the video does."""
    wrong = np.zeros(len(track), bool)
    faces: list[tuple[np.ndarray, Likeness]] = []
    for frames in stretches:
        pictures = [looks[frame].picture_rgb for frame in frames.tolist() if frame in looks]
        if len(frames) >= SHORTEST_FRAMES and pictures:
            faces.append((frames, likeness(track.landmarks_px[frames], np.stack(pictures))))
        else:
            wrong[frames] = len(stretches) > 1  # a flash between two cuts
    if len(faces) < 2:
        return np.zeros(len(track), bool)
    group = list(range(len(faces)))
    for k, (_, face) in enumerate(faces):
        for j in range(k):
            if face.same(faces[j][1]):
                group = [group[j] if g == group[k] else g for g in group]
    sizes = {g: sum(len(frames) for (frames, _), own in zip(faces, group, strict=True) if own == g) for g in group}
    kept = max(sizes, key=lambda g: sizes[g])
    if len(sizes) == 1:
        return np.zeros(len(track), bool)
    for (frames, _), own in zip(faces, group, strict=True):
        wrong[frames] |= own != kept
    return wrong


def _covered(track: LandmarkTrack, looks: dict[int, _Look]) -> np.ndarray:
    """`[T]` bool: frames whose mouth is covered, as the middle one of the looks about each says."""
    wrong = np.zeros(len(track), bool)
    order = sorted(_regular(track) & set(looks))
    if not order:
        return wrong
    says = np.array([looks[index].mouth.covered for index in order], float)
    half = COVER_LOOKS // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(says, half, mode="edge"), COVER_LOOKS)
    covered = np.median(windows, axis=-1) > 0.5
    nearest = np.abs(np.arange(len(track))[:, None] - np.array(order)[None]).argmin(1)
    result: np.ndarray = covered[nearest] & track.valid
    return result


def _times(wrong: np.ndarray, fps: float) -> str:
    """`3.0 to 5.5 s, 8.0 to 9.0 s`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wrong.astype(int), [0]])))
    spans = [f"{start / fps:.1f} to {end / fps:.1f} s" for start, end in edges.reshape(-1, 2)]
    return ", ".join(spans[:4]) + (f" and {len(spans) - 4} more" if len(spans) > 4 else "")


def _sight(video: Path, track: LandmarkTrack, wrong: np.ndarray) -> Sight:
    """A frame that is kept, if there is one, beside one that is not."""
    kept = np.flatnonzero(track.valid & ~wrong)
    chosen = [int(rows[len(rows) // 2]) for rows in (kept, np.flatnonzero(wrong)) if len(rows)]
    return side_by_side(video, track, chosen, wrong)


def side_by_side(video: Path, track: LandmarkTrack, chosen: Iterable[int], wrong: np.ndarray) -> Sight:
    """Frames of a video, with their faces and times."""
    pictures, marks, left = [], [], 0
    for index, frame in frames_at(video, set(chosen), track.fps):
        points = track.landmarks_px[index, :, :2] + (left, 0)
        low, high = points.min(0), points.max(0)
        box = float(low[0]), float(low[1]), float(high[0]), float(high[1])
        if track.valid[index]:
            marks.append(Mark(box, f"{index / track.fps:.1f} s", not wrong[index], points))
        pictures.append(frame)
        left += frame.shape[1]
    return Sight(np.concatenate(pictures, axis=1), tuple(marks))

