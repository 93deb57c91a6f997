"""Painting on footage: frames bent without a tear, tracks steadied, walls that stand, mouths that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.morphable_model import Region
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.watching import watching
from preprocessing.media.frame_file import FrameFile, write_frame_file
from preprocessing.media.yuv import Planes, packed
from render2video.conditioning import HeadRenderer
from render2video.footage.bend import RINGS, STEP_PX, Bend, step_for
from render2video.footage.config import FootageConfig
from render2video.footage.following import learned_follow
from render2video.footage.footage import Footage, gap_mm, lips_of, open_eyed_px
from render2video.footage.masks import mouth_outline
from render2video.footage.morph import morph
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.footage.quality import best_of
from render2video.footage.steadying import moved, steadied
from render2video.footage.store import read_footage, save_network, train_on_footage, working_px, write_footage
from render2video.painter import load_painter
from tests.render2video.drawn_person import HEIGHT_PX, MODEL, WIDTH_PX, filmed, psnr_db, talking_track
from tests.render2video.in_memory import Pictures
from training import Duration

FRAMES = 32
HAIR_RING = 3  # of the shell that the drawn person's hair ends at


def with_mouths(track, frames: list[np.ndarray]) -> list[np.ndarray]:
    """The same frames with whatever is between the lips in black, textured hair and a textured wall."""
    side, camera = max(WIDTH_PX, HEIGHT_PX), track.camera
    square = replace(camera, width_px=side, height_px=side)
    wall = np.random.default_rng(0).integers(60, 200, (HEIGHT_PX // 4, WIDTH_PX // 4, 1)).astype(np.uint8)
    wall = cv2.resize(wall, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)[..., None].repeat(3, 2)
    made = []
    renderer = HeadRenderer(MODEL, track.person, square, window_px=16)
    face, ring = len(MODEL.mean_mm), len(MODEL.index_sets["face_oval"])
    for drawn, frame in zip(renderer(track.motion), frames, strict=True):
        inside = (drawn.region == int(Region.INNER_MOUTH))[:HEIGHT_PX, :WIDTH_PX]
        hair = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        outline = drawn.points_px[face + HAIR_RING // 2 * ring : face + (HAIR_RING // 2 + 1) * ring]
        cv2.fillPoly(hair, [np.rint(outline).astype(np.int32)], 1)
        shown = drawn.face[:HEIGHT_PX, :WIDTH_PX]
        frame = (frame * (0.75 + 0.25 * np.sin(drawn.uv[:HEIGHT_PX, :WIDTH_PX, 1:] * 30))).astype(np.uint8)
        picture = np.where(shown[..., None], frame, np.where(hair[..., None] > 0, 30, wall)).astype(np.uint8)
        picture[inside] = 0
        made.append(picture)
    return made


@pytest.fixture(scope="module")
def track():
    """Its eyes stay open: the drawn person's lids have no skin."""
    talking = talking_track(FRAMES)
    return replace(talking, motion=replace(talking.motion, blink=np.full(FRAMES, 0.3, np.float32)))


@pytest.fixture(scope="module")
def frames(track) -> list[np.ndarray]:
    return with_mouths(track, filmed(track))


@pytest.fixture(scope="module")
def head(track) -> HeadRenderer:
    return HeadRenderer(MODEL, track.person, track.camera, 1)


@pytest.fixture(scope="module")
def target(track, frames, tmp_path_factory):
    """A person's folder, next to untrained."""
    folder = tmp_path_factory.mktemp("footage")
    write_footage(folder, iter(frames), track, MODEL)
    config = FootageConfig(width=8, batch=2)
    painter, steps = train_on_footage(read_footage(folder, MODEL), config, 48, folder / "run", Duration(steps=4))
    assert steps == 4
    save_network(folder, painter.generator, config)
    return folder


