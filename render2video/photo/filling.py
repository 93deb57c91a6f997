"""A wall continued behind the person before it, as far as a turning head uncovers it.

Lines that run into the person go on, since the pieces that continue them are looked up in the wall itself, those first
that a line leads to (Criminisi, Perez and Toyama 2004). That is done in a small picture; the large one is put together
from the same places. Farther in, where nothing is ever seen, smooth colours go on.
"""

from __future__ import annotations

import cv2
import numpy as np

from render2video.photo.folds import fall

SMALL_PX = 192  # side of the picture that is pieced together
REACH, SEARCH = 4, 16  # of a piece and of the search for one, in its pixels to either side
DEPTH_SHARE = 0.085  # of the side: how far behind the person pieces go; the rest is smooth
LINE_FLOOR = 0.03  # of the strongest line: what a front without any counts
FAR_COST = 8.0  # levels squared a pixel and channel, for each pixel of distance: of two alike places the nearer
MARGIN = 2 * REACH + 2
SEAM_SHARE = 0.004  # of the side: deviation of the blur over the joints between pieces
FAR_BLUR_SHARE, FAR_FROM = 0.012, (0.15, 0.7)  # the farther in the less sharp, from and to these shares of the depth
# Deviations, as shares of the side, of the means that continue smooth colours, and how much each counts.
SMOOTH_SHARES = (0.008, 1.0), (0.03, 0.03), (0.09, 0.001)


