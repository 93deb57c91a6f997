"""How far what lies around a face goes along with the head, learned from the person's own frames.

Hair, ears and a hat move with the head, a wall does not, a collar a little. For pairs of frames one is bent to the
other's head with one share of the motion for all that lies around the face; the share whose picture fits best at a
place is that place's.
"""

from __future__ import annotations

import cv2
import numpy as np

from render2video.footage.bend import Bend, usual_follow
from render2video.footage.footage import Footage

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
PAIRS = 48
NEAR, FAR = 4.0, 16.0  # of the heads of a pair, hundredths of the eyes' distance: enough to tell, near enough to bend
BLUR_SHARE = 0.02  # of the eyes' distance: errors are gathered around a place
PRIOR = 0.15  # of the error: what being a whole share off the usual one costs, for places without texture
FLOOR = 2.0  # levels of error that noise makes


def learned_follow(footage: Footage, seed: int = 0) -> np.ndarray:
    """`[9, R]`: the share of the head's motion at each point of the rings, never more than further in."""
    bend = Bend(footage.head)
    usual = usual_follow(footage.points_px[footage.usable].mean(0)[bend.oval])
    pairs = _pairs(footage, np.random.default_rng(seed))
    if len(pairs) < PAIRS // 4:
        return usual
    errors = np.zeros((len(SHARES), *usual.shape))
    for one, other in pairs:
        truth = footage.frames[one].astype(np.float32)
        source, target = footage.points_px[other], footage.points_px[one]
        for index, share in enumerate(SHARES):
            uniform = Bend(footage.head, np.full(usual.shape, share))
            bent = uniform(footage.frames[other], uniform.displacement(source, target))
            error = np.abs(truth - bent).mean(-1)
            soft = cv2.GaussianBlur(error, (0, 0), max(1.0, BLUR_SHARE * footage.eyes_px))
            places = uniform.bent_points(source, target)[1][bend.face : bend.face + usual.size]
            errors[index] += _sampled(soft, places.reshape(*usual.shape, 2))
    errors = errors / len(pairs) + FLOOR
    away = np.square(np.array(SHARES)[:, None, None] - usual)
    costs = errors / errors.min(0) + PRIOR * away
    weight = np.exp(-(costs - costs.min(0)) / 0.03)
    share = (weight * np.array(SHARES)[:, None, None]).sum(0) / weight.sum(0)
    share = (np.roll(share, 1, 1) + 2 * share + np.roll(share, -1, 1)) / 4
    follow: np.ndarray = np.minimum.accumulate(share, axis=0)
    return follow


def _pairs(footage: Footage, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Frames whose heads stand a little apart."""
    usable, pairs = np.flatnonzero(footage.usable), []
    for one in generator.permutation(usable)[: 4 * PAIRS]:
        away = footage.head_distance(footage.points_px[one])
        fits = usable[(away[usable] > NEAR) & (away[usable] < FAR)]
        if len(fits):
            pairs.append((int(one), int(generator.choice(fits))))
        if len(pairs) == PAIRS:
            break
    return pairs


def _sampled(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`[N, R]`: a picture at places `[N, R, 2]`, the nearest inside of it where they leave it."""
    x, y = places[..., 0].astype(np.float32) - 0.5, places[..., 1].astype(np.float32) - 0.5
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