def test_frames_are_given_in_any_order_as_they_were(frames, tmp_path):
    smooth = [cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in frames]
    count = write_frame_file(tmp_path / "f.mp4", iter(smooth), 25.0, WIDTH_PX, HEIGHT_PX)
    kept = FrameFile(tmp_path / "f.mp4", WIDTH_PX, HEIGHT_PX)
    assert count == len(kept) == FRAMES
    for index in (0, 31, 7, 8, 6, 30, 2):
        assert psnr_db(kept[index], smooth[index]) > 36
        assert int(np.argmax([psnr_db(kept[index], frame) for frame in smooth])) == index
    with pytest.raises(InputError, match="absent or damaged"):
        FrameFile(tmp_path / "none.mp4", 8, 8)


def test_a_frame_bent_nowhere_is_that_frame(head, track, frames):
    bend, points = Bend(head), open_eyed_px(head, track.motion)
    assert np.array_equal(bend(frames[3], bend.displacement(points[3], points[3])), frames[3])


def test_a_frame_bent_to_another_pose_is_the_frame_of_that_pose(head, track, frames):
    bend, points = Bend(head), open_eyed_px(head, track.motion)
    for one, other in ((2, 5), (20, 22), (30, 27)):
        bent = bend(frames[other], bend.displacement(points[other], points[one]))
        face = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        cv2.fillPoly(face, [np.rint(points[one][bend.oval]).astype(np.int32)], 1)
        cv2.fillPoly(face, [np.rint(mouth_outline(points[one])).astype(np.int32)], 0)
        inner = cv2.erode(face, np.ones((5, 5))) > 0
        before, after = psnr_db(frames[other][inner], frames[one][inner]), psnr_db(bent[inner], frames[one][inner])
        assert after > before + 2


def test_a_frame_is_bent_as_it_is_coded_like_its_picture(head, track, frames):
    """Where nothing moves not one pixel is touched."""
    bend, points = Bend(head), open_eyed_px(head, track.motion)
    whole = slice(0, HEIGHT_PX), slice(0, WIDTH_PX)
    soft = Planes.of(packed(cv2.GaussianBlur(frames[5], (0, 0), 2.0)))  # colours are coded at half of the pixels
    for other in (2, 30):
        shift = bend.displacement(points[5], points[other])
        coded, picture = bend.planes(soft, shift), bend(soft.rgb(*whole), shift)
        assert psnr_db(coded.rgb(*whole), picture) > 48
        assert psnr_db(picture, soft.rgb(*whole)) < 40
        rows, columns = shift.moving_px(HEIGHT_PX, WIDTH_PX)
        untouched = np.ones((HEIGHT_PX, WIDTH_PX), bool)
        untouched[rows, columns] = False
        assert np.array_equal(coded.light[untouched], soft.light[untouched])


def test_a_coarser_grid_bends_alike(head, track, frames):
    """Twice the head in a picture twice as large, on a grid of twice the steps, is the same grid on the same head."""
    points = open_eyed_px(head, track.motion)
    camera = head.camera
    larger = replace(
        camera, focal_px=2 * camera.focal_px, centre_x_px=2 * camera.centre_x_px, centre_y_px=2 * camera.centre_y_px,
        width_px=2 * camera.width_px, height_px=2 * camera.height_px,
    )  # fmt: skip
    twice = Bend(HeadRenderer(MODEL, head.person, larger, 1), step_px=2 * STEP_PX)
    one, other = Bend(head), twice.displacement(2 * points[5], 2 * points[30])
    shift = one.displacement(points[5], points[30])
    assert other.values.shape == shift.values.shape and np.abs(shift.values).max() > 2
    assert np.abs(other.values - 2 * shift.values).max() < 0.1
    bent = twice(np.repeat(np.repeat(frames[5], 2, axis=0), 2, axis=1), other)
    assert psnr_db(cv2.resize(bent, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA), one(frames[5], shift)) > 30
    assert step_for(100.0) == STEP_PX and step_for(300.0) == 2 * STEP_PX


