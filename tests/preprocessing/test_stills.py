"""Photos as they come: formats by content, positions, profiles, transparency."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from foundation.errors import InputError
from preprocessing.media.stills import GROUND, is_still, read_still


def quadrants(side_px: int = 64) -> np.ndarray:
    """Red, green, blue, grey, from the upper left, row by row."""
    picture = np.full((side_px, side_px, 3), 150, np.uint8)
    half = side_px // 2
    picture[:half, :half], picture[:half, half:], picture[half:, :half] = (200, 60, 50), (60, 180, 70), (50, 70, 190)
    return picture


def read(path: Path) -> np.ndarray:
    still = read_still(path)
    assert still is not None and still.picture_rgb.dtype == np.uint8
    return still.picture_rgb.astype(int)


def middles(picture: np.ndarray) -> np.ndarray:
    """Colours in the middles of the quadrants `[4, 3]`."""
    quarter = picture.shape[0] // 4
    return np.array([picture[y, x] for y in (quarter, 3 * quarter) for x in (quarter, 3 * quarter)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000"])
@pytest.mark.parametrize("suffix", [".jpg", ".jfif", ".dat", ""])
def test_a_picture_is_known_by_its_content(tmp_path: Path, kind: str, suffix: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / f"a{suffix}"
    Image.fromarray(quadrants()).save(path, kind, quality=95)
    assert is_still(path)
    assert np.abs(middles(read(path)) - middles(quadrants().astype(int))).max() < 12


def test_what_is_no_picture(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.wav", "a.txt"):
        (tmp_path / name).write_bytes(b"RIFF no picture at all, whatever it says" * 9)
        assert read_still(tmp_path / name) is None and not is_still(tmp_path / name)
    (tmp_path / "a.heic").write_bytes(b"nor this one" * 9)
    with pytest.raises(InputError, match="PNG, JPEG, WEBP, HEIC, AVIF"):
        read_still(tmp_path / "a.heic")
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)).save(whole, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:3000])
    with pytest.raises(InputError, match="does not decode"):
        read_still(tmp_path / "cut.jpg")
    with pytest.raises(InputError, match="does not exist"):
        read_still(tmp_path / "none.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_orientation_is_honoured(tmp_path: Path, orientation: int) -> None:
    stored = quadrants()
    upright = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1), 7: stored[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(stored),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read(tmp_path / "a.png"), upright)


def swapped_profile() -> bytes:
    """A profile of a device whose red and green are the other way round: sRGB with two of its tags exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def test_a_profile_is_converted_to_srgb_and_said(tmp_path: Path) -> None:
    stored = quadrants()
    Image.fromarray(stored).save(tmp_path / "a.png", icc_profile=swapped_profile())
    still = read_still(tmp_path / "a.png")
    assert still is not None
    assert np.abs(still.picture_rgb.astype(int) - stored[..., [1, 0, 2]]).max() <= 2
    Image.fromarray(stored).save(tmp_path / "b.png", icc_profile=b"no profile at all")
    damaged = read_still(tmp_path / "b.png")
    assert damaged is not None and "damaged" in damaged.notes[0] and np.array_equal(damaged.picture_rgb, stored)
    Image.fromarray(stored).save(tmp_path / "c.png")
    plain = read_still(tmp_path / "c.png")
    assert plain is not None and plain.notes == ()


def test_what_is_transparent_shows_grey_not_what_hides_there(tmp_path: Path) -> None:
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:32, :32], alpha[:32, 32:] = 0, 128
    Image.fromarray(np.dstack([quadrants(), alpha])).save(tmp_path / "a.png")
    still = read_still(tmp_path / "a.png")
    assert still is not None and "50% of it is transparent" in still.notes[0]
    colours = middles(still.picture_rgb.astype(int))
    assert colours[0].tolist() == list(GROUND) and colours[3].tolist() == [150, 150, 150]
    assert np.abs(colours[1] - (np.array([60, 180, 70]) + GROUND) / 2).max() <= 1
    Image.fromarray(np.dstack([quadrants(), alpha * 0 + 255])).save(tmp_path / "b.png")
    whole = read_still(tmp_path / "b.png")
    assert whole is not None and whole.notes == ()


def test_grey_deep_and_printed_pictures(tmp_path: Path) -> None:
    grey = np.full((32, 32), 90, np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    for name in ("grey.png", "deep.png"):
        assert np.abs(read(tmp_path / name) - 90).max() <= 1 and read(tmp_path / name).shape == (32, 32, 3)
    Image.fromarray(quadrants()).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    assert np.abs(middles(read(tmp_path / "print.jpg")) - middles(quadrants().astype(int))).max() < 12


def test_the_first_of_several_pictures_is_used_and_said(tmp_path: Path) -> None:
    first, second = Image.fromarray(quadrants()), Image.fromarray(quadrants()[::-1])
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second, first])
    still = read_still(tmp_path / "a.gif")
    assert still is not None and "first of its 3 pictures" in still.notes[0]
    assert np.abs(middles(still.picture_rgb.astype(int)) - middles(quadrants().astype(int))).max() < 12
