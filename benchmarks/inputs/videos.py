"""Videos: codecs, containers, rates, sizes, turns, colours, fields, cuts, covers, crowds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from benchmarks.inputs.faces import Portrait
from benchmarks.inputs.outcome import Right, Variant
from foundation.errors import InputError
from preprocessing.media import probe
from preprocessing.media.colour import BT2020, HLG, PQ, WHITE_NITS
from preprocessing.one_person import one_person
from preprocessing.tracking import FaceTracker, track_landmarks
from talking_head.enrollment.from_video import MIN_VALID_SHARE, check_visible
from talking_head.enrollment.tracking import LEAST_FPS

log = logging.getLogger(__name__)

FINE = Right(quiet=True, most=0.03)


@dataclass(frozen=True)
class Film:
    """Frames with known landmarks, and what should be seen in which of them. fps: of the file, which may repeat frames.
    kept: `[T]` bool, frames that should count; all when None.
    """

    frames: Sequence[Portrait]
    fps: float = 25.0
    kept: np.ndarray | None = None


class Judge:
    """Reads a video as enrollment does, up to the fit; without its sound and its least length."""

    def __init__(self, tracker: FaceTracker) -> None:
        self.tracker = tracker

    def __call__(self, path: Path, facts: object) -> float:
        """Mean lip error over the frames that should count; plus the share of frames that count and should not, or
        should and do not.
        """
        assert isinstance(facts, Film)
        info = probe(path)
        if info.fps < LEAST_FPS:
            raise InputError(f"{path} has {info.fps:.3g} frames a second", f"at least {LEAST_FPS:g}")
        whole = track_landmarks(path, tracker=self.tracker)
        track, notes = one_person(path, whole)
        self.tracker.restart()
        for note in notes:
            log.warning("%s", note)
        left = track.select(~(whole.valid & ~track.valid))
        if left.valid.mean() < MIN_VALID_SHARE:  # and not its length: these films are short
            check_visible(path, left)
        zoom = track.width_px / facts.frames[0].picture.shape[1]
        errors = []
        for index in np.flatnonzero(track.valid):
            shown = facts.frames[min(len(facts.frames) - 1, int(index / track.fps * facts.fps + 0.45))]
            errors.append(Portrait(shown.picture, shown.points * zoom).lip_error(track.landmarks_px[index]))
        wanted = np.ones(len(track), bool) if facts.kept is None else facts.kept
        wrong = float((track.valid[: len(wanted)] != wanted[: len(track.valid)]).mean())
        return float(np.mean(errors)) + max(0.0, wrong - 0.06)


def written(
    path: Path, pictures: Sequence[np.ndarray], fps: float = 25, codec: str = "libx264", form: str = "yuv420p",
    rotation: int = 0, options: dict[str, str] | None = None, times_s: Sequence[float] | None = None,
    aspect: Fraction | None = None, convert: Callable[[np.ndarray], av.VideoFrame] | None = None,
) -> Path:
    """A silent video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options or {})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], form
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if times_s is not None:
            stream.codec_context.time_base = Fraction(1, 90_000)
        for index, picture in enumerate(pictures):
            frame = (
                convert(picture) if convert else av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=form)
            )
            for name in ("colorspace", "color_range", "color_trc", "color_primaries"):
                if index == 0 and convert:
                    setattr(stream.codec_context, name, getattr(frame, name))
            if times_s is not None:
                frame.pts, frame.time_base = round(times_s[index] * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def video(
    name: str, right: Right, film: Callable[[], Film], judge: Judge, file: str = "a.mp4",
    write: Callable[..., Path] = written, **options: object,
) -> Variant:
    def make(folder: Path) -> tuple[Path, object]:
        shown = film()
        return write(folder / file, [frame.picture for frame in shown.frames], **{"fps": shown.fps, **options}), shown

    return Variant(f"video: {name}", right, make, judge)


def codecs(base: Film, judge: Judge) -> Iterator[Variant]:
    for file, codec, form in (
        ("a.mp4", "libx264", "yuv420p"), ("a.mov", "libx264", "yuv422p"), ("a.mkv", "libx264", "yuv444p"),
        ("a.mp4", "libx264", "yuv420p10le"), ("a.ts", "libx264", "yuv420p"), ("a.flv", "libx264", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p"), ("a.mov", "libx265", "yuv420p10le"), ("a.webm", "libvpx", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"), ("a.mp4", "libsvtav1", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p"),
        ("a.avi", "mpeg4", "yuv420p"), ("a.mpg", "mpeg2video", "yuv420p"), ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv420p"), ("a.mov", "qtrle", "rgb24"), ("a.wmv", "wmv2", "yuv420p"),
    ):  # fmt: skip
        if codec in av.codecs_available:
            plain = codec in ("mpeg4", "mpeg2video", "wmv2", "mjpeg", "libvpx", "libvpx-vp9")
            coarse = {"b": "6M"} if plain else {"crf": "20"}
            right = Right(most=0.04)
            name = f"{codec} {form} in {file[1:]}"
            yield video(name, right, lambda: base, judge, file, codec=codec, form=form, options=coarse)
    for name in ("a.mov", "a.jpg", "a", "a:b.mp4"):

        def renamed(path: Path, pictures: Sequence[np.ndarray], fps: float) -> Path:
            return written(path.parent / "x.mp4", pictures, fps).rename(path)

        yield video(f"an mp4 named {name}", Right(most=0.03), lambda: base, judge, name, renamed)


def rates(base: Film, judge: Judge) -> Iterator[Variant]:
    slow = Right("frames a second")
    for fps in (1, 5, 9, 12, 15, 24000 / 1001, 29.97, 50, 60, 120):
        right = slow if fps < LEAST_FPS else FINE
        yield video(f"{fps:.4g} frames a second", right, lambda f=fps: Film(base.frames, f), judge)
    uneven = np.cumsum([0, *([0.04, 0.04, 0.12, 0.04, 0.04] * 4)])[: len(base.frames)]

    def held() -> Film:
        times_s = np.arange(round(uneven[-1] * 25) + 1) / 25 + 0.021
        return Film([base.frames[k] for k in np.searchsorted(uneven, times_s, "right") - 1])

    def made(path: Path, pictures: Sequence[np.ndarray], fps: float) -> Path:
        return written(path, [frame.picture for frame in base.frames[: len(uneven)]], 25, times_s=uneven.tolist())

    yield video("uneven times", Right(most=0.05), held, judge, write=made)


def shapes(base: Film, judge: Judge) -> Iterator[Variant]:
    def laid(face: float, width: int, height: int, x: float = 0.4, drift: float = 0.0) -> Film:
        return Film([f.resized(face, width, height, x + drift * k, 0.4) for k, f in enumerate(base.frames)])

    for face, width, height in (
        (64.8, 640, 360), (66, 1280, 720), (80, 1920, 1080), (100, 1280, 720), (130, 720, 1280), (140, 1920, 1080),
        (250, 1280, 720),
    ):
        yield video(f"face {face:.0f} px in {width}x{height}", FINE, partial(laid, face, width, height), judge)
    yield video("a small face that moves", FINE, lambda: laid(80, 1280, 720, 0.2, 0.015), judge)
    yield video("odd size", FINE, lambda: laid(100, 333, 255), judge, "a.mkv", form="yuv444p")
    for degrees in (90, 180, -90):

        def turned(path: Path, pictures: Sequence[np.ndarray], fps: float, d: int = degrees) -> Path:
            return written(path, [np.ascontiguousarray(np.rot90(p, -d // 90)) for p in pictures], fps, rotation=d)

        yield video(f"a phone's turn of {degrees} degrees", FINE, lambda: base, judge, write=turned)
    for turns in (1, 3):

        def lying(path: Path, pictures: Sequence[np.ndarray], fps: float, turns: int = turns) -> Path:
            return written(path, [np.ascontiguousarray(np.rot90(p, turns)) for p in pictures], fps)

        yield video(f"lying on its side, {turns}", Right("lies on its side|no face"), lambda: base, judge, write=lying)

    def squeezed(path: Path, pictures: Sequence[np.ndarray], fps: float) -> Path:
        narrow = [cv2.resize(p, (p.shape[1] * 3 // 4 // 2 * 2, p.shape[0])) for p in pictures]
        return written(path, narrow, fps, aspect=Fraction(4, 3))

    yield video("pixels that are not square", Right(most=0.04), lambda: base, judge, write=squeezed)


def colours(base: Film, judge: Judge) -> Iterator[Variant]:
    for transfer, name, told in ((HLG, "HLG", "arib-std-b67"), (PQ, "PQ", "smpte2084")):
        options = {"x265-params": f"log-level=none:colorprim=bt2020:transfer={told}:colormatrix=bt2020nc", "crf": "12"}
        right = Right(said="HDR", most=0.03)
        yield video(
            name, right, lambda: base, judge, "a.mov", codec="libx265", form="yuv420p10le", options=options,
            convert=lambda picture, t=transfer: hdr_frame(picture, t),
        )
    flags = {"x264-params": "tff=1:log-level=none"}
    yield video("flagged as fields", Right(said="interlaced", most=0.04), lambda: base, judge, options=flags)


def hdr_frame(picture: np.ndarray, transfer: int) -> av.VideoFrame:
    """A picture of standard range as HLG or PQ, its white at 203 cd/m2."""
    to_wide = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    light = (picture / 255.0) ** 2.4 @ to_wide.T * WHITE_NITS
    if transfer == PQ:
        powered = (light / 10_000) ** 0.1593017578125
        codes = ((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375
    else:
        scene = light / 1000 * np.maximum(light @ [0.2627, 0.6780, 0.0593] / 1000, 1e-9)[..., None] ** (1 / 1.2 - 1)
        bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        codes = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    deep = av.VideoFrame.from_ndarray(np.round(np.clip(codes, 0, 1) * 65535).astype(np.uint16), "rgb48le")
    frame = VideoReformatter().reformat(deep, format="yuv420p10le", dst_colorspace=9, dst_color_range=1)
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, BT2020
    return frame


def people(base: Film, judge: Judge) -> Iterator[Variant]:
    long = [*base.frames, *base.frames[::-1], *base.frames]
    count = len(long)
    third = np.arange(count) < count // 3
    after = np.arange(count) >= 2 * (count // 3)

    def joined(other: Callable[[Portrait], Portrait], where: np.ndarray, kept: np.ndarray | None) -> Film:
        return Film([other(f) if w else f for f, w in zip(long, where, strict=True)], kept=kept)

    cut = Right(said="another person", most=0.03)
    yield video("a cut to somebody else", cut, lambda: joined(stranger, third, ~third), judge)
    yield video("somebody else in between", cut, lambda: joined(stranger, ~third & ~after, third | after), judge)
    near = lambda f: f.moved(np.array([[1.2, 0, -40.0], [0, 1.2, -30.0]]), *f.picture.shape[1::-1])  # noqa: E731
    yield video("a jump cut nearer", FINE, lambda: joined(near, third, None), judge)
    dim = lambda f: f.toned(f.picture * 0.8)  # noqa: E731
    yield video("a light goes out", Right(most=0.03), lambda: joined(dim, third, None), judge)
    covered = Right(said="mouth is covered", most=0.1)
    for name, cover in (
        ("a mask", lambda f: f.masked((130, 185, 215))), ("a black mask", lambda f: f.masked((30, 30, 34))),
        ("a hand", lambda f: f.handed(1.0, 10)),
    ):
        yield video(f"{name} at the end", covered, lambda c=cover: joined(c, after, ~after), judge)
        always = Right("mouth is covered")
        yield video(f"{name} throughout", always, lambda c=cover: Film([c(f) for f in base.frames]), judge)
    gone = lambda f: f.toned(f.picture * 0 + 100)  # noqa: E731
    yield video("gone for a third", Right("the face is seen in", most=0.03), lambda: joined(gone, third, ~third), judge)
    pair = [Portrait(np.concatenate([f.picture, f.picture[:, ::-1]], axis=1), f.points) for f in base.frames]
    yield video("two people", Right("two faces"), lambda: Film(pair), judge)
    yield video("nobody", Right("no face"), lambda: Film([f.toned(f.picture * 0 + 90) for f in base.frames]), judge)


def stranger(frame: Portrait) -> Portrait:
    """Somebody else: mirrored, narrower, of another skin."""
    width = frame.picture.shape[1]
    matrix = np.array([[-0.84, 0, 0.92 * width], [0, 1.0, 0.0]])
    moved = frame.moved(matrix, *frame.picture.shape[1::-1])
    return moved.toned(255 * (moved.picture / 255.0) ** 1.4 * (0.9, 0.85, 0.8))


def variants(base: Film, tracker: FaceTracker) -> Iterator[Variant]:
    """All of them."""
    judge = Judge(tracker)
    for family in (codecs, rates, shapes, colours, people):
        yield from family(base, judge)