def test_nothing_folds_and_the_frames_edge_stands(head, track):
    """The map from bent to real pixels keeps its orientation everywhere, and is none at the edges."""
    bend, points = Bend(head), open_eyed_px(head, track.motion)
    for one, other in ((0, 8), (12, 30)):
        shift = bend.displacement(points[other], points[one])
        high, wide = shift.values.shape[:2]
        places = bend.centres[shift.top : shift.top + high, shift.left : shift.left + wide] + shift.values
        across, down = np.diff(places[..., 0], axis=1), np.diff(places[..., 1], axis=0)
        assert across.min() > -0.5 * STEP_PX and down.min() > -0.5 * STEP_PX
        assert np.abs(shift.values[0]).max() < 0.5 and np.abs(shift.values[:, 0]).max() < 0.5


def test_the_rectangle_of_a_bent_frame_is_that_of_the_whole(head, track, frames):
    bend, points = Bend(head), open_eyed_px(head, track.motion)
    shift = bend.displacement(points[9], points[4])
    rows, columns = slice(30, 90), slice(50, 140)
    part = bend.sampled(frames[9], shift, rows, columns)
    assert np.array_equal(part, bend(frames[9], shift)[rows, columns])


def test_what_goes_along_with_the_head_is_learned(head, track, frames):
    """Hair that ends at the second ring goes along, the wall beyond it does not."""
    footage = Footage(
        Pictures(frames), head, track.motion, track.valid, np.zeros(FRAMES, bool), np.zeros((FRAMES, 1), np.float32)
    )
    follow = learned_follow(footage)
    upper = np.r_[:7, 30:36]  # of the outline: above and beside the head, where the frame shows the wall
    rings = np.array(RINGS)
    assert follow[rings <= 0.5][:, upper].mean() > 0.7
    assert follow[rings >= 2.0][:, upper].mean() < 0.3
    assert (np.diff(follow, axis=0) <= 1e-9).all()


def test_a_trembling_track_is_steadied(head, track, frames):
    points = open_eyed_px(head, track.motion)
    tremble = np.random.default_rng(1).normal(scale=0.8, size=(FRAMES, 1, 2)).astype(np.float32)
    found = moved(points + tremble, steadied(frames, head, points + tremble, np.zeros(FRAMES, bool)))
    still = slice(0, len(MODEL.mean_mm))

    def trembling(track_px: np.ndarray) -> float:
        return float(np.diff(track_px[:, still] - points[:, still], axis=0).std())

    assert trembling(found) < 0.5 * trembling(points + tremble)


def test_a_morph_moves_what_a_dissolve_would_double():
    """Half-way between a square here and a square there is a square in between, not two."""
    here, there = (np.full((96, 96, 3), 40, np.uint8) for _ in range(2))
    here[40:60, 30:50], there[40:60, 42:62] = 220, 220
    coded = [Planes.of(packed(picture)) for picture in (here, there)]

    def between(share: float) -> np.ndarray:
        return morph(*coded, share).rgb(slice(0, 96), slice(0, 96))

    row = between(0.5)[50, :, 0].astype(int)
    assert (row > 150).sum() == pytest.approx(20, abs=4)
    assert abs(float(np.flatnonzero(row > 150).mean()) - 45.5) < 2
    assert psnr_db(between(0.0), here) > 35 and psnr_db(between(1.0), there) > 35


def test_own_motion_gives_the_footage_back(target, track, frames):
    painter = load_painter(target, MODEL)
    made = list(painter.frames(track.motion))
    assert len(made) == FRAMES and made[0].shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert np.mean([psnr_db(one, other) for one, other in zip(made, frames, strict=True)]) > 24
    points = painter.face_px(track.motion)
    assert points.shape == (FRAMES, len(MODEL.mean_mm), 2)


