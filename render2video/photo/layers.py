"""A photo taken apart: the person with soft edges, and the background behind, which never moves.

What bends with the head must not take the wall behind it along. The person is cut out once, at enrolment (GrabCut,
Rother et al. 2004, started from where the face's mesh says that head and body are), and the background is continued a
little way behind the person, as far as a turn of the head uncovers it.
"""

from __future__ import annotations

import cv2
import numpy as np

from face_model import mp478
from render2video.head_shell import RING_OUT_MM
from render2video.photo.warp import PhotoGeometry

CUT_PX = 320  # side of the picture that is cut: finer ones take seconds and cut no better
CUT_ROUNDS = 5
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
EDGE_IN_SHARE, EDGE_OUT_SHARE = 0.004, 0.020  # of the side: how far from the cut a pixel may be partly hair
COLOUR_SPREAD_SHARE = 0.012  # of the side: deviation of the means of the colours on either side of the edge
LEAST_NOISE = 5.0  # levels, of the background beside the person
TRUST_NOISE = 4.0  # times the noise: colours closer than this do not tell hair from wall
UNLIKE_NOISE = 3.0  # times the noise: what the background differs by of itself
# Deviations, as shares of the side, of the means that continue the background, and how much each counts.
FILL_SHARES = (0.008, 1.0), (0.03, 0.03), (0.09, 0.001)
GRAIN = 10.0  # levels: what differs more from its surroundings is a thing, and is not repeated behind the person


def person_layers(photo: np.ndarray, geometry: PhotoGeometry) -> tuple[np.ndarray, np.ndarray]:
    """The person `[S, S, 4]` uint8, RGB and coverage, and the background `[S, S, 3]` uint8.

    The person over the background is the photo `[S, S, 3]` uint8 again.
    """
    inside = _cut(photo, geometry)
    side = len(photo)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    core = cv2.erode(inside, kernel, iterations=max(1, round(EDGE_IN_SHARE * side)))
    reach = cv2.dilate(inside, kernel, iterations=max(2, round(EDGE_OUT_SHARE * side)))
    picture = photo.astype(np.float32)
    background = continued(picture, reach == 0)
    coverage = _coverage(picture, background, inside, core > 0, reach > 0)
    colour = _own_colour(picture, background, coverage)
    person = np.concatenate((colour, 255 * coverage[..., None]), axis=-1)
    return _bytes(person), _bytes(np.where(reach[..., None] == 0, picture, background))


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
    _, parts = cv2.connectedComponents(found)
    middle = np.rint(geometry.landmarks_px[1] * size / len(photo)).astype(int)
    person = (parts == parts[middle[1], middle[0]]).astype(np.uint8)
    _, holes = cv2.connectedComponents(1 - np.pad(person, 1))
    whole = (holes != holes[0, 0])[1:-1, 1:-1].astype(np.float32)  # the wall is not seen through a person
    return (cv2.resize(whole, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC) > 0.5).astype(np.uint8)


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


def continued(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A picture `[S, S, 3]` float32 continued where it is not known `[S, S]`: its smooth colours go on, with the grain
    that lies as far on the other side of the border.
    """
    side = len(picture)
    if not known.any():
        return picture.copy()
    have = known.astype(np.float32)
    weight = np.full((side, side, 1), 1e-9, np.float32)
    total = picture[known].mean(0) * weight
    for share, part in FILL_SHARES:
        weight += part * cv2.GaussianBlur(have, (0, 0), share * side)[..., None]
        total += part * cv2.GaussianBlur(picture * have[..., None], (0, 0), share * side)
    smooth = total / weight
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros((label.max() + 1, 2), np.int64)
    places[label[known]] = np.argwhere(known)
    rows, columns = np.nonzero(~known)
    nearest = places[label[rows, columns]]
    mirrored = np.clip(2 * nearest - np.stack((rows, columns), axis=1), 0, side - 1)
    mirrored = np.where(known[mirrored[:, 0], mirrored[:, 1]][:, None], mirrored, nearest)
    result = picture.copy()
    grain = np.clip(picture - smooth, -GRAIN, GRAIN)
    result[rows, columns] = smooth[rows, columns] + grain[mirrored[:, 0], mirrored[:, 1]]
    return result


def _coverage(
    picture: np.ndarray, background: np.ndarray, inside: np.ndarray, core: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """`[S, S]` float32 0-1: how much of each pixel is the person. Near the cut the colour decides, between the
    person's there and the background's; where the two are alike, the cut does.
    """
    sigma = COLOUR_SPREAD_SHARE * len(picture)
    own, other = _mean_near(picture, core, sigma), _mean_near(background, ~reach, sigma)
    spread = np.square(picture - cv2.GaussianBlur(picture, (0, 0), sigma / 2)).mean(-1, keepdims=True)
    noise = np.maximum(np.sqrt(_mean_near(spread, ~reach, 2 * sigma)[..., 0]), LEAST_NOISE)
    between = own - other
    apart = np.square(between).sum(-1)
    share = np.clip(((picture - other) * between).sum(-1) / np.maximum(apart, 1), 0, 1)
    plain = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.8)
    trust = apart / (apart + np.square(TRUST_NOISE * noise))
    mixed = plain + trust * (share - plain)
    # With less coverage than this the person would need impossible colours.
    beyond = np.abs(picture - background) - UNLIKE_NOISE * noise[..., None]
    room = np.where(picture < background, background, 255 - background)
    mixed = np.maximum(mixed, np.clip((beyond / np.maximum(room, 32)).max(-1), 0, 1))
    return np.where(core, 1.0, np.where(reach, mixed, 0.0)).astype(np.float32)


def _mean_near(picture: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Mean colour `[S, S, 3]` of the known pixels around each pixel."""
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
