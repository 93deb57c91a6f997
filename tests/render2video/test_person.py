"""A person's render-to-video: learned from a drawn person whose look is known, saved, loaded, and placed back."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from face_model.cameras import WeakPerspectiveCamera
from foundation.errors import InputError
from render2video.appearance import DrawnBatch, LayeredAppearance
from render2video.crop import Compositor, Crop, head_crop
from render2video.fast.config import FastConfig
from render2video.fast.generator import FastGenerator
from render2video.fast.trainable import FastTrainable
from render2video.paper import PaperConfig, PaperProfileConfig
from render2video.person import PersonRenderer, train_person
from render2video.person_video import FrameMedian, load_person_video, prepare_person_video
from tests.render2video.drawn_person import (
    FRAMES,
    HEIGHT_PX,
    MODEL,
    SIZE_PX,
    WIDTH_PX,
    filmed,
    psnr_db,
    talking_track,
)
from training import Duration


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("person")
    track = talking_track()
    frames = filmed(track)
    prepare_person_video(iter(frames), track, SIZE_PX, folder, MODEL)
    return folder, track, frames


def test_training_learns_the_person_and_the_files_give_the_same_frames(prepared, tmp_path):
    folder, track, frames = prepared
    video = load_person_video(folder, track, MODEL)
    config = FastConfig(width=8, features=2, batch=4)
    untrained = FastTrainable(video, config, 0)
    renderer, result = train_person(video, config, tmp_path / "run", Duration(steps=150))
    assert result.steps == 150
    made = list(renderer.frames(track.motion))
    assert made[0].shape == (HEIGHT_PX, WIDTH_PX, 3) and len(made) == FRAMES
    shut = int(np.argmax(track.motion.blink))
    plain = Compositor(video.plate, video.crop)
    with torch.no_grad():
        start, _ = untrained.networks["appearance"](DrawnBatch([video.draw(shut)]))
    first_guess = plain((start[0].clamp(0, 1) * 255).to(torch.uint8).permute(1, 2, 0).numpy())
    eyes = np.abs(frames[shut].astype(int) - frames[shut - 1]).max(-1) > 40
    assert psnr_db(made[3], frames[3]) > 30
    assert psnr_db(made[shut][eyes], frames[shut][eyes]) > psnr_db(first_guess[eyes], frames[shut][eyes]) + 6
    renderer.save(tmp_path)
    loaded = PersonRenderer.load(tmp_path, MODEL)
    for one, other in zip(made, loaded.frames(track.motion), strict=True):
        assert np.array_equal(one, other)


def test_same_seed_same_weights_and_another_seed_others(prepared, tmp_path):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    config = FastConfig(width=8, features=2, batch=2)
    runs = [train_person(video, config, tmp_path / str(i), Duration(steps=3), s)[0] for i, s in enumerate((0, 0, 1))]
    first, again, other = (torch.cat([p.flatten() for p in run.networks.parameters()]) for run in runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_untrained_generator_adds_nothing_and_fades_at_its_border():
    generator = FastGenerator(7, 32, 8)
    maps = torch.rand(2, 7, 32, 32)
    assert (generator(maps) == 0).all()
    nn.init.ones_(generator.leave.bias)
    residual = generator(maps)
    assert residual[..., 16, 16].abs().min() > 0.9
    assert residual[..., 0, :].abs().max() < 0.2


def test_windows_are_put_back_where_they_were_cut(prepared):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    drawn = DrawnBatch([video.draw(0), video.draw(9)])
    pictures = torch.rand(2, 3, SIZE_PX, SIZE_PX)
    side = video.renderer.window_px
    back = drawn.placed(drawn.windowed(pictures, side), SIZE_PX)
    inside = drawn.placed(torch.ones(2, 1, side, side), SIZE_PX)
    assert torch.equal(back, pictures * inside)
    assert (drawn.face * (1 - inside)).sum() == 0  # the window holds the whole face


def test_no_gradient_from_the_network_reaches_the_layers(prepared):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    drawn = DrawnBatch([video.draw(0)])
    appearance = LayeredAppearance(SIZE_PX, 40, 2)
    base, opacity = appearance(drawn)
    appearance.maps(drawn, base, opacity, video.renderer.window_px).sum().backward()
    assert appearance.plate.grad is None and appearance.texture.grad is None
    assert appearance.features.grad is not None and appearance.features.grad.abs().sum() > 0


def test_drawn_face_has_no_holes_and_the_shell_surrounds_it(prepared):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    for index in range(FRAMES):
        drawn = video.draw(index)
        rows = np.flatnonzero(drawn.face.any(1))
        for row in rows:
            columns = np.flatnonzero(drawn.region[row] >= 0)
            assert len(columns) == columns[-1] - columns[0] + 1
        assert drawn.presence[drawn.face].min() > 0.99


def test_eye_attention_follows_the_blink(prepared):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    closed, opened = video.draw(5), video.draw(4)
    assert closed.eye_attention.max() == pytest.approx(1.0)
    assert opened.eye_attention.max() == pytest.approx(0.06, abs=0.01)


def test_crop_holds_the_head_and_stays_in_the_frame():
    camera = WeakPerspectiveCamera.for_size(1280, 720)
    crop = head_crop(np.array([[600.0, 100.0], [760.0, 320.0]]), camera)
    assert crop.left_px <= 600 and crop.top_px <= 100
    assert crop.left_px + crop.side_px >= 760 and crop.top_px + crop.side_px >= 320
    whole = head_crop(np.array([[300.0, 50.0], [900.0, 700.0]]), camera)
    assert whole.side_px == 720 and whole.top_px == 0 and 0 <= whole.left_px <= 560
    corner = head_crop(np.array([[0.0, 0.0], [100.0, 150.0]]), camera)
    assert corner.left_px == 0 and corner.top_px == 0


def test_compositor_leaves_no_seam_and_does_not_fade_at_the_frame_border():
    plate = np.full((100, 200, 3), 100, np.uint8)
    compositor = Compositor(plate, Crop(40, 20, 80))  # touches the frame's lower border
    frame = compositor(np.full((80, 80, 3), 180, np.uint8)).astype(int)
    assert (frame[:20] == 100).all() and (frame[:, :40] == 100).all()
    assert frame[60, 80, 0] == 180 and frame[99, 80, 0] == 180
    steps = np.abs(np.diff(frame[60, :, 0]))
    assert steps.max() < 80 / 3  # no pixel takes more than a third of the jump
    unchanged = compositor(plate[20:100, 40:120])
    assert (unchanged == plate).all()


def test_paper_profile_trains_saves_and_paints_the_same_again(prepared, tmp_path):
    folder, track, frames = prepared
    video = load_person_video(folder, track, MODEL)
    tiny = PaperConfig(3, 4, width=8, downs=2, blocks=1, scales=2, discriminator_width=8, discriminator_layers=2)
    config = PaperProfileConfig(networks=tiny)
    renderer, _ = train_person(video, config, tmp_path / "run", Duration(steps=60), profile="paper")
    made = list(renderer.frames(track.motion))
    assert len(made) == FRAMES
    assert psnr_db(made[8], frames[8]) > 14  # 60 steps of a tiny network: the picture is there, not yet fine
    renderer.save(tmp_path)
    again = PersonRenderer.load(tmp_path, MODEL).stream([track.motion[:5], track.motion[5:]])
    for one, other in zip(made, again, strict=True):
        assert np.array_equal(one, other)


def test_files_of_another_model_and_damaged_ones_are_told(prepared, tmp_path):
    folder, track, _ = prepared
    video = load_person_video(folder, track, MODEL)
    renderer, _ = train_person(video, FastConfig(width=8, features=2, batch=2), tmp_path / "run", Duration(steps=1))
    renderer.save(tmp_path)
    (tmp_path / "render2video.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="safetensors"):
        PersonRenderer.load(tmp_path, MODEL)
    (tmp_path / "render2video.safetensors").write_bytes((tmp_path / "appearance.safetensors").read_bytes())
    with pytest.raises(InputError, match="holds appearance"):
        PersonRenderer.load(tmp_path, MODEL)


def test_the_plate_is_a_median_and_memory_holds_no_pile_of_frames(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    frames = drawn.integers(0, 256, (9, 300, 200, 3), np.uint8)
    with FrameMedian(tmp_path) as plate:
        for frame in frames:
            plate.add(frame)
        assert np.array_equal(plate.median(), np.median(frames, axis=0).astype(np.uint8))
    assert not list(tmp_path.iterdir())
    tracemalloc.start()
    with FrameMedian(tmp_path) as plate:
        for _ in range(41):
            plate.add(np.zeros((2160, 64, 3), np.uint8))
        plate.median()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 41 * 2160 * 64 * 3 / 2, peak
