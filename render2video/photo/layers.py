"""A photo taken apart: the person with soft edges, and the background behind, which never moves.

What bends with the head must not take the wall behind it along. The person is cut out once, at enrollment (GrabCut,
Rother et al. 2004, started from where the face's mesh says that head and body are), and the background is continued a
little way behind the person, as far as a turn of the head uncovers it.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from face_model import mp478
from render2video.head_shell import RING_OUT_MM
from render2video.photo.filling import continued
from render2video.photo.folds import fall
from render2video.photo.warp import PhotoGeometry

CUT_PX = 320  # side of the picture that is cut: finer ones take seconds and cut no better
CUT_ROUNDS = 5
# Sorting the outline out, in pixels of that picture: the band that is decided, within and beyond the outline, and the
# sure parts beside it; levels that a pixel of distance counts; how many alike pixels are asked for; what the cut's own
# word counts.
BUMP_PX = 7  # what sticks out and is less wide is neither ear nor hair
SORTINGS, BAND_PX, SURE_PX, NEARNESS, ALIKE, KEPT = 2, (9, 17), (10, 14), 0.25, 6, 0.08
WALL_COLOURS, LEAST_WALL_SHARE = 24, 0.02
STRANGE, THIN_PX = 40.0, 13  # levels from all colours of the wall; what is thinner is no hair
FAR_RING_REACH = 1.2  # of the shell's last ring: beyond it, beside and above the head, nothing is the person
# How far the head goes on outside the face's outline, by the direction seen from its middle (-1 down, 1 up): first what
# is surely head in anybody (the skull's height above the forehead, ears), then what is likely hair.
HEAD_UP, SURE_HEAD_MM, LIKELY_HEAD_MM = (-0.3, 0.0, 0.5, 0.9), (-3.0, 5.0, 18.0, 36.0), (12.0, 28.0, 36.0, 45.0)
# Half widths of neck and shoulders by the depth below the chin, all in heights of the face: first what is likely body,
# then what is surely body.
BODY_AT, BODY_HALF = (-0.3, -0.05, 0.35, 0.7, 1.2, 4.0), (0.4, 0.9, 1.3, 1.5, 1.6, 1.6)
SURE_AT, SURE_HALF = (0.0, 0.3, 0.8, 1.4, 4.0), (0.2, 0.22, 0.6, 1.0, 1.2)
HEAD_END = -0.1  # depth below the chin above which nothing far from the head can be the person
# Of the side: how far from the cut a pixel may be partly hair, inwards, and outwards before a plain wall and before one
# that differs by so many levels from its surroundings; deviation of an edge that only the cut tells.
EDGE_IN_SHARE, EDGE_OUT_SHARE, EDGE_CROWDED_SHARE, CROWDED, EDGE_SOFT_SHARE = 0.004, 0.020, 0.006, 11.0, 0.0015
COLOUR_SPREAD_SHARE = 0.012  # of the side: deviation of the means of the colours on either side of the edge
LEAST_NOISE = 5.0  # levels, of the background beside the person
TRUST_NOISE = 4.0  # times the noise: colours closer than this do not tell hair from wall
UNLIKE_NOISE = 3.0  # times the noise: what the background differs by of itself


def person_layers(photo: np.ndarray, geometry: PhotoGeometry) -> tuple[np.ndarray, np.ndarray]:
    """The person `[S, S, 4]` uint8, RGB and coverage, and the background `[S, S, 3]` uint8.

    The person over the background is the photo `[S, S, 3]` uint8 again.
    """
    inside = _cut(photo, geometry)
    side, picture = len(photo), photo.astype(np.float32)
    within, beyond = (cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for part in (inside, 1 - inside))
    near_px, far_px = max(2.0, EDGE_CROWDED_SHARE * side), max(3.0, EDGE_OUT_SHARE * side)
    background = continued(picture, beyond > far_px)
    crowded = _crowded(picture, beyond > far_px)
    reach = beyond <= np.where(crowded, near_px, far_px)
    wall = np.where(crowded, fall(beyond, near_px, far_px), ~reach)[..., None]
    background += wall * (picture - background)
    coverage = _coverage(picture, background, inside, within > EDGE_IN_SHARE * side, reach, crowded)
    colour = _own_colour(picture, background, coverage)
    person = np.concatenate((colour, 255 * coverage[..., None]), axis=-1)
    return _bytes(person), _bytes(background)


def _crowded(picture: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """`[S, S]` bool: where the wall, known where `wall` is, has things on it nearby, which would go along with the head
    if they were taken for single hairs.
    """
    sigma = COLOUR_SPREAD_SHARE * len(picture)
    unlike = np.square(picture - cv2.GaussianBlur(picture, (0, 0), sigma)).mean(-1, keepdims=True)
    crowded = (np.sqrt(_mean_near(unlike, wall, 2 * sigma)[..., 0]) > CROWDED).astype(np.uint8)
    around = 2 * round(2 * sigma) + 1
    return cv2.dilate(crowded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (around, around))) > 0


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _cut(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray:
    """`[S, S]` uint8: 1 where the person is."""
    size = min(CUT_PX, len(photo))
    small = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
    guess = _guess(geometry, size, size / len(photo))
    cv2.setRNGSeed(0)
    strange = _unlike_wall(small, guess)
    guess[strange & (guess == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    own, other = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, guess, (0, 0, 1, 1), other, own, CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = ((guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD) | strange).astype(np.uint8)
    middle = np.rint(geometry.landmarks_px[1] * size / len(photo)).astype(int)
    whole = _whole(found, middle)
    for _ in range(SORTINGS):
        whole = _whole(_sorted_out(small, whole), middle)
    bump = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (BUMP_PX, BUMP_PX))
    whole = _whole(cv2.morphologyEx(whole, cv2.MORPH_OPEN, bump), middle)
    large = cv2.resize(whole.astype(np.float32), photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return (large > 0.5).astype(np.uint8)


def _whole(found: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The part `[s, s]` uint8 of what was found that a pixel, (x, y), lies in: no wall is seen through a person."""
    _, parts = cv2.connectedComponents(found)
    person = (parts == parts[middle[1], middle[0]]).astype(np.uint8)
    _, holes = cv2.connectedComponents(1 - np.pad(person, 1))
    return (holes != holes[0, 0])[1:-1, 1:-1].astype(np.uint8)


