"""Where each frame's face is against the person's own mean face: what the mesh of a tracker misses.

A tracker puts its mesh on a face to about a pixel, and no face model knows a person's cheeks: two frames bent to one
mesh do not meet. So every frame is bent to one canonical face and laid on the mean of all by dense optical flow, and
the mean is made anew from what was laid on it. What is found moves the frame's mesh. It is kept as a few numbers a
frame, those of the principal components of all; what of them goes with the motion is told for motions to come.
"""

from __future__ import annotations

import cv2
import numpy as np

from face_model.tracks import FaceMotion
from render2video.footage.bend import Bend
from render2video.footage.frames import Frames
from render2video.footage.masks import eye_outlines, mouth_outline
from render2video.footage.registration import FACE_PX, RINGS_FADE, Canonical, Registration

MOST_FRAMES = 400  # that are laid on the mean face
MEAN_FRAMES = 160  # that it is made of
ROUNDS = 2  # of laying on the mean and making it anew
COMPONENTS = 24  # of the offsets of all vertices
SMOOTH_SHARE = 0.03  # of the canonical face: deviation of the blur over what is found
LITTLE = 0.03  # of what is trusted: where there is less of it, flow is what its surroundings say
SHRINK = 4  # smooth flows are found so much smaller
RIDGES = (1.0, 10.0, 100.0, 1000.0)  # of the regression on the motion, the best of which is taken
FOLDS, LEAST_TOLD = 5, 50  # stretches of the footage, each told by the others; frames, of fewer nothing is told


