"""Every metric by name: unit, direction, what it needs, which faults it is meant to see, and whether it is reported by
default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.clips import Clip, Pair
from evaluation.metrics import blinks, detail, head, identity, lips, sync, theval, video

Better = Literal["higher", "lower", "truth", "one", "zero"]
Need = Literal["reference", "driving", "sound", "frames", "phones"]


@dataclass(frozen=True)
class Metric:
    """One number about a clip.

    name: its key. title: for people. unit: "" for none. better: "higher", "lower", or nearest to the "truth" (the same
    measure of the reference), to "one" or to "zero". measure: the number of a pair; NaN when it cannot be had. truth:
    the same measure of the reference clip, for `better == "truth"`. needs: without these it is not asked. faults: names
    of `controls.FAULTS` that it must tell from the truth. default: in the report; only a metric that told all its
    faults in the self-test is. follows: means something only where the picture was told to follow the truth (own-motion
    reconstruction), not where it is free.
    """

    name: str
    title: str
    unit: str
    better: Better
    measure: Callable[[Pair], float]
    needs: tuple[Need, ...] = ()
    faults: tuple[str, ...] = ()
    truth: Callable[[Clip], float] | None = None
    default: bool = True
    follows: bool = False

    def possible(self, pair: Pair) -> bool:
        """Whether the pair brings what the metric needs."""
        have = {
            "reference": pair.reference is not None,
            "driving": pair.driving is not None,
            "sound": pair.clip.sound is not None,
            "frames": pair.clip.frames is not None,
            "phones": bool(pair.phones),
        }
        return all(have[need] for need in self.needs)

    def goodness(self, value: float, truth: float = float("nan")) -> float:
        """A number that is larger for a better value: the value, its negative, or minus its distance from the goal."""
        if self.better in ("higher", "lower"):
            return value if self.better == "higher" else -value
        goal = {"one": 1.0, "zero": 0.0}.get(self.better, truth)
        return -abs(value - goal)


def _of_clip(
    name: str, title: str, unit: str, measure: Callable[[Clip], float], *faults: str, better: Better = "truth",
    needs: tuple[Need, ...] = (), default: bool = True,
) -> Metric:
    """A metric of the clip alone; the truth's own value is the goal unless said otherwise."""
    return Metric(name, title, unit, better, lambda pair: measure(pair.clip), needs, faults, measure, default)


def _against(
    name: str, title: str, unit: str, better: Better, measure: Callable[[Clip, Clip], float], *faults: str,
    default: bool = True, follows: bool = False, frames: bool = False,
) -> Metric:
    """A metric of the clip against the reference."""
    needs: tuple[Need, ...] = ("reference", "frames") if frames else ("reference",)
    return Metric(
        name, title, unit, better, lambda pair: measure(pair.clip, pair.reference),  # type: ignore[arg-type]
        needs, faults, None, default, follows,
    )


def _picture(name: str, title: str, unit: str, better: Better, *faults: str, default: bool = True) -> Metric:
    """The mean of one of `video.pair_curves`."""
    return Metric(
        name, title, unit, better, lambda pair: mean(pair.pair_curves.get(name)), ("reference", "frames"), faults,
        default=default, follows=True,
    )


def _own_picture(curve: str, title: str, unit: str, *faults: str, default: bool = True) -> Metric:
    """The mean of one of `video.own_curves`; the truth's is the goal."""
    return _of_clip(
        curve, title, unit, lambda c: mean(c.picture_curves.get(curve)), *faults, needs=("frames",), default=default
    )


def _detail(region: str, *faults: str) -> Metric:
    """`detail.detail_ratio` of a region."""
    return Metric(
        f"detail_{region}", f"Detail against the truth, {region}", "", "one",
        lambda pair: detail.detail_ratio(pair.clip.detail_curves, pair.truth_detail_curves, region),
        ("reference", "frames"), faults,
    )


def mean(curve: np.ndarray | None) -> float:
    """The mean of a curve's finite values; NaN without any."""
    return float(np.nanmean(curve)) if curve is not None and np.isfinite(curve).any() else float("nan")