def test_pieces_make_the_same_film_and_the_same_file_the_same_frames(target, track):
    whole = list(load_painter(target, MODEL).frames(track.motion))
    pieces = list(load_painter(target, MODEL).stream([track.motion[:7], track.motion[7:]]))
    for one, other in zip(whole, pieces, strict=True):
        assert np.array_equal(one, other)


def dark_share(frame: np.ndarray, points_px: np.ndarray) -> float:
    """Of the mouth's pixels, those that are black: an open mouth of the drawn person."""
    mouth = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.fillPoly(mouth, [np.rint(mouth_outline(points_px)).astype(np.int32)], 1)
    return float((frame[mouth > 0].max(-1) < 40).mean())


def test_the_frames_own_lips_do_not_leak(target, track, head):
    """Closed lips are wanted over footage whose mouth opens and closes: none is left open, and open ones are open."""
    painter = load_painter(target, MODEL)
    lips = painter.footage.lips_mm
    gaps = gap_mm(lips)
    shut, wide = int(gaps.argmin()), int(gaps.argmax())
    assert gaps[wide] > gaps[shut] + 2
    opened = {}
    for name, index in (("shut", shut), ("wide", wide)):
        held = np.repeat(track.motion.expression[index : index + 1], FRAMES, axis=0)
        motion = replace(track.motion, expression=held)
        points = open_eyed_px(head, motion)
        made = list(painter.frames(motion))
        opened[name] = np.mean([dark_share(frame, p) for frame, p in zip(made, points, strict=True)])
    assert opened["wide"] > 3 * opened["shut"] + 0.02


def test_a_network_that_training_spoiled_is_not_taken(target):
    painter = load_painter(target, MODEL)
    assert isinstance(painter, FootagePainter)
    spoiled = deepcopy(painter.generator)
    with torch.no_grad():
        for weights in spoiled.parameters():
            weights += 0.5
    assert not spoiled.adds_nothing
    worse = FootagePainter(painter.footage, spoiled, painter.config)
    assert best_of([worse, painter]) is painter and best_of([painter, worse]) is painter