def continued(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A picture `[S, S, 3]` float32 continued where it is not known, `[S, S]` bool."""
    side = len(picture)
    if not known.any() or known.all():
        return picture.copy()
    size = min(SMALL_PX, side)
    have = cv2.resize(known.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) > 0.99
    have = cv2.erode(have.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # so that no pixel at the border is left out
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(_smooth(small, have if have.any() else ~have), (side, side), interpolation=cv2.INTER_CUBIC)
    inward = cv2.distanceTransform((~have).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    moves, filled = _pieces(small, have, inward <= DEPTH_SHARE * size)
    rows, columns = np.mgrid[:side, :side]
    at = np.minimum(rows * size // side, size - 1), np.minimum(columns * size // side, size - 1)
    source = [np.rint(index + moves[..., axis][at] * (side / size)).astype(int).clip(0, side - 1)
              for axis, index in enumerate((rows, columns))]  # fmt: skip
    pieced = picture[source[0], source[1]]
    taken = filled[at] & ~known & known[source[0], source[1]]
    result = np.where(taken[..., None], pieced, smooth)
    joints = np.zeros((side, side), np.float32)
    for axis in (0, 1):
        change = np.abs(np.diff(moves, axis=axis, append=np.take(moves, [-1], axis=axis))).max(-1) > 0
        joints = np.maximum(joints, change[at].astype(np.float32))
    sigma = SEAM_SHARE * side
    blend = np.clip(2 * cv2.GaussianBlur(joints, (0, 0), sigma), 0, 1)
    depth = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    result += blend[..., None] * (cv2.GaussianBlur(result, (0, 0), sigma) - result)
    far = cv2.GaussianBlur(result, (0, 0), FAR_BLUR_SHARE * side)
    result += fall(depth, *(share * DEPTH_SHARE * side for share in FAR_FROM))[..., None] * (far - result)
    result += (1 - fall(depth, DEPTH_SHARE * side, 0.7 * DEPTH_SHARE * side))[..., None] * (smooth - result)
    return np.where(known[..., None], picture, result).astype(np.float32)


def _smooth(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`[S, S, 3]` float32: means of what is known nearby, of wider surroundings the farther that is."""
    have = known.astype(np.float32)
    weight = np.full((*known.shape, 1), 1e-9, np.float32)
    total = picture[known].mean(0) * weight
    for share, part in SMOOTH_SHARES:
        sigma = share * len(picture)
        weight += part * cv2.GaussianBlur(have, (0, 0), sigma)[..., None]
        total += part * cv2.GaussianBlur(picture * have[..., None], (0, 0), sigma)
    mean: np.ndarray = total / weight
    return mean


def _pieces(picture: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of a small picture `[s, s, 3]` float32 is taken from: the way there `[s, s, 2]` in pixels, (row,
    column), and for which pixels `[s, s]` bool one was found. Pixels that are `known` and not `wanted` stay.
    """
    work, have, grey = picture.copy(), known.copy(), picture.mean(-1)
    confidence = known.astype(np.float32)
    moves = np.zeros((*known.shape, 2), np.float32)
    square = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    source = cv2.erode(known.astype(np.uint8), square, borderValue=0) > 0
    wanted = wanted & ~known
    while True:
        front = wanted & ~have & (cv2.dilate(have.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        if not front.any():
            return moves, have & ~known
        row, column = _first(grey, have, front, confidence)
        found = _alike(work, have, source, row, column)
        if found is None:
            wanted[row, column] = False
            continue
        top, left = max(row - REACH, 0), max(column - REACH, 0)
        here = slice(top, min(row + REACH + 1, len(work))), slice(left, min(column + REACH + 1, len(work)))
        shift = np.array([found[0] - row, found[1] - column])
        there = tuple(slice(part.start + step, part.stop + step) for part, step in zip(here, shift, strict=True))
        new = wanted[here] & ~have[here]
        work[here][new], grey[here][new] = work[there][new], grey[there][new]
        confidence[here][new] = confidence[here].mean()
        moves[here][new] = shift
        have[here] |= new


def _first(grey: np.ndarray, have: np.ndarray, front: np.ndarray, confidence: np.ndarray) -> tuple[int, int]:
    """The pixel (row, column) of the front to go on from: where much around is known, and a line runs into it."""
    places = np.argwhere(front)
    low, high = (places.min(0) - MARGIN).clip(0), places.max(0) + MARGIN + 1
    part = slice(low[0], high[0]), slice(low[1], high[1])
    inner = cv2.erode(have[part].astype(np.uint8), np.ones((5, 5), np.uint8))
    side = cv2.GaussianBlur(have[part].astype(np.float32), (0, 0), 2.0)
    light = cv2.GaussianBlur(grey[part], (0, 0), 1.0)
    across, down, right, below = (
        cv2.Sobel(picture, cv2.CV_32F, *order) for picture in (light, side) for order in ((1, 0), (0, 1))
    )
    line = np.abs(down * right - across * below) * inner / (np.hypot(right, below) + 1e-3)
    box = (2 * REACH + 1, 2 * REACH + 1)
    floor = LINE_FLOOR * float(line.max()) + 1e-3
    worth = cv2.blur(confidence[part], box) * (cv2.dilate(line, np.ones(box, np.uint8)) + floor)
    row, column = np.unravel_index(int(np.where(front[part], worth, -1).argmax()), worth.shape)
    return int(row + low[0]), int(column + low[1])


def _alike(
    work: np.ndarray, have: np.ndarray, source: np.ndarray, row: int, column: int
) -> tuple[int, int] | None:
    """Where in the wall, (row, column), the surroundings are most like those of a pixel; None where no wall is near."""
    size, reach = len(work), REACH
    padded = cv2.copyMakeBorder(work, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    seen = cv2.copyMakeBorder(have.astype(np.float32), reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    piece = padded[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
    mask = np.repeat(seen[row : row + 2 * reach + 1, column : column + 2 * reach + 1, None], 3, axis=2)
    top, bottom = max(row - SEARCH, 0), min(row + SEARCH + 1, size)
    left, right = max(column - SEARCH, 0), min(column + SEARCH + 1, size)
    allowed = source[top:bottom, left:right]
    if not allowed.any():
        return None
    window = padded[top : bottom + 2 * reach, left : right + 2 * reach]
    cost = cv2.matchTemplate(window, piece, cv2.TM_SQDIFF, mask=mask)
    rows, columns = np.ogrid[top:bottom, left:right]
    cost = cost + (FAR_COST * mask.sum() * np.hypot(rows - row, columns - column)).astype(np.float32)
    cost[~allowed] = np.inf
    best = np.unravel_index(int(cost.argmin()), cost.shape)
    return top + int(best[0]), left + int(best[1])