SHIFTS_MS = (40, 80, 120, 200, 400)
SOUND_SHIFTS = tuple(f"sound_{way}_{ms}ms" for ms in SHIFTS_MS for way in ("late", "early"))

_EYES = "eye distances"  # the unit of lengths: the distance between the eyes

_LIPS = (
    _against("gap_correlation", "Lip-gap correlation", "", "higher",
             lambda c, r: lips.gap_correlation(c.head, r.head).at_zero, "lips_frozen", "picture_late"),
    _against("gap_lag", "Lip-gap lag", "s", "zero",
             lambda c, r: lips.gap_correlation(c.head, r.head).lag_s, "picture_late"),
    _against("gap_amplitude", "Lip-gap amplitude ratio", "", "one",
             lambda c, r: lips.gap_amplitude_ratio(c.head, r.head), "lips_frozen"),
    _against("width_correlation", "Lip-width correlation", "", "higher",
             lambda c, r: lips.width_correlation(c.head, r.head).at_zero, "lips_frozen", "picture_late"),
    _against("width_amplitude", "Lip-width amplitude ratio", "", "one",
             lambda c, r: lips.width_amplitude_ratio(c.head, r.head), "lips_frozen"),
    _against("mouth_lmd", "Landmark distance, mouth", _EYES, "lower",
             lambda c, r: lips.mouth_lmd(c.head, r.head), "lips_frozen", "picture_late"),
    _against("face_lmd", "Landmark distance, face", _EYES, "lower",
             lambda c, r: lips.face_lmd(c.head, r.head), "lips_frozen", "picture_late", "face_stretched"),
    Metric("bilabial_closure", "Bilabials closed", "", "truth",
           lambda p: lips.bilabial_closure(p.clip.head, p.phones, p.reference.head if p.reference else None),
           ("phones",)),
)

_SOUND = (
    _of_clip("sync_offset", "Sound offset", "s", lambda c: sync.offset_s(c.as_filmed or c.sync), *SOUND_SHIFTS,
             "picture_late", better="zero", needs=("sound",)),
    _of_clip("sync_agreement", "Lips go with the sound", "", lambda c: sync.agreement(c.sync), "wrong_sound",
             "lips_frozen", better="higher", needs=("sound",)),
    _of_clip("silent_lip_stability", "Lips tremble in silence", _EYES, lambda c: c.theval["silent_lip_stability"],
             "lips_frozen", needs=("sound",)),
    _of_clip("lip_leak", "Lips open in silence (LipLeak)", "",
             lambda c: lips.lip_leak(c.head, c.sound),  # type: ignore[arg-type]
             "muted", better="lower", needs=("sound",)),
    _of_clip("lip_sync", "Lips against loudness", "", lambda c: c.theval["lip_sync"], "wrong_sound", "lips_frozen",
             needs=("sound",)),
    _of_clip("beat_alignment", "Head beats on speech beats", "z",
             lambda c: head.beat_alignment(c.head, c.sound),  # type: ignore[arg-type]
             "wrong_sound", "pose_frozen", better="higher", needs=("sound",), default=False),  # 20 s hold too few beats
)