def _sorted_out(small: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The person `[s, s]` uint8 with the band about its outline decided anew, by whether what surely is the person or
    what surely is not has more alike pixels nearby. All of a crowded wall has all colours, but the wall beside hair has
    few of them.
    """
    within, beyond = (cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for side in (person, 1 - person))
    colours = cv2.cvtColor(cv2.bilateralFilter(small, 5, 20, 2).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rows, columns = np.mgrid[: len(small), : len(small)].astype(np.float32)
    likeness = np.concatenate((colours, NEARNESS * np.stack((rows, columns), axis=-1)), axis=-1)
    own = (within > BAND_PX[0]) & (within <= BAND_PX[0] + SURE_PX[0])
    other = (beyond > BAND_PX[1]) & (beyond <= BAND_PX[1] + SURE_PX[1])
    band = np.where(person > 0, within <= BAND_PX[0], beyond <= BAND_PX[1])
    if min(own.sum(), other.sum()) < ALIKE:
        return person
    away = [cKDTree(likeness[known][::2]).query(likeness[band], ALIKE)[0].mean(1) for known in (own, other)]
    share = person.astype(np.float32)
    share[band] = away[1] / np.maximum(away[0] + away[1], 1e-6)
    share += np.where(band, KEPT * np.tanh((within - beyond) / 4), 0)
    return (cv2.GaussianBlur(share, (0, 0), 1.5) > 0.5).astype(np.uint8)


def _unlike_wall(small: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """`[s, s]` bool: what has no colour that the sure background has. Hair must not be left behind on the wall, so what
    is new beside the head counts as the person; where the wall has all colours, this finds nothing.
    """
    wall = small[guess == cv2.GC_BGD].astype(np.float32)
    if len(wall) < LEAST_WALL_SHARE * guess.size:
        return np.zeros(guess.shape, bool)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    _, _, colours = cv2.kmeans(wall, WALL_COLOURS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    away = np.stack([np.linalg.norm(smooth - colour, axis=-1) for colour in colours]).min(0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (THIN_PX, THIN_PX))
    found = cv2.morphologyEx((away > STRANGE).astype(np.uint8), cv2.MORPH_OPEN, kernel)  # bars and lines are no hair
    return (found > 0) & (guess != cv2.GC_BGD)


def _guess(geometry: PhotoGeometry, size: int, zoom: float) -> np.ndarray:
    """`[size, size]` uint8 of GrabCut's labels, from the mesh alone."""
    oval = geometry.landmarks_px[list(mp478.FACE_OVAL)] * zoom
    rings = geometry.fitted_px[geometry.vertices :].reshape(-1, len(oval), 2) * zoom
    centre, chin, top = oval.mean(0), geometry.landmarks_px[152] * zoom, geometry.landmarks_px[10] * zoom
    height = float(np.linalg.norm(chin - top))
    down = (chin - top) / height
    rows, columns = np.mgrid[:size, :size] + 0.5
    away = np.stack((columns, rows), axis=-1) - chin
    depth = away @ down / height
    beside = np.abs(away @ np.array([-down[1], down[0]])) / height

    def within(polygon: np.ndarray) -> np.ndarray:
        mask = np.zeros((size, size), np.uint8)
        return cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1) > 0

    guess = np.full((size, size), cv2.GC_PR_BGD, np.uint8)
    far = ~within(centre + (rings[-1] - centre) * FAR_RING_REACH)
    guess[far & (depth < HEAD_END)] = cv2.GC_BGD
    outward = oval - centre
    up = -outward @ down / np.linalg.norm(outward, axis=1)
    step = (rings[1] - oval) / RING_OUT_MM[1]
    guess[within(oval + step * np.interp(up, HEAD_UP, LIKELY_HEAD_MM)[:, None])] = cv2.GC_PR_FGD
    guess[(beside < np.interp(depth, BODY_AT, BODY_HALF)) & (depth > BODY_AT[0])] = cv2.GC_PR_FGD
    guess[(beside < np.interp(depth, SURE_AT, SURE_HALF)) & (depth > SURE_AT[0])] = cv2.GC_FGD
    guess[within(oval + step * np.interp(up, HEAD_UP, SURE_HEAD_MM)[:, None])] = cv2.GC_FGD
    return guess


