"""How sharp a person is painted, told by region at the end of an enrollment, and what to do where it is low."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluation.metrics.detail import detail_curves, detail_ratio
from face_model.tracks import FaceTrack
from render2video.footage.painter import FootagePainter
from render2video.footage.quality import from_other_moments

LOOKED_AT = 10  # frames, spread over the footage
LOW = 0.75  # of the real video's detail: softer can be seen
POINTS = 478  # of the tracker whose points the regions are told by
_REMEDIES = {
    "face": "record with the face larger and in even light, or enroll with --size 512",
    "mouth": "give it a longer --budget, or record more speech with the face larger",
    "hair": "record longer, with all the turns of the head that are wanted: hair is taken from frames near to them",
    "torso": "record longer, sitting still: shoulders are taken from frames near to what is wanted",
}


def sharpness(painter: FootagePainter, measured: FaceTrack) -> dict[str, float]:
    """Detail by region of real frames that are painted anew from other moments, over the real frames'; 1 is right.

    `detail_NAME` of each of face, mouth, hair and torso; of those that are seen.
    """
    usable = np.flatnonzero(painter.footage.usable)
    if len(usable) == 0 or measured.landmarks_px.shape[1] != POINTS:
        return {}
    chosen = usable[np.linspace(0, len(usable) - 1, min(len(usable), LOOKED_AT)).astype(int)]
    pairs = [(k, made) for k in map(int, chosen) if (made := from_other_moments(painter, k)) is not None]
    if not pairs:
        return {}
    kept = [k for k, _ in pairs]
    points, seen = measured.landmarks_px[kept], np.ones(len(kept), bool)
    film = detail_curves((made for _, made in pairs), points, seen, fps=1.0)
    real = detail_curves((painter.footage.frames[k] for k in kept), points, seen, fps=1.0)
    found = {f"detail_{region}": round(detail_ratio(film, real, region), 2) for region in _REMEDIES}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def advice(quality: dict[str, float]) -> Iterator[str]:
    """A line for each region that is painted softer than one would like: how much, and what to do."""
    for region, remedy in _REMEDIES.items():
        value = quality.get(f"detail_{region}", 1.0)
        if value < LOW:
            yield f"the {region} is painted with {value:.0%} of the video's detail: {remedy}"


def told(quality: dict[str, float]) -> str:
    """All regions' detail in one line; empty where nothing was measured."""
    shares = [f"{region} {quality[f'detail_{region}']:.0%}" for region in _REMEDIES if f"detail_{region}" in quality]
    return f"of the video's detail: {', '.join(shares)}" if shares else ""