_MOTION = (
    _of_clip("lip_dynamics", "Lip dynamics", _EYES, lambda c: c.theval["lip_dynamics"], "lips_frozen"),
    _of_clip("head_dynamics", "Head dynamics", "", lambda c: c.theval["head_dynamics"], "pose_frozen"),
    _of_clip("brow_dynamics", "Brow dynamics", _EYES, lambda c: c.theval["brow_dynamics"], "brows_frozen"),
    _of_clip("blink_rate", "Blinks", "per minute", lambda c: blinks.rate_per_min(c.blink, c.fps, c.valid),
             "eyes_frozen", "slowed"),
    _of_clip("blink_duration", "Blink duration", "s", lambda c: blinks.duration_s(c.blink, c.fps), "slowed"),
    _of_clip("blink_interval", "Time between blinks", "s", lambda c: blinks.interval_s(c.blink, c.fps), "slowed"),
    _of_clip("pose_spread", "Head pose spread", "degrees", lambda c: head.pose_spread_deg(c.head), "pose_frozen"),
    _of_clip("pose_speed", "Head turning speed", "degrees/s", lambda c: head.pose_speed_deg_s(c.head), "pose_frozen",
             "slowed"),
    _of_clip("pose_jitter", "Head trembling, angle", "degrees", lambda c: head.pose_jitter_deg(c.head), "dropped"),
    _of_clip("position_jitter", "Head trembling, place", _EYES, lambda c: head.position_jitter(c.head), "jittered",
             "dropped"),
    _against("rotation_error", "Head rotation error", "degrees", "lower",
             lambda c, r: head.rotation_error_deg(c.head, r.head), "pose_frozen", follows=True),
    _of_clip("identity_drift", "Identity drift (bones)", "", lambda c: identity.identity_drift(c.head),
             "face_stretched"),
    _against("identity_error", "Identity error (bones)", "", "lower",
             lambda c, r: identity.identity_error(c.head, r.head), "face_stretched"),
    Metric("theval", "THEval score (geometric five)", "", "higher",
           lambda p: theval.scores(p.clip.theval, p.reference.theval)["overall"],  # type: ignore[union-attr]
           ("reference", "sound"), ("lips_frozen", "pose_frozen")),
)

_PICTURES = (
    _picture("psnr_whole", "PSNR, whole picture", "dB", "higher", "blurred", "jittered"),
    _picture("psnr_face", "PSNR, face", "dB", "higher", "blurred", "jittered", "lips_frozen", "seam"),
    _picture("psnr_mouth", "PSNR, mouth", "dB", "higher", "blurred", "jittered", "lips_frozen"),
    _picture("ssim_whole", "SSIM, whole picture", "", "higher", "blurred", "jittered"),
    _picture("ssim_face", "SSIM, face", "", "higher", "blurred", "jittered", "lips_frozen"),
    _picture("ssim_mouth", "SSIM, mouth", "", "higher", "blurred", "jittered", "lips_frozen"),
    _own_picture("sharpness_face", "Sharpness, face", "levels²", "blurred"),
    _own_picture("sharpness_mouth", "Sharpness, mouth", "levels²", "blurred"),
    _own_picture("flicker_background", "Flicker, still background", "levels", "jittered", "flickering"),
    _own_picture("flicker_face", "Flicker, face", "levels", "jittered", "flickering"),
    _own_picture("seam", "Step at the face's border", "", "seam"),
    _of_clip("repeated_frames", "Frames shown again", "",
             lambda c: video.repeated_share(c.picture_curves.get("change", np.zeros(0))), "dropped", needs=("frames",)),
)

_DETAIL = (
    *(_detail(region, "blurred", "resized", "noisy") for region in detail.REGIONS),
    Metric("background_change", "Change of the background against the truth", "", "one",
           lambda pair: detail.change_ratio(pair.clip.detail_curves, pair.truth_detail_curves),
           ("reference", "frames"), ("noisy", "jittered")),
    _of_clip("background_frozen", "Frames with a frozen background", "", lambda c: detail.frozen_share(c.detail_curves),
             "background_frozen", needs=("frames",)),
)

_DRIVEN = (
    Metric("driven_gap_correlation", "Driving motion: lip-gap correlation", "", "higher",
           lambda p: lips.gap_correlation(p.clip.head, p.driving.head).at_zero, ("driving",)),  # type: ignore[union-attr]
    Metric("driven_rotation_error", "Driving motion: rotation error", "degrees", "lower",
           lambda p: head.rotation_error_deg(p.clip.head, p.driving.head), ("driving",)),  # type: ignore[union-attr]
    Metric("driven_blinks_seen", "Driving motion: blinks seen", "", "higher",
           lambda p: blinks.seen_share(p.driving.blink, p.clip.blink, p.clip.fps),  # type: ignore[union-attr]
           ("driving",)),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (
    *_LIPS, *_SOUND, *_MOTION, *_PICTURES, *_DETAIL, *_DRIVEN,
)}
