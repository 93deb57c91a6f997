"""Reading: what a file shows and sounds like, against files with known contents."""

from __future__ import annotations

import logging
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from face_model.tracks import Sound
from foundation.errors import InputError
from preprocessing.media import VideoWriter, is_silent, probe, read_frames, read_sound, stream_sound
from tests.preprocessing.making import beep, counted_opens, grey, onset_s, write_media


def _levels(path: Path, fps: float | None = None) -> list[int]:
    return [round(float(frame.mean())) for frame in read_frames(path, fps)]


def _quadrants(height_px: int = 48, width_px: int = 64) -> np.ndarray:
    """Red, green, blue, white, from the upper left, row by row."""
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    half_y, half_x = height_px // 2, width_px // 2
    picture[:half_y, :half_x, 0] = picture[:half_y, half_x:, 1] = picture[half_y:, :half_x, 2] = 255
    picture[half_y:, half_x:] = 255
    return picture


@pytest.mark.parametrize("fps", [25, 29.97, 30000 / 1001, 23.976, 12.5, 60, 17])
def test_even_video_gives_each_frame_once(tmp_path: Path, fps: float) -> None:
    path = write_media(tmp_path / "a.mp4", [grey(20 + 10 * k) for k in range(20)], fps=fps)
    info = probe(path)
    assert info.fps == pytest.approx(fps, rel=1e-4) and not info.variable_frame_rate
    assert info.duration_s == pytest.approx(20 / fps, abs=0.01)
    assert np.allclose(_levels(path), [20 + 10 * k for k in range(20)], atol=3)


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".ts", ".webm"])
def test_containers_with_rounded_time_stamps(tmp_path: Path, suffix: str) -> None:
    codec = {".webm": "libvpx"}.get(suffix, "libx264")
    frames = [grey(40 + 10 * k) for k in range(15)]
    path = write_media(tmp_path / f"a{suffix}", frames, fps=30000 / 1001, video_codec=codec)
    assert probe(path).fps == pytest.approx(30000 / 1001, rel=1e-4)
    assert np.allclose(_levels(path), [40 + 10 * k for k in range(15)], atol=8)


def test_variable_frame_rate_becomes_constant_by_presentation_time(tmp_path: Path) -> None:
    times_s = [0, 0.04, 0.08, 0.28, 0.32, 0.36, 0.5, 0.54]  # 25 fps with two holes
    path = write_media(tmp_path / "a.mp4", [grey(30 + 25 * k) for k in range(8)], times_s)
    info = probe(path)
    assert info.variable_frame_rate and info.fps == pytest.approx(25)
    shown = [max(i for i, t in enumerate(times_s) if t <= (k + 0.45) / 25) for k in range(14)]
    assert np.allclose(_levels(path)[:14], [30 + 25 * i for i in shown], atol=3)


def test_another_rate_holds_or_drops_frames(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", [grey(20 + 10 * k) for k in range(20)])
    assert len(_levels(path, 30)) == 24 and len(_levels(path, 50)) == 40
    assert np.allclose(_levels(path, 12.5), [20 + 20 * k for k in range(10)], atol=13)
    with pytest.raises(InputError, match="frame rate"):
        next(read_frames(path, float("nan")))


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("hflip", [False, True])
def test_rotation_metadata_is_honoured(tmp_path: Path, degrees: int, hflip: bool) -> None:
    stored = _quadrants()
    path = write_media(tmp_path / "a.mp4", [stored] * 3, rotation=degrees, hflip=hflip)
    expected = np.rot90(stored, degrees // 90)  # counter-clockwise, as the metadata means it
    expected = expected[:, ::-1] if hflip else expected
    frame = next(read_frames(path))
    info = probe(path)
    assert frame.shape == expected.shape == (info.height_px, info.width_px, 3)
    assert np.abs(frame.astype(int) - expected)[4:20, 4:20].mean() < 8
    assert np.abs(frame.astype(int) - expected)[-20:-4, -20:-4].mean() < 8
    if not hflip:
        assert info.rotation_degrees % 360 == degrees % 360


def test_odd_size_and_a_single_frame(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mkv", [grey(90, 47, 63)])
    frames = list(read_frames(path))
    assert len(frames) == 1 and frames[0].shape == (47, 63, 3) and probe(path).height_px == 47


@pytest.mark.parametrize("start_s", [-0.3, 0.0, 0.3])
def test_sound_is_given_on_the_clock_of_the_pictures(tmp_path: Path, start_s: float) -> None:
    """The beep is 0.5 s into the sound; the sound starts late or early by the container's start times."""
    shift_s = max(0.0, -start_s)
    path = write_media(
        tmp_path / "a.mkv", [grey(50)] * 50, [k / 25 + shift_s for k in range(50)], sound=beep(2, 0.5),
        sound_codec="pcm_s16le", sound_start_s=start_s + shift_s,
    )
    assert onset_s(read_sound(path).samples) == pytest.approx(0.5 + start_s, abs=0.002)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".wav", "pcm_s16le"), (".flac", "flac"), (".mp3", "libmp3lame"), (".mp4", "aac")]
)
def test_sound_of_any_container(tmp_path: Path, suffix: str, codec: str) -> None:
    tone = beep(1.0, 0.3, 44_100)
    path = write_media(tmp_path / f"a{suffix}", [], sound=np.stack([tone, tone]), rate_hz=44_100, sound_codec=codec)
    sound = read_sound(path)
    assert sound.rate_hz == 16_000 and sound.samples.dtype == np.float32
    assert sound.duration_s == pytest.approx(1.0, abs=0.03)
    assert onset_s(sound.samples) == pytest.approx(0.3, abs=0.004)
    level = np.sqrt((sound.samples[5600:7200] ** 2).mean())
    assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.06)  # LAME lowers by 5%


