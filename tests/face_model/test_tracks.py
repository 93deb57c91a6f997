"""The typed tracks: layout, resampling, windows and files."""

import tracemalloc

import numpy as np
import pytest

from face_model.cameras import WeakPerspectiveCamera
from face_model.tracks import FaceIdentity, FaceMotion, FaceTrack, SpeechFeatures, same_encoder, seen_stretches
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors


def motion(frames: int = 20, fps: float = 30.0) -> FaceMotion:
    return FaceMotion.unpack(np.random.default_rng(0).normal(size=(frames, 71)).astype(np.float32), fps)


def test_flat_vector_is_pose_blink_expression():
    flat = np.arange(71, dtype=np.float32)[None]
    unpacked = FaceMotion.unpack(flat)
    assert unpacked.rotation.tolist() == [[0, 1, 2]]
    assert unpacked.translation.tolist() == [[3, 4, 5]]
    assert unpacked.blink.tolist() == [6]
    assert unpacked.expression[0, 0] == 7 and unpacked.expression.shape == (1, 64)
    assert (unpacked.pack() == flat).all()


def test_resampling_keeps_a_straight_line_straight():
    line = np.linspace(0, 1, 61, dtype=np.float32)[:, None].repeat(71, 1)
    slow = FaceMotion.unpack(line, 30.0).resampled(25.0)
    assert len(slow) == round(61 / 30 * 25)
    inside = np.arange(len(slow)) / 25 * 30 <= 60
    assert np.abs(slow.blink[inside] - (np.arange(len(slow)) / 25 * 30 / 60)[inside]).max() < 1e-6


@pytest.mark.parametrize("frames", [1, 3])
def test_resampling_one_or_few_frames_never_makes_zeros(frames):
    short = FaceMotion.unpack(np.full((frames, 71), 2.0, np.float32), 30.0).resampled(25.0, 7)
    assert (short.pack() == 2.0).all()


def test_windows_match_a_plain_loop():
    values = np.random.default_rng(1).normal(size=(50, 29)).astype(np.float32)
    windows = SpeechFeatures(values, 30.0, "test", 50 / 30).windows()
    padded = np.concatenate([np.zeros((8, 29)), values, np.zeros((8, 29))])
    for frame in range(50):
        assert np.array_equal(windows[frame], padded[frame : frame + 16].astype(np.float32))


@pytest.mark.parametrize(("one", "other", "same"), [
    ("log_mel", "log_mel", True),
    ("log_mel", "phonetic", False),
    ("phonetic?model=12345678", "phonetic?model=12345678", True),
    ("phonetic?model=12345678", "phonetic?model=87654321", False),
    ("phonetic", "phonetic?model=12345678", True),
    ("phonetic", "phonetic_causal?model=12345678", False),
    ("wav2vec2_hidden?layer=3&rate_hz=25", "wav2vec2_hidden?layer=3&rate_hz=25&model=12345678", True),
    ("wav2vec2_hidden?layer=2&rate_hz=25", "wav2vec2_hidden?layer=3&rate_hz=25&model=12345678", False),
    ("wav2vec2_hidden", "wav2vec2_hidden?layer=3&rate_hz=25&model=12345678", False),
])
def test_names_of_encoders_agree_but_for_a_fingerprint_that_is_not_told(one, other, same):
    assert same_encoder(one, other) is same and same_encoder(other, one) is same


def test_files_give_back_what_was_saved(tmp_path):
    count = 5
    person = FaceIdentity(*(np.random.rand(n).astype(np.float32) for n in (80, 80, 27)), 0.8)
    track = FaceTrack(
        motion(count), person, WeakPerspectiveCamera.for_size(64, 48), np.random.rand(count, 478, 3).astype(np.float32),
        np.random.rand(count, 52).astype(np.float32), np.random.rand(count, 27).astype(np.float32),
        np.ones(count, np.float32), np.array([True, False, True, True, True]), 0.16, 0.9, "clip.mp4",
    )
    track.save(tmp_path / "t.safetensors")
    back = FaceTrack.load(tmp_path / "t.safetensors")
    assert np.array_equal(back.motion.pack(), track.motion.pack())
    assert np.array_equal(back.valid, track.valid) and back.camera == track.camera
    assert (back.sound_offset_s, back.person.blink_gain, back.source) == (0.16, 0.8, "clip.mp4")
    with pytest.raises(InputError, match="holds FaceTrack"):
        FaceMotion.load(tmp_path / "t.safetensors")