def test_where_every_network_is_worse_than_real_mouths_none_is_taken(target, tmp_path):
    footage, config = read_footage(target, MODEL), FootageConfig(width=8, batch=2, network_rate=10.0)
    painter, _ = train_on_footage(footage, config, 48, tmp_path / "run", Duration(steps=2))
    assert all((part == 0).all() for part in painter.generator.network.leave.state_dict().values())
    assert painter.generator.adds_nothing

    class Never(torch.nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            raise AssertionError("a network that adds nothing was run")

    made = list(painter.frames(footage.motion[:2]))
    painter._finish = Never()
    assert np.array_equal(made, list(painter.frames(footage.motion[:2])))


def test_who_watches_the_learning_sees_the_person_and_changes_nothing(target, frames, tmp_path):
    seen = []
    config = FootageConfig(width=8, batch=2)
    with watching(seen.append):
        painter, _ = train_on_footage(read_footage(target, MODEL), config, 48, tmp_path / "run", Duration(steps=4))
    unwatched = load_painter(target, MODEL)
    for name, weights in painter.generator.state_dict().items():
        assert torch.equal(weights, unwatched.generator.state_dict()[name])
    assert len(seen) == 1 and seen[0].shape == frames[0].shape
    nearest = max(psnr_db(seen[0], frame) for frame in frames)
    assert 25 < nearest < 99  # a frame of theirs, its mouth painted


def test_a_head_is_kept_near_where_the_footage_has_it(target, track):
    painter = load_painter(target, MODEL)
    assert isinstance(painter, FootagePainter)
    far = replace(track.motion, rotation=track.motion.rotation * 6)
    kept = painter.bounded(far).rotation
    reach = np.ptp(track.motion.rotation, axis=0)
    assert (np.ptp(kept, axis=0) <= 1.55 * reach).all()
    middle = track.motion[10:12]
    assert painter.held_back_deg(far) > 5 and painter.held_back_deg(track.motion) < 1
    near = replace(middle, rotation=np.tile(np.median(track.motion.rotation, axis=0), (2, 1)).astype(np.float32))
    assert np.allclose(painter.bounded(near).rotation, near.rotation, atol=1e-5)


@pytest.mark.parametrize("name", ["footage.mp4", "appearance.safetensors", "render2video.safetensors"])
def test_a_damaged_file_is_told(target, tmp_path, name):
    for path in target.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(InputError):
        load_painter(tmp_path, MODEL)


def test_a_person_of_an_earlier_version_keeps_their_network(target, tmp_path):
    """It was not folded, and its file does not say so."""
    for path in target.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    save_network(tmp_path, MouthFinisher(48, 8, fold=1), FootageConfig(width=8, fold=1))
    arrays, described = read_tensors(tmp_path / "render2video.safetensors")
    described["config"].pop("fold")
    write_tensors(tmp_path / "render2video.safetensors", arrays, described)
    painter = load_painter(tmp_path, MODEL)
    assert isinstance(painter, FootagePainter) and painter.generator.fold == 1
    assert load_painter(target, MODEL).generator.fold == FootageConfig().fold > 1


def test_too_few_frames_are_told(track, frames, tmp_path):
    def few() -> Iterator[np.ndarray]:
        yield from frames[:5]

    with pytest.raises(InputError, match="5 frames"):
        write_footage(tmp_path, few(), track, MODEL)


@pytest.mark.parametrize(("size", "window"), [(256, 64), (512, 128)])
def test_the_working_size_follows_the_faces(size, window):
    assert working_px(size) == window


def test_a_mouth_that_the_footage_never_opened_has_an_inside(head, track, frames):
    """Lips closed in every frame, an open mouth wanted: dark between the lips, not stretched lips."""
    footage = Footage(
        Pictures(frames), head, track.motion, track.valid, np.zeros(FRAMES, bool), np.zeros((FRAMES, 1), np.float32)
    )
    shut = int(gap_mm(footage.lips_mm).argmin())
    motion = replace(track.motion, expression=np.repeat(track.motion.expression[shut : shut + 1], FRAMES, axis=0))
    closed = with_mouths(replace(track, motion=motion), filmed(replace(track, motion=motion)))
    footage = replace(footage, frames=Pictures(closed), motion=motion)
    painter = FootagePainter(footage, MouthFinisher(48, 8), FootageConfig())
    wide = int(gap_mm(lips_of(head, track.motion.expression)).argmax())
    opened = replace(track.motion[:3], expression=np.repeat(track.motion.expression[wide : wide + 1], 3, axis=0))
    points = open_eyed_px(head, painter.bounded(opened))[2]
    made = list(painter.frames(opened))[2]
    ring = points[list(mp478.INNER_LIPS)]
    inside = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.fillPoly(inside, [np.rint(ring).astype(np.int32)], 1)
    before = painter.bent(0, next(painter.wanted([opened]))).rgb(slice(0, HEIGHT_PX), slice(0, WIDTH_PX))
    assert made[inside > 0].mean() < 0.85 * before[inside > 0].mean()


def test_frames_of_a_live_path_come_one_frame_after_their_motion(target, track):
    """Short-sighted paths give the same frames whether painting is asked for at once or frame by frame, and no frame
    waits for more than one after it.
    """
    painter = load_painter(target, MODEL, look_ahead_s=0.0)
    asked = 0

    def slowly() -> Iterator[FaceMotion]:
        nonlocal asked
        for index in range(6):
            asked = index + 1
            yield track.motion[index : index + 1]

    made = []
    for future in painter.begun(slowly()):
        assert asked == min(6, len(made) + 2)
        made.append(future.result())
    whole = list(load_painter(target, MODEL, look_ahead_s=0.0).frames(track.motion[:6]))
    np.testing.assert_array_equal(np.stack(made), np.stack(whole))
