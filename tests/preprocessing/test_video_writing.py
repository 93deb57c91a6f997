"""Writing: sound and pictures decoded again with bare PyAV, in step to within one frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from preprocessing.media import VideoWriter, probe, read_frames, read_sound
from preprocessing.media.writing import MixedSound
from tests.preprocessing.making import beep, grey, onset_s


def _decode(path: Path) -> tuple[list[float], list[float], np.ndarray, int]:
    """Times and levels of the frames, and the sound laid out by its own time stamps, with bare PyAV."""
    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate_hz, end = stream.rate, round(stream.duration * stream.time_base * stream.rate)
        blocks = [(f.time, f.to_ndarray()) for f in container.decode(audio=0)]
    sound = np.zeros((blocks[0][1].shape[0], round(blocks[-1][0] * rate_hz) + blocks[-1][1].shape[1]), np.float32)
    for time_s, block in blocks:
        start = round(time_s * rate_hz)
        sound[:, start : start + block.shape[1]] = block
    return [t for t, _ in frames], [level for _, level in frames], sound[:, :end], rate_hz


@pytest.mark.parametrize(
    ("fps", "rate_hz"),
    [(25, 16_000), (25, 96_000), (29.97, 44_100), (Fraction(30000, 1001), 16_000), (60, 44_100), (60, 11_000)],
)
def test_flash_and_beep_stay_together(tmp_path: Path, fps: float, rate_hz: int) -> None:
    soundfile.write(tmp_path / "beep.wav", beep(3, 1.0, rate_hz), rate_hz)
    flash = round(1.0 * float(fps))
    with VideoWriter(tmp_path / "out.mp4", fps, 64, 48, tmp_path / "beep.wav") as writer:
        for k in range(2 * flash):
            writer.write(grey(235 if k >= flash else 20))
    times, levels, sound, out_hz = _decode(tmp_path / "out.mp4")
    seen = times[int(np.argmax(np.array(levels) > 128))] - times[0]
    assert abs(seen - onset_s(sound[0], out_hz)) < 1 / float(fps)
    assert onset_s(sound[0], out_hz) == pytest.approx(1.0, abs=0.005)
    assert len(times) == 2 * flash
    assert abs(sound.shape[1] / out_hz - len(times) / float(fps)) < 1 / float(fps)
    assert onset_s(read_sound(tmp_path / "out.mp4").samples) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("offset_s", [-0.4, 0.15])
def test_late_sound_is_moved_earlier(tmp_path: Path, offset_s: float) -> None:
    soundfile.write(tmp_path / "beep.wav", beep(3, 1.0, 48_000), 48_000)
    with VideoWriter(tmp_path / "out.mp4", 25, 64, 48, tmp_path / "beep.wav", sound_offset_s=offset_s) as writer:
        for _ in range(50):
            writer.write(grey(90))
    assert onset_s(read_sound(tmp_path / "out.mp4").samples) == pytest.approx(1.0 - offset_s, abs=0.005)


def test_short_sound_is_padded_and_stereo_kept(tmp_path: Path) -> None:
    both = np.stack([beep(0.5, 0.1, 22_050), beep(0.5, 0.3, 22_050)])
    soundfile.write(tmp_path / "beep.wav", both.T, 22_050)
    with VideoWriter(tmp_path / "out.mp4", 25, 64, 48, tmp_path / "beep.wav") as writer:
        for _ in range(50):
            writer.write(grey(90))
    _, _, sound, rate_hz = _decode(tmp_path / "out.mp4")
    assert rate_hz == 22_050 and len(sound) == 2 and sound.shape[1] / rate_hz == pytest.approx(2.0, abs=0.03)
    assert onset_s(sound[0], rate_hz) == pytest.approx(0.1, abs=0.01)
    assert onset_s(sound[1], rate_hz) == pytest.approx(0.3, abs=0.01)


def test_container_details(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 25, 63, 47, metadata={"comment": "synthetic"}) as writer:
        for _ in range(10):
            writer.write(grey(90, 47, 63))
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index belongs in front"
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert container.metadata["comment"] == "synthetic" and not container.streams.audio
        context = video.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 64, 48)
        assert (context.colorspace, context.color_range) == (1, 1)


def test_colours_survive(tmp_path: Path) -> None:
    blocks = np.random.default_rng(0).integers(30, 226, (6, 8, 3)).astype(np.uint8)
    picture = np.kron(blocks, np.ones((16, 16, 1), np.uint8))
    with VideoWriter(tmp_path / "out.mp4", 25, 128, 96, crf=8) as writer:
        for _ in range(5):
            writer.write(picture)
    centres = np.stack(list(read_frames(tmp_path / "out.mp4")))[:, 8::16, 8::16].astype(int)
    assert np.abs(centres - blocks).mean() < 2.5


def test_nothing_is_left_behind_after_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for fail in (ValueError, KeyboardInterrupt):
        with pytest.raises(fail), VideoWriter(folder / "out.mp4", 25, 64, 48) as writer:
            writer.write(grey(90))
            raise fail
    with pytest.raises(InputError, match="no frame"), VideoWriter(folder / "out.mp4", 25, 64, 48):
        pass
    with pytest.raises(InputError, match="tag 'mood'"):
        VideoWriter(folder / "out.mp4", 25, 64, 48, metadata={"mood": "blue"})
    with pytest.raises(InputError, match="does not exist"):
        VideoWriter(folder / "out.mp4", 25, 64, 48, tmp_path / "absent.wav")
    assert list(folder.iterdir()) == []


def test_the_same_frames_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, 25, 64, 48) as writer:
            for k in range(20):
                writer.write(grey(10 * k))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert probe(tmp_path / "a.mp4").duration_s == pytest.approx(0.8)


def test_one_sound_under_another(tmp_path: Path) -> None:
    """Mono words at 16 kHz over quiet stereo at 44.1 kHz, in pieces of any size, each as it was; loud ones fit.
    """
    time_s = np.arange(44_100) / 44_100
    low, high = (0.2 * np.sin(2 * np.pi * hz * time_s) for hz in (440, 2_000))
    soundfile.write(tmp_path / "music.wav", np.stack([low, high], 1), 44_100, subtype="FLOAT")
    soundfile.write(tmp_path / "words.wav", beep(0.5, 0.1), 16_000, subtype="FLOAT")
    mixed = MixedSound(tmp_path / "words.wav", tmp_path / "music.wav")
    assert (mixed.rate_hz, mixed.channels) == (44_100, 2)
    sound = np.concatenate([mixed.take(count) for count in (1, 999, 20_000, 23_100)], axis=1)
    assert np.allclose(sound[:, 20_000:], [low[20_000:], high[20_000:]], atol=1e-3), "the words are over"
    said = sound[:, 6_000:12_000] - [low[6_000:12_000], high[6_000:12_000]]
    assert np.allclose(said, 0.5 * np.sin(2 * np.pi * 1000 * time_s[6_000:12_000]), atol=5e-3)
    soundfile.write(tmp_path / "loud.wav", 0.9 * np.sign(low), 44_100, subtype="FLOAT")
    both = MixedSound(tmp_path / "loud.wav", tmp_path / "loud.wav").take(44_100)
    assert 0.9 < np.abs(both).max() <= 1.0


def test_a_film_keeps_the_finest_detail_of_what_moves(tmp_path: Path) -> None:
    """A soft picture with a weak grain that moves over it by no whole pixels: what an encoder drops first."""
    dice = np.random.default_rng(0)
    rough = cv2.GaussianBlur(dice.normal(size=(160, 200)).astype(np.float32), (0, 0), 0.8)
    soft = cv2.GaussianBlur(dice.normal(size=(160, 200)).astype(np.float32), (0, 0), 8.0)
    drawn = 110 + 5 * rough / rough.std() + 30 * soft / soft.std()
    frames = []
    for k in range(24):
        moved = cv2.warpAffine(drawn, np.array(((1, 0, -0.7 * k), (0, 1, -0.4 * k))), (160, 128), flags=cv2.INTER_CUBIC)
        frames.append(np.rint(moved).clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2))
    with VideoWriter(tmp_path / "out.mp4", 25, 160, 128) as writer:
        for frame in frames:
            writer.write(frame)
    shown = list(read_frames(tmp_path / "out.mp4"))

    def energy(picture: np.ndarray) -> float:
        return float(np.square(cv2.Laplacian(picture[..., 1].astype(np.float32), cv2.CV_32F, ksize=3)).mean())

    kept = [energy(one) / energy(other) for one, other in zip(shown, frames, strict=True)]
    assert np.mean(kept) > 0.8 and min(kept) > 0.65
