"""Still pictures, known by their content and whatever their name: upright, in sRGB, without transparency."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageCms, ImageOps

from foundation.confined import confined
from foundation.errors import InputError, unreadable
from preprocessing.media.colour import Colours, to_bt709

READ = ("PNG", "JPEG", "WEBP", "HEIC", "AVIF", "GIF", "BMP", "TIFF", "JPEG 2000")  # as told to people
_FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".avif", ".gif", ".bmp", ".tif",
            ".tiff", ".jp2")  # fmt: skip
GROUND = (128, 128, 128)  # grey under what is transparent
HEADER_BYTES = 32


@dataclass(frozen=True)
class Still:
    """A picture `[H, W, 3]` uint8 in sRGB, upright. notes: what was done to it that its owner should know."""

    picture_rgb: np.ndarray
    notes: tuple[str, ...] = ()


def _made(told: dict[str, Any] | None) -> Still | None:
    return None if told is None else Still(told["picture_rgb"], tuple(told["notes"]))


def _register_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _opened(path: Path) -> Image.Image | None:
    """The picture, not decoded yet; None for anything else."""
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    Image.init()
    if header[4:8] == b"ftyp":  # mp4's family: HEIC and AVIF are of it
        _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pictures over 89 million pixels, and of odd tags
            return Image.open(path, formats=[name for name in _FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: {error}", "a photo of at most 178 million pixels", "reduce it") from error
    except Exception:  # a damaged picture can fail in any way; none of them is ours
        return None


@confined()
def is_still(path: Path | str) -> bool:
    """Whether a file is a picture, by its content."""
    path = Path(path)
    if not path.is_file():
        return False
    picture = _opened(path)
    if picture is not None:
        picture.close()
    return picture is not None


@confined(_made)
def read_still(path: Path | str) -> Still | None:
    """The picture in a file; None when it holds something else.

    Turned as its EXIF says, its colour profile converted to sRGB, high dynamic range toned down, transparency laid over
    grey, the first one taken of several.

    Raises:
        InputError: no such file, it is a picture that does not decode, or it is named as one and is none.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}", "a photo or video")
    picture = _opened(path)
    if picture is None:
        if path.suffix.lower() in SUFFIXES:
            raise InputError(f"{path} does not decode", f"a photo ({', '.join(READ)})", "export it again")
        return None
    notes = []
    with picture:
        try:
            count = getattr(picture, "n_frames", 1) if picture.format in ("GIF", "WEBP", "PNG") else 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                picture.load()
                upright = ImageOps.exif_transpose(picture)
        except Exception as error:
            raise InputError(f"{path} does not decode ({error})", "a whole photo", "export or copy it again") from error
        if count > 1:
            notes.append(f"the first of its {count} pictures is used")
        pixels, alpha = _split(upright)
        pixels = _in_srgb(pixels, picture.info.get("icc_profile"), path, notes)
    array = np.asarray(pixels, np.uint8)
    if alpha is not None and (share := float((alpha < 255).mean())) > 0:
        weight = (alpha / np.float32(255))[..., None]
        array = np.round(array * weight + np.array(GROUND) * (1 - weight)).astype(np.uint8)
        notes.append(f"{share:.0%} of it is transparent and shows grey")
    return Still(np.ascontiguousarray(array), tuple(notes))


def _split(picture: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """Colours (RGB, CMYK or grey of 8 bits) and transparency `[H, W]` uint8, None for none."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture, np.float32)
        top = 255.0 if values.max(initial=0) <= 255 else 65535.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8)), None
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        return whole.convert("RGB"), np.asarray(whole.getchannel("A"))
    if picture.mode in ("RGB", "CMYK", "L"):
        return picture, None
    return picture.convert("RGB"), None


def _in_srgb(picture: Image.Image, profile: bytes | None, path: Path, notes: list[str]) -> Image.Image:
    """The same colours in sRGB."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            name = ImageCms.getProfileDescription(source).strip()
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            assert converted is not None
            if "srgb" not in name.lower():
                notes.append(f"its colours are converted from {name or 'another profile'} to sRGB")
            return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("its colour profile is damaged and is left out of account")
    picture = picture.convert("RGB")
    colours = None if profile else _tagged(path)
    if colours is None or not colours.needs_conversion:
        return picture
    notes.append(f"its colours are converted from {colours.name} to sRGB")
    codes = np.asarray(picture, np.float32) / 255
    return Image.fromarray((to_bt709(codes, colours) * 255).round().astype(np.uint8))


def _tagged(path: Path) -> Colours | None:
    """What a HEIC or AVIF says of its colours without a profile."""
    with open(path, "rb") as file:
        if file.read(HEADER_BYTES)[4:8] != b"ftyp":
            return None
    try:
        with av.open(f"file:{path.absolute()}", metadata_errors="replace") as container:
            return Colours.of(next(container.decode(video=0)))
    except (av.error.FFmpegError, ValueError, IndexError, StopIteration):
        return None
