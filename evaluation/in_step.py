"""Films judged in step: how late each one's sound is, taken away before anything is compared.

What is made from the late sound of a real video is not late itself; compared as filmed, the real lips are early: at
235 ms a film whose lip gap correlates by 0.8 seems to be at 0.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from evaluation.clips import Clip, FrameSource, Pair
from evaluation.metrics.lips import Phone
from face_model.tracks import Sound
from preprocessing.sync import NEAR_S, TRUSTED, SyncEstimate, aligned_sound


@dataclass(frozen=True)
class Found:
    """What was found of a film's sound. offset_s: how late it is; confidence: 0-1. corrected_s: what was taken away."""

    offset_s: float
    confidence: float
    corrected_s: float

    def told(self, name: str) -> str:
        """One line for people."""
        if self.confidence < TRUSTED:
            return f"{name}: whether its sound is in step cannot be told (confidence {self.confidence:.2f})"
        if abs(self.offset_s) <= NEAR_S:
            return f"{name}: its sound is in step (confidence {self.confidence:.2f})"
        way = "late" if self.offset_s > 0 else "early"
        done = "judged in step" if self.corrected_s else "judged as it is"
        late = f"{1000 * abs(self.offset_s):.0f} ms {way}"
        return f"{name}: its sound is {late} (confidence {self.confidence:.2f}); {done}"


def found(clip: Clip, fix: bool) -> Found | None:
    """What is found of a clip's sound; None without sound."""
    if clip.sound is None:
        return None
    sync: SyncEstimate = clip.as_filmed or clip.sync
    sure = sync.confidence >= TRUSTED and abs(sync.offset_s) > NEAR_S
    return Found(sync.offset_s, sync.confidence, sync.offset_s if fix and sure else 0.0)


def in_step(pair: Pair) -> Pair:
    """The pair with each sound moved to its lips, and the frames cut so that both say the same at the same time.

    A shift between the two is made in whole frames, from `NEAR_S` on: what one film shows before or after the other's
    part of the speech is left out. An offset that is not sure is not corrected.
    """
    own_s, truth_s = _late_s(pair.clip), _late_s(pair.reference)
    apart_s = truth_s - own_s
    frames = round(apart_s * pair.clip.fps) if pair.reference is not None and abs(apart_s) > NEAR_S else 0
    clip, reference = _moved(pair.clip, own_s), pair.reference and _moved(pair.reference, truth_s)
    driving, first = pair.driving, max(frames, 0)
    if reference is not None and frames:
        count = max(1, min(len(clip) - first, len(reference) - max(-frames, 0)))
        clip, reference = _part(clip, first, count), _part(reference, max(-frames, 0), count)
        driving = driving and _part(driving, first, count)
    later_s = own_s + first / clip.fps
    phones = tuple(Phone(p.start_s - later_s, p.end_s - later_s, p.label) for p in pair.phones)
    return Pair(clip, reference, driving, phones)


def _late_s(clip: Clip | None) -> float:
    told = None if clip is None else found(clip, fix=True)
    return 0.0 if told is None else told.corrected_s


def _moved(clip: Clip, late_s: float) -> Clip:
    if clip.sound is None:
        return clip
    return replace(clip, sound=aligned_sound(clip.sound, late_s), as_filmed=clip.as_filmed or clip.sync)


def _part(clip: Clip, first: int, count: int) -> Clip:
    """Frames from `first` on, and the sound that goes with them."""
    part, sound, frames = slice(first, first + count), clip.sound, clip.frames
    if sound is not None:
        start, stop = (round(frame / clip.fps * sound.rate_hz) for frame in (part.start, part.stop))
        sound = Sound(sound.samples[start:stop], sound.rate_hz)
    shown = None if frames is None else partial(_shown, frames, part)
    return replace(
        clip, landmarks_px=clip.landmarks_px[part], valid=clip.valid[part], blink=clip.blink[part], sound=sound,
        frames=shown,
    )


def _shown(frames: FrameSource, part: slice):  # type: ignore[no-untyped-def]
    return islice(frames(), part.start, part.stop)