def _coverage(
    picture: np.ndarray, background: np.ndarray, inside: np.ndarray, core: np.ndarray, reach: np.ndarray,
    crowded: np.ndarray,
) -> np.ndarray:
    """`[S, S]` float32 0-1: how much of each pixel is the person. Near the cut the colour decides, between the
    person's there and the background's; where the two are alike, or the background has things on it, the cut does.
    """
    sigma = COLOUR_SPREAD_SHARE * len(picture)
    own, other = _mean_near(picture, core, sigma), _mean_near(background, ~reach, sigma)
    spread = np.square(picture - cv2.GaussianBlur(picture, (0, 0), sigma / 2)).mean(-1, keepdims=True)
    noise = np.maximum(np.sqrt(_mean_near(spread, ~reach, 2 * sigma)[..., 0]), LEAST_NOISE)
    between = own - other
    apart = np.square(between).sum(-1)
    share = np.clip(((picture - other) * between).sum(-1) / np.maximum(apart, 1), 0, 1)
    plain = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.5 + EDGE_SOFT_SHARE * len(picture))
    trust = np.where(crowded, 0, apart / (apart + np.square(TRUST_NOISE * noise)))
    mixed = plain + trust * (share - plain)
    # With less coverage than this the person would need impossible colours.
    beyond = np.abs(picture - background) - UNLIKE_NOISE * noise[..., None]
    room = np.where(picture < background, background, 255 - background)
    mixed = np.where(crowded, mixed, np.maximum(mixed, np.clip((beyond / np.maximum(room, 32)).max(-1), 0, 1)))
    return np.where(core, 1.0, np.where(reach, mixed, 0.0)).astype(np.float32)


def _mean_near(picture: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Mean colour `[S, S, C]` of the known pixels around each pixel."""
    have = known.astype(np.float32)
    weight = cv2.GaussianBlur(have, (0, 0), sigma)[..., None]
    total = cv2.GaussianBlur(picture * have[..., None], (0, 0), sigma).reshape(picture.shape)
    mean: np.ndarray = total / np.maximum(weight, 1e-4)
    return np.where(weight > 1e-4, mean, picture)


def _own_colour(picture: np.ndarray, background: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The person's colour `[S, S, 3]` without what shines through of the background, continued outwards."""
    share = coverage[..., None]
    own = (picture - (1 - share) * background) / np.maximum(share, 0.1)
    own = np.clip(own, 0, 255)
    sure = coverage > 0.5
    spread = _mean_near(own, sure, COLOUR_SPREAD_SHARE * len(picture))
    return np.where(share > 0.1, own, spread).astype(np.float32)