def test_streamed_sound_equals_whole_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (70_001, 2)), 22_050, subtype="FLOAT")
    pieces = list(stream_sound(path, chunk_s=0.25))
    assert {len(piece) for piece in pieces[:-1]} == {4000}
    assert np.array_equal(np.concatenate(pieces), read_sound(path).samples)


def test_streaming_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 4):
        path = tmp_path / f"{minutes}.wav"
        soundfile.write(path, np.zeros(minutes * 60 * 8000, np.int16), 8000)
        tracemalloc.start()
        assert sum(len(piece) for piece in stream_sound(path)) == minutes * 60 * 16_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_nan_samples_become_silence_but_only_nan_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    samples = np.full(16_000, 0.25, np.float32)
    samples[100:200] = np.nan
    soundfile.write(tmp_path / "some.wav", samples, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "all.wav", samples * np.nan, 16_000, subtype="FLOAT")
    with caplog.at_level(logging.WARNING):
        read = read_sound(tmp_path / "some.wav").samples
    assert np.all(read[100:200] == 0) and np.allclose(np.delete(read, np.s_[100:200]), 0.25)
    assert "100 of 16000" in caplog.text
    with pytest.raises(InputError, match="only NaN"):
        read_sound(tmp_path / "all.wav")


def test_silence() -> None:
    hiss = np.random.default_rng(0).normal(0, 3e-4, 16_000).astype(np.float32)
    assert is_silent(Sound(hiss)) and is_silent(Sound(hiss[:0])) and is_silent(Sound(np.zeros(9, np.float32)))
    assert not is_silent(Sound(hiss + beep(1, 0.5) / 20))


def _bad_files(folder: Path) -> dict[str, Path]:
    whole = write_media(folder / "whole.mp4", [grey(90)] * 25, sound=beep(1, 0.5))
    (folder / "text.mp4").write_text("this is not a video\n" * 200)
    (folder / "text.txt").write_text("nor is this\n" * 200)
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[:2000])  # the index is at the end, and gone
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n")
    soundfile.write(folder / "zero.wav", np.zeros(0, np.float32), 16_000)
    return {
        "absent": folder / "absent.mp4", "folder": folder, "text": folder / "text.mp4", "tty": folder / "text.txt",
        "empty": folder / "empty.mp4", "cut": folder / "cut.mp4", "playlist": folder / "list.m3u8",
        "zero": folder / "zero.wav", "mute": write_media(folder / "mute.mp4", [grey(90)] * 5),
    }


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "tty", "empty", "cut", "playlist", "zero", "mute"])
def test_bad_sound_is_told_in_one_line(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        read_sound(_bad_files(tmp_path)[kind])
    assert "\n" not in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "tty", "empty", "cut", "playlist", "zero"])
def test_bad_video_is_told_in_one_line(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        next(read_frames(_bad_files(tmp_path)[kind], 25))
    assert "\n" not in str(caught.value) and "expected" in str(caught.value)


def test_truncated_video_gives_what_decodes(tmp_path: Path) -> None:
    frames = [np.random.default_rng(k).integers(0, 255, (96, 96, 3)).astype(np.uint8) for k in range(75)]
    sound = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    whole = write_media(tmp_path / "whole.ts", frames, sound=sound).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(whole[: len(whole) // 2])
    assert 30 <= sum(1 for _ in read_frames(path)) <= 45
    assert read_sound(path).duration_s == pytest.approx(1.5, abs=0.3)


def test_truncated_film_with_its_index_in_front_warns(
    spoken: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with VideoWriter(tmp_path / "a.mp4", 25, 64, 48, spoken) as writer:
        for k in range(100):
            writer.write(np.random.default_rng(k).integers(0, 255, (48, 64, 3)).astype(np.uint8))
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with caplog.at_level(logging.WARNING):
        count = sum(1 for _ in read_frames(tmp_path / "cut.mp4"))
    assert 20 < count < 80 and "cut short" in caplog.text
    assert 0.5 < read_sound(tmp_path / "cut.mp4").duration_s < 3.5


def test_sound_is_decoded_once_however_often_it_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = tmp_path / "a.wav", counted_opens(monkeypatch, "a.wav")
    for said in (beep(1.0, 0.5), beep(2.0, 1.5)):  # another content under the same name is another sound
        soundfile.write(path, said, 16_000)
        opened.clear()
        first = read_sound(path).samples
        assert len(opened) <= 3, "what is in it, its first picture, its sound"
        first += 1  # what a caller does with it is theirs
        for chunk_s in (0.1, 10.0):
            heard = np.concatenate(list(stream_sound(path, chunk_s=chunk_s)))
            assert np.abs(heard - said).max() < 1e-3
        assert len(opened) <= 3


def test_hidden_truth_of_the_reference_video(data_dir: Path) -> None:
    path = data_dir / "reference_video" / "weekly_address_20s.mp4"
    info = probe(path)
    assert (info.width_px, info.height_px, info.fps, info.has_sound) == (450, 450, 25.0, True)
    assert info.duration_s == pytest.approx(20.0) and read_sound(path).duration_s == pytest.approx(20.0, abs=0.01)