class Registrar:
    """Lays frames on a person's mean face.

    Args:
        bend: of the person.
        places: `[V + S, 2]`, the canonical face in the frame.
    """

    def __init__(self, bend: Bend, places: np.ndarray) -> None:
        self.bend, self.places = bend, places
        self.picture = Canonical(places, bend.face)
        self.corner, self.zoom, self.size = self.picture.corner, self.picture.zoom, self.picture.size
        self.finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self.finder.setFinestScale(1)
        self.mask = self._trusted()

    def _trusted(self) -> np.ndarray:
        """`[h, w]` 0-1: the skin of the canonical face, without what is in eyes and mouth."""
        def filled(outline: np.ndarray) -> np.ndarray:
            mask = np.zeros(self.size[::-1], np.float32)
            cv2.fillPoly(mask, [np.rint(self.picture.pixels(outline)).astype(np.int32)], 1.0)
            return mask

        mask = filled(self.places[self.bend.oval])
        mask[filled(mouth_outline(self.places, 1.0)) > 0] = 0
        for outline in eye_outlines(self.places):
            middle = outline.mean(0)
            mask[filled(middle + (outline - middle) * (0.9, 0.5)) > 0] = 0
        soft: np.ndarray = cv2.GaussianBlur(mask, (0, 0), 1.5)
        return soft

    def canonical(self, frame: np.ndarray, points_px: np.ndarray) -> np.ndarray:
        """`[h, w, 3]` uint8: a frame's face, bent to the canonical one."""
        shift = self.bend.displacement(points_px, self.places)
        finer = max(1, int(np.ceil(1 / self.zoom)))  # a large face is not read with gaps
        width, height = self.size[0] * finer, self.size[1] * finer
        step = 1 / (self.zoom * finer)
        x = (self.corner[0] + (np.arange(width, dtype=np.float32) + 0.5) * step)[None].repeat(height, 0)
        y = (self.corner[1] + (np.arange(height, dtype=np.float32) + 0.5) * step)[:, None].repeat(width, 1)
        at = np.stack((x, y), axis=-1).astype(np.float32) - 0.5 + shift.at(x, y)
        face = cv2.remap(frame, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return face if finer == 1 else cv2.resize(face, self.size, interpolation=cv2.INTER_AREA)

    def flow(self, mean: np.ndarray, face: np.ndarray) -> np.ndarray:
        """`[h, w, 2]`: from each place of the mean face to the same of a face, smooth; both `[h, w]` uint8."""
        found = self.finder.calc(mean, face, np.zeros((*mean.shape, 2), np.float32))
        across, down = (cv2.Sobel(mean, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
        texture = cv2.GaussianBlur(np.hypot(across, down), (0, 0), 2.0)
        there = cv2.remap(face, *_places(found), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        left = cv2.GaussianBlur(cv2.absdiff(_even(there), _even(mean)), (0, 0), 2.0)
        weight = self.mask * texture / (texture.mean() + texture) / (1 + (left / 8) ** 2)
        return _spread(found, weight, SMOOTH_SHARE * FACE_PX)

    def offsets(self, flow: np.ndarray) -> np.ndarray:
        """`[V + S, 2]` in pixels of the frame at the canonical face, of a flow."""
        face = self.bend.face
        at = (self.picture.pixels(self.places[:face]) - 0.5).astype(np.float32)
        own = cv2.remap(flow, at[:, 0], at[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0] / self.zoom
        rings = [own[self.bend.oval] * share for share in RINGS_FADE]
        return np.concatenate((own, *rings))

    def mean(self, faces: list[np.ndarray], flows: list[np.ndarray] | None) -> np.ndarray:
        """`[h, w]` uint8 of faces, each laid on the mean as its flow says."""
        total = np.zeros(faces[0].shape, np.float32)
        for index, face in enumerate(faces):
            laid = face if flows is None else cv2.remap(face, *_places(flows[index]), cv2.INTER_LINEAR)
            total += laid
        return np.rint(total / len(faces)).astype(np.uint8)


def registered(
    frames: Frames, bend: Bend, points_px: np.ndarray, motion: FaceMotion, usable: np.ndarray
) -> Registration:
    """The registration of a person's frames, of long footage of every so many, with what is between them.

    Args:
        bend: of the person, nothing learned. points_px: `[T, V + S, 2]`, lids open, steadied. usable: `[T]` bool.
    """
    seen = np.flatnonzero(usable)
    seen = seen[:: -(-len(seen) // MOST_FRAMES)]
    middle = np.median(points_px[seen], axis=0)
    places = points_px[seen[np.abs(points_px[seen] - middle).mean((1, 2)).argmin()]].astype(np.float32)
    registrar = Registrar(bend, places)
    sample = seen[:: max(1, len(seen) // MEAN_FRAMES)]
    faces = {
        int(k): cv2.cvtColor(registrar.canonical(frames[int(k)], points_px[k]), cv2.COLOR_RGB2GRAY) for k in seen
    }
    chosen, flows = [faces[int(k)] for k in sample], None
    for _ in range(ROUNDS):
        mean = registrar.mean(chosen, flows)
        flows = [registrar.flow(mean, face) for face in chosen]
        drift = np.mean(flows, axis=0)  # the mean face stays where the mesh has it
        flows = [flow - drift for flow in flows]
    mean = registrar.mean(chosen, flows)
    found = np.stack([registrar.offsets(registrar.flow(mean, faces[int(k)])) for k in seen])
    return described(places, found - found.mean(0), motion, seen)


def described(places: np.ndarray, found: np.ndarray, motion: FaceMotion, seen: np.ndarray) -> Registration:
    """Offsets `[N, V + S, 2]` of the frames `seen` `[N]` of a motion: few numbers each, and what it tells."""
    rows = found.reshape(len(seen), -1)
    _, _, components = np.linalg.svd(rows, full_matrices=False)
    basis = components[:COMPONENTS]
    numbers = rows @ basis.T
    told = _told(motion.pack()[seen].astype(np.float64), numbers)
    every = np.stack([np.interp(np.arange(len(motion)), seen, column) for column in numbers.T], axis=1)
    return Registration(
        places, basis.reshape(-1, *places.shape).astype(np.float32), every.astype(np.float32), told.astype(np.float32)
    )


def _told(motion: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """`[1 + M, K]`: ridge regression; nothing but zeros where other stretches of the footage are told no better."""
    nothing = np.zeros((1 + motion.shape[1], numbers.shape[1]))
    if len(motion) < LEAST_TOLD:
        return nothing
    middle, spread = motion.mean(0), np.maximum(motion.std(0), 1e-6)
    values = (motion - middle) / spread

    def solved(rows: np.ndarray, goals: np.ndarray, ridge: float) -> np.ndarray:
        shares: np.ndarray = np.linalg.solve(rows.T @ rows + ridge * np.eye(rows.shape[1]), rows.T @ goals)
        return shares

    fold = np.arange(len(values)) * FOLDS // len(values)
    errors = {}
    for ridge in RIDGES:
        left = [
            numbers[fold == k] - values[fold == k] @ solved(values[fold != k], numbers[fold != k], ridge)
            for k in range(FOLDS)
        ]
        errors[ridge] = float(np.square(np.concatenate(left)).sum())
    best = min(errors, key=errors.__getitem__)
    if errors[best] >= float(np.square(numbers).sum()):
        return nothing
    shares = solved(values, numbers, best) / spread[:, None]
    return np.concatenate((-(middle @ shares)[None], shares))


def _places(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return columns + flow[..., 0], rows + flow[..., 1]


def _even(face: np.ndarray) -> np.ndarray:
    """A face without its light: less its own blur."""
    level = face.astype(np.float32)
    return level - cv2.GaussianBlur(level, (0, 0), 10.0)


def _spread(flow: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """A flow blurred by its weight, the wider the less there is of it; found small, for it is smooth."""
    height, width = weight.shape
    size = -(-width // SHRINK), -(-height // SHRINK)
    both = cv2.resize(np.dstack((flow * weight[..., None], weight)), size, interpolation=cv2.INTER_AREA)
    total, share = np.zeros((*both.shape[:2], 2), np.float32), np.zeros((*both.shape[:2], 1), np.float32)
    for wider in (1.0, 3.0, 9.0):
        soft = cv2.GaussianBlur(both, (0, 0), wider * sigma / SHRINK)
        near = soft[..., 2:]
        some = (1 - share) * near / (near + np.float32(LITTLE))
        total += some * soft[..., :2] / (near + np.float32(1e-6))
        share += some
    return cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR)
