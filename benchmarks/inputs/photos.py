"""Photos: sizes, places, turns, formats, colours, covers, crowds, and what is none."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageFilter

from benchmarks.inputs.faces import Portrait
from benchmarks.inputs.outcome import Right, Variant
from talking_head.enrollment.from_photo import photo_in

FINE = Right(quiet=True)
SMALL = Right(said="films of it will be")
COVERED = Right("the mouth is covered")
Write = Callable[[Path, Image.Image], Path]


def judge(path: Path, facts: object) -> float:
    """Lip error of a photo as enrollment reads it; what it is cut or reduced to is found by its size."""
    truth, turns = facts if isinstance(facts, tuple) else (facts, 0)
    photo = photo_in(path)
    assert photo is not None and isinstance(truth, Portrait), "not taken for a photo"
    zoom = photo.picture_rgb.shape[1] / truth.picture.shape[1]
    cut = [note for note in photo.notes if note.startswith("cut to")]
    if cut:  # then only the shape of the lips is comparable
        own, wanted = (p[:, :2] - p[[33, 263], :2].mean(0) for p in (photo.landmarks_px, truth.points))
        zoom = float(np.linalg.norm(own[33]) / np.linalg.norm(wanted[33]))
        shown = truth.points.copy()
        shown[:, :2] = wanted * zoom + photo.landmarks_px[[33, 263], :2].mean(0)
    else:
        shown = truth.points * zoom
    return Portrait(truth.picture, shown).lip_error(photo.landmarks_px)


def saved(name: str, **options: object) -> Write:
    def write(folder: Path, picture: Image.Image) -> Path:
        picture.save(folder / name, **options)
        return folder / name

    return write


AS_PNG = saved("a.png")


def photo(name: str, right: Right, shown: Callable[[], Portrait], write: Write = AS_PNG) -> Variant:
    """A portrait in a file."""

    def make(folder: Path) -> tuple[Path, object]:
        portrait = shown()
        return write(folder, Image.fromarray(portrait.picture)), portrait

    return Variant(f"photo: {name}", right, make, judge)


def sizes(base: Portrait) -> Iterator[Variant]:
    for face, width, height in (
        (64.8, 640, 480), (64.8, 1280, 720), (66, 1920, 1080), (80, 640, 480), (80, 1280, 720), (100, 854, 480),
        (100, 1280, 720), (120, 1920, 1080), (150, 1280, 720), (200, 1280, 720), (300, 1280, 720), (400, 1280, 720),
    ):
        reduced = max(1.0, width / 1280)
        said = "around the face" if face / reduced < min(112, face) else ""
        right = Right(said=said, quiet=not said, most=0.02 if face < 100 else 0.015)
        yield photo(f"face {face:.0f} px in {width}x{height}", right, partial(base.resized, face, width, height))
    for face in (30, 45, 60):
        refusal = Right("a face of .* pixels|no face")
        yield photo(f"face {face} px in 1280x720", refusal, lambda f=face: base.resized(f, 1280, 720))
    for x, y in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.28, 0.61), (0.7, 0.3)):
        yield photo(f"face 100 px at {x}, {y}", FINE, lambda x=x, y=y: base.resized(100, 1280, 720, x, y))
    wide = Right(said="around the face")
    yield photo("face 130 px in 4000x3000", wide, lambda: base.resized(130, 4000, 3000, 0.3, 0.4))
    yield photo("face 90 px in 3000x500", wide, lambda: base.resized(90, 3000, 500, 0.9, 0.5))
    yield photo("face 300 px in 4000x3000", wide, lambda: base.resized(300, 4000, 3000, 0.5, 0.2))
    yield photo("odd size 511x377", SMALL, lambda: base.resized(150, 511, 377))
    yield photo("under 128 px", Right("at least 128 a side"), lambda: base.resized(70, 120, 120))


def crops(base: Portrait) -> Iterator[Variant]:
    low, high = base.points[:, :2].min(0), base.points[:, :2].max(0)

    def part(left: float, top: float, right: float, bottom: float) -> Portrait:
        matrix = np.array([[1, 0, -left], [0, 1, -top]], float)
        return base.moved(matrix, round(right - left), round(bottom - top))

    face = high - low
    yield photo("tight crop", SMALL, lambda: part(*(low - 0.05 * face), *(high + 0.05 * face)))
    mouth, middle = float(base.points[13, 1]), float(base.points[4, 0])
    outside = Right("outside the picture|no face")
    yield photo("mouth cut off below", outside, lambda: part(0, 0, base.picture.shape[1], mouth))
    yield photo("half of the face cut off", outside, lambda: part(0, 0, middle, base.picture.shape[0]))


def turns(base: Portrait) -> Iterator[Variant]:
    for degrees in (-40, -25, -10, 10, 25, 40):
        yield photo(f"tilted by {degrees} degrees", FINE, lambda d=degrees: base.turned(d))
    for k, said in ((1, "to the right"), (2, "upside down"), (3, "to the left")):
        for frame in ((), (1280, 720)):
            shown = base.resized(100, *frame) if frame else base

            def make(folder: Path, k: int = k, shown: Portrait = shown) -> tuple[Path, object]:
                Image.fromarray(np.rot90(shown.picture, k)).save(folder / "a.png")
                return folder / "a.png", (shown, k)

            where = f" in {frame[0]}x{frame[1]}" if frame else ""
            yield Variant(f"photo: a quarter turn {k} times{where}", Right(said=said), make, judge)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = {
            1: base.picture, 2: base.picture[:, ::-1], 3: base.picture[::-1, ::-1], 4: base.picture[::-1],
            5: base.picture.transpose(1, 0, 2), 6: np.rot90(base.picture),
            7: np.rot90(base.picture.transpose(1, 0, 2), 2), 8: np.rot90(base.picture, -1),
        }[orientation]  # fmt: skip

        def tagged(folder: Path, stored: np.ndarray = stored, exif: Image.Exif = exif) -> tuple[Path, object]:
            Image.fromarray(np.ascontiguousarray(stored)).save(folder / "a.jpg", quality=95, exif=exif)
            return folder / "a.jpg", base

        yield Variant(f"photo: EXIF orientation {orientation}", FINE, tagged, judge)


def formats(base: Portrait) -> Iterator[Variant]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for kind, name, options in (
        ("JPEG", "a.jpg", {"quality": 95}), ("JPEG", "a.jpg", {"quality": 40}),
        ("JPEG", "a.jpeg", {"progressive": True}), ("JPEG", "a.jfif", {}),
        ("JPEG", "a.png", {}), ("JPEG", "a", {}), ("JPEG", "a.mp4", {}), ("PNG", "a.jpg", {}),
        ("WEBP", "a.webp", {}), ("WEBP", "a.heic", {}), ("AVIF", "a.avif", {"quality": 80}), ("AVIF", "a.jpg", {}),
        ("HEIF", "a.heic", {"quality": 85}), ("HEIF", "a.jpg", {}), ("GIF", "a.gif", {}), ("BMP", "a.bmp", {}),
        ("TIFF", "a.tif", {}), ("JPEG2000", "a.jp2", {}), ("PPM", "a.ppm", {}),
    ):  # fmt: skip
        yield photo(f"{kind} named {name}, {options}", FINE, lambda: base, saved(name, format=kind, **options))
    for mode in ("L", "CMYK", "P", "1"):
        kind = "TIFF" if mode == "CMYK" else "PNG"
        right = Right(quiet=True, most=0.04) if mode in "P1" else FINE

        def converted(folder: Path, picture: Image.Image, mode: str = mode, kind: str = kind) -> Path:
            picture.convert(mode).save(folder / "a", kind)
            return folder / "a"

        yield photo(f"mode {mode}", right, lambda: base, converted)
    yield photo("16 bits of grey", FINE, lambda: base, _deep)


def _deep(folder: Path, picture: Image.Image) -> Path:
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "a.png")
    return folder / "a.png"


def colours(base: Portrait) -> Iterator[Variant]:
    p = base.picture.astype(np.float32)
    grey = p @ np.array([0.299, 0.587, 0.114], np.float32)
    noise = np.random.default_rng(0).normal(0, 14, p.shape)
    side = np.linspace(0.25, 1.0, p.shape[1])[None, :, None]
    for name, toned, most in (
        ("a third as bright", p * 0.33, 0.02), ("overexposed", p * 1.35, 0.02),
        ("little contrast", 96 + 0.25 * p, 0.02), ("black and white", np.repeat(grey[..., None], 3, axis=2), 0.02),
        ("sepia", grey[..., None] * (1.0, 0.85, 0.65), 0.02), ("blueish light", p * (0.75, 0.9, 1.15), 0.02),
        ("light from one side", p * side, 0.02), ("noise", p + noise, 0.03),
        ("soft", np.asarray(Image.fromarray(base.picture).filter(ImageFilter.GaussianBlur(2.5))), 0.03),
        ("mirrored", p[:, ::-1], 9.0),
    ):  # fmt: skip
        yield photo(name, Right(quiet=True, most=most), lambda t=toned: base.toned(t))
    yield photo("JPEG quality 8", Right(quiet=True, most=0.04), lambda: base, saved("a.jpg", quality=8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = bytearray(srgb)
    red, blue = wide.index(b"rXYZ"), wide.index(b"bXYZ")
    wide[red : red + 4], wide[blue : blue + 4] = b"bXYZ", b"rXYZ"
    yield photo("an sRGB profile", FINE, lambda: base, saved("a.jpg", icc_profile=srgb, quality=95))
    other = Right(said="converted|left out", most=0.03)
    yield photo("another profile", Right(most=0.03), lambda: base, saved("a.png", icc_profile=bytes(wide)))
    yield photo("a damaged profile", other, lambda: base, saved("a.png", icc_profile=b"junk" * 50))
    for share, right in ((0.0, FINE), (0.4, Right(said="transparent and shows grey"))):
        yield photo(f"transparent, {share:.0%}", right, lambda: base, lambda f, i, s=share: _transparent(f, i, s))


def _transparent(folder: Path, picture: Image.Image, share: float) -> Path:
    alpha = np.full(picture.size[::-1], 255, np.uint8)
    alpha[:, : round(share * picture.width * 0.5)] = 0
    alpha[:, picture.width - round(share * picture.width * 0.5) :] = 0
    Image.fromarray(np.dstack([np.asarray(picture), alpha])).save(folder / "a.png")
    return folder / "a.png"


def covers(base: Portrait) -> Iterator[Variant]:
    for name, colour in (
        ("light blue", (130, 185, 215)), ("white", (236, 236, 232)), ("black", (32, 32, 34)), ("pink", (205, 125, 150)),
        ("green", (90, 150, 110)), ("of skin's colour", (205, 165, 140)), ("red", (170, 40, 40)),
    ):
        yield photo(f"a {name} mask", COVERED, lambda c=colour: base.masked(c))
    for dark, turn in ((1.0, 0), (0.85, 20), (1.1, -30), (0.95, 70)):
        yield photo(f"a hand, {dark} as bright, at {turn} degrees", COVERED, lambda d=dark, t=turn: base.handed(d, t))


def crowds(base: Portrait) -> Iterator[Variant]:
    def beside(share: float) -> Portrait:
        other = base.resized(base.face_px * share).picture[:, ::-1]
        room = base.picture.shape[0] - other.shape[0]
        other = cv2.copyMakeBorder(other, room, 0, 0, 0, cv2.BORDER_CONSTANT, value=(118, 122, 116))
        return Portrait(np.concatenate([base.picture, other], axis=1), base.points)

    for share, right in (
        (1.0, Right("two faces")), (0.85, Right("two faces")), (0.55, FINE), (0.4, FINE),
    ):
        yield photo(f"a second face of {share} of the size", right, lambda s=share: beside(s))
    rng = np.random.default_rng(0)
    plain = {
        "grey": np.full((400, 600, 3), 120), "noise": rng.integers(0, 255, (400, 600, 3)),
        "a gradient": np.linspace(0, 255, 600)[None, :, None] * np.ones((400, 1, 3)),
        "stripes": 255 * ((np.arange(600)[None, :, None] // 20) % 2) * np.ones((400, 1, 3)),
        "a body without a head": base.picture[round(base.points[152, 1]) + 20 :],
    }
    for name, picture in plain.items():
        yield photo(name, Right("no face|at least 128"), lambda p=picture: base.toned(p))


def broken(base: Portrait) -> Iterator[Variant]:
    whole = io.BytesIO()
    Image.fromarray(base.picture).save(whole, "JPEG", quality=90)
    half = whole.getvalue()[: len(whole.getvalue()) // 2]
    for name, content, right in (
        ("cut short", half, Right("does not decode")), ("empty", b"", Right("does not decode|empty")),
        ("a web page", b"<!DOCTYPE html><p>not found</p>" * 99, Right("does not decode")),
        ("zeros", bytes(9999), Right("does not decode")),
    ):

        def make(folder: Path, content: bytes = content) -> tuple[Path, object]:
            (folder / "a.jpg").write_bytes(content)
            return folder / "a.jpg", base

        yield Variant(f"photo: {name}, named a.jpg", right, make, judge)


def variants(base: Portrait) -> Iterator[Variant]:
    """All of them."""
    for family in (sizes, crops, turns, formats, colours, covers, crowds, broken):
        yield from family(base)