def test_damaged_files_are_told_in_one_line(tmp_path):
    path = tmp_path / "m.safetensors"
    motion().save(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"not safetensors at all", b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match="safetensors") as error:
            FaceMotion.load(path)
        assert "\n" not in str(error.value)
    bad = FaceMotion.unpack(np.full((3, 71), np.nan, np.float32))
    bad.save(path)
    with pytest.raises(InputError, match="NaN"):
        FaceMotion.load(path)


def parts_of(made: FaceMotion) -> dict[str, np.ndarray]:
    return {name: getattr(made, name) for name in ("expression", "rotation", "translation", "blink")}


NOTES = {"kind": "FaceMotion", "fps": 30.0, "face_model": "mp478"}


@pytest.mark.parametrize(
    ("parts", "notes", "reason"),
    [
        ({"blink": None}, {}, "no whole FaceMotion"), ({"more": np.zeros(3)}, {}, "no whole FaceMotion"),
        ({"rotation": np.zeros((3, 3))}, {}, "arrays of shapes"), ({"blink": np.zeros((4, 1))}, {}, "arrays of shapes"),
        ({name: value[:0] for name, value in parts_of(motion(4)).items()}, {}, "arrays of shapes"),
        ({"translation": np.full((4, 3), 1e30)}, {}, "translation is NaN, infinite or huge"),
        ({}, {"fps": None}, "no whole FaceMotion"), ({}, {"fps": -30}, "-30 frames a second"),
        ({}, {"fps": 0}, "0 frames a second"), ({}, {"fps": "x"}, "'x' frames a second"),
        ({}, {"fps": float("nan")}, "nan frames a second"), ({}, {"fps": 1e308}, "1e.308 frames a second"),
        ({}, {"kind": "FaceTrack"}, "holds FaceTrack"), ({}, ["FaceMotion"], "metadata is a list"),
    ],
)
def test_a_file_that_holds_no_motion_is_told(parts, notes, reason, tmp_path):
    arrays = {name: value for name, value in (parts_of(motion(4)) | parts).items() if value is not None}
    said = notes if isinstance(notes, list) else {k: v for k, v in (NOTES | notes).items() if v is not None}
    write_tensors(tmp_path / "m.safetensors", arrays, said)
    with pytest.raises(InputError, match=reason):
        FaceMotion.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("lost", ["motion.blink", "person.identity", "valid", "landmarks_px"])
def test_a_track_that_lacks_a_part_is_told(lost, tmp_path):
    path, count = tmp_path / "t.safetensors", 3
    person = FaceIdentity(*(np.zeros(n, np.float32) for n in (80, 80, 27)))
    FaceTrack(
        motion(count), person, WeakPerspectiveCamera.for_size(64, 48), np.zeros((count, 478, 3)), np.zeros((count, 52)),
        np.zeros((count, 27)), np.ones(count), np.ones(count, bool),
    ).save(path)
    arrays, notes = read_tensors(path)
    whole = arrays.pop(lost)
    write_tensors(path, arrays, notes)
    with pytest.raises(InputError, match="no whole FaceTrack"):
        FaceTrack.load(path)
    write_tensors(path, arrays | {lost: whole[:2]}, notes)
    if lost != "person.identity":
        with pytest.raises(InputError, match="arrays of shapes|parts of"):
            FaceTrack.load(path)


def test_cutting_a_motion_takes_as_long_as_the_cut_not_as_the_motion():
    """A frame of an hour is cut as fast as one of a second: painting cuts out each frame by itself."""
    count = 120_000
    motion = FaceMotion(30.0, np.zeros((count, 64), np.float32), *np.zeros((2, count, 3), np.float32), np.zeros(count))
    tracemalloc.start()
    cut = motion[700:701]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(cut) == 1 and cut.blink.dtype == np.float32 and peak < 100_000, peak
    assert np.array_equal(motion[::2].pack(), motion.pack()[::2])


def test_stretches_that_were_seen():
    valid = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], bool)
    assert seen_stretches(valid) == [slice(1, 3), slice(4, 5), slice(8, 9)]
    assert seen_stretches(valid, bridged=1) == [slice(1, 5), slice(8, 9)]
    assert seen_stretches(valid, bridged=3) == [slice(1, 9)]
    assert seen_stretches(np.zeros(4, bool)) == [] and seen_stretches(np.ones(4, bool)) == [slice(0, 4)]
