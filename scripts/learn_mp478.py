"""Learn the embedded face model `mp478` and write `checkpoints/mp478/`.

    python scripts/learn_mp478.py --shapes identity_shapes.npz --clips VIDEO [VIDEO ...] --albedo-clips VIDEO [...]

Identity: PCA of near-neutral faces and their mirror images. Expression and lid travel: what is left of tracked footage
after the rigid motion and the person's own shape are taken away; the lids' direction is the regression on the tracker's
blink values, and expression is the PCA of the rest, people weighted alike, mirrored too. Albedo: mean colours of
frontal frames, normalised to one exposure; its basis is the people's PCA, filled up to 80 with the smoothest functions
on the mesh.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarksConnections

from face_model import mp478
from face_model.alignment import similarity
from face_model.morphable_model import MorphableModel, Region
from foundation.files import sha256, write_json, write_tensors
from preprocessing.fitting import fit_shape, sample_colours
from preprocessing.media import read_frames
from preprocessing.tracking import ARKIT_NAMES, LandmarkTrack, track_landmarks

IDENTITY_COUNT, EXPRESSION_COUNT, TEXTURE_COUNT = 80, 64, 80
PUPILS_MM = 63.0
HEAD_CENTRE_MM = np.array([0.0, -25.0, -60.0])  # from the middle of the pupils: near the axis that heads turn about
FOREHEAD, CHIN, RIGHT_PUPIL, LEFT_PUPIL = 10, 152, 468, 473
PAIRS = ((263, 33), (362, 133), (291, 61), (454, 234))  # left, right


def canonical_frame(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean face `[V, 3]` turned upright and frontal, and for each vertex its mirror partner `[V]`."""
    left, right = np.array(PAIRS).T
    across = (mean[left] - mean[right]).mean(0)
    for _ in range(20):
        across /= np.linalg.norm(across)
        up = mean[FOREHEAD] - mean[CHIN]
        up = up - across * (up @ across)
        up /= np.linalg.norm(up)
        axes = np.stack((across, up, np.cross(across, up)))
        turned = mean @ axes.T
        turned = turned - (turned[LEFT_PUPIL] + turned[RIGHT_PUPIL]) / 2
        distance = np.linalg.norm(turned[:, None] - turned[None] * (-1, 1, 1), axis=-1)
        partner = distance.argmin(1)
        apart = turned - turned[partner]
        across = axes.T @ (apart * np.sign(apart[:, :1])).sum(0)
    assert (partner[partner] == np.arange(len(mean))).all(), (
        "the mean face is not symmetric enough to pair its vertices"
    )
    turned *= PUPILS_MM / np.linalg.norm(turned[LEFT_PUPIL] - turned[RIGHT_PUPIL])
    return turned - HEAD_CENTRE_MM, partner


def mirrored(points: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Points or offsets `[..., V, 3]` seen in a mirror."""
    return points[..., partner, :] * (-1, 1, 1)


def principal(rows: np.ndarray, count: int, weights: np.ndarray | None = None) -> np.ndarray:
    """The first `count` principal directions of centred `rows` `[N, V, 3]`, each one standard deviation long: `[count,
    V, 3]`.
    """
    weights = np.ones(len(rows)) if weights is None else weights
    scaled = rows.reshape(len(rows), -1) * np.sqrt(weights / weights.sum())[:, None]
    _, deviation, direction = np.linalg.svd(scaled, full_matrices=False)
    return (deviation[:count, None] * direction[:count]).reshape(-1, *rows.shape[1:])


def learn_identity(shapes_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean `[V, 3]`, identity basis `[80, V, 3]` and mirror partners `[V]` of near-neutral faces `[N, V, 3]`."""
    frame, partner = canonical_frame(shapes_mm.mean(0).astype(np.float64))
    mean = (frame + mirrored(frame, partner)) / 2
    even = np.ones(len(mean))
    for _ in range(3):
        scale, turn, shift = similarity(shapes_mm, mean, even)
        aligned = scale[:, None, None] * np.einsum("nab,nvb->nva", turn, shapes_mm) + shift[:, None]
        pupils = np.linalg.norm(aligned[:, LEFT_PUPIL] - aligned[:, RIGHT_PUPIL], axis=-1)
        aligned *= (PUPILS_MM / pupils)[:, None, None]
        both = np.concatenate((aligned, mirrored(aligned, partner)))
        mean = both.mean(0)
    return mean, principal(both - mean, IDENTITY_COUNT), partner


def mesh_triangles(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles `[F, 3]` of the tracker's tessellation, with lids and inner lips closed by strips, and their regions
    `[F]`.
    """
    edges = [(e.start, e.end) for e in FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION]
    skin = [(edges[i][0], edges[i + 1][0], edges[i + 2][0]) for i in range(0, len(edges), 3)]
    assert all(edges[i + 2][1] == edges[i][0] for i in range(0, len(edges), 3)), (
        "the tessellation is not a list of triangles"
    )
    parts = [(skin, Region.SKIN)]
    rings = (
        (mp478.RIGHT_EYE, Region.RIGHT_EYE),
        (mp478.LEFT_EYE, Region.LEFT_EYE),
        (mp478.INNER_LIPS, Region.INNER_MOUTH),
    )
    parts += [(_strip(ring), region) for ring, region in rings]
    triangles = np.concatenate([np.array(t) for t, _ in parts])
    corners = mean[triangles]
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] < 0
    triangles[outward] = triangles[outward][:, ::-1]  # counter-clockwise as seen by the viewer
    return triangles, np.concatenate([np.full(len(t), region) for t, region in parts])


def _strip(ring: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Triangles between the upper and the lower half of a ring that runs corner, upper, corner, lower."""
    half = len(ring) // 2
    upper, lower = ring[: half + 1], (ring[0], *ring[: half - 1 : -1])
    strip = []
    for i in range(half):
        quad = (upper[i], upper[i + 1], lower[i + 1], lower[i])
        strip += [t for t in ((quad[0], quad[1], quad[2]), (quad[0], quad[2], quad[3])) if len(set(t)) == 3]
    return strip


def texture_coordinates(mean: np.ndarray) -> np.ndarray:
    """Cylindrical coordinates `[V, 2]` about the head's upright axis, scaled into 0.02-0.98: little stretch for a face
    seen from the front.
    """
    angle = np.arctan2(mean[:, 0], mean[:, 2] + 40.0)
    raw = np.stack((angle, -mean[:, 1] / 100.0), axis=-1)
    low, high = raw.min(0), raw.max(0)
    return 0.02 + 0.96 * (raw - low) / (high - low)


def learn_expression(
    model: MorphableModel, tracks: list[LandmarkTrack], partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expression basis `[64, V, 3]`, full lid travel `[V, 3]` and ARKit offsets `[52, V, 3]` from tracked clips."""
    residuals, arkit, weights = [], [], []
    for track in tracks:
        points = track.landmarks_px[track.valid]
        fit = fit_shape(points, np.zeros(len(points)), model)
        head = (
            np.einsum("tba,tvb->tva", _matrices(fit.rotation), points * (1, -1, 1) - fit.shift_px[:, None])
            / fit.scale[:, None, None]
        )
        own = np.median(head, axis=0)  # the person's resting face in this clip: talking mouths return to it
        residuals.append(head - own)
        arkit.append(track.arkit[track.valid] - np.median(track.arkit[track.valid], axis=0))
        weights.append(np.full(len(points), 1.0 / np.sqrt(len(points))))
    rest, values, weight = (np.concatenate(part) for part in (residuals, arkit, weights))
    blink = _lid_travel(model.mean_mm.numpy(), rest, values, weight, partner)
    flat = blink.reshape(-1)
    along = rest.reshape(len(rest), -1) @ flat / (flat @ flat)
    rest = rest - along[:, None, None] * blink
    both = np.concatenate((rest, mirrored(rest, partner)))
    expression = principal(both, EXPRESSION_COUNT, np.concatenate((weight, weight)))
    gram = (values * weight[:, None]).T @ values
    ridge = np.linalg.solve(
        gram + 1e-3 * np.trace(gram) * np.eye(len(gram)),
        (values * weight[:, None]).T @ (rest + along[:, None, None] * blink).reshape(len(rest), -1),
    )
    return expression, blink, ridge.reshape(-1, *blink.shape)


def _matrices(rotation: np.ndarray) -> np.ndarray:
    from face_model.rotations import rotation_matrix

    return rotation_matrix(torch.from_numpy(rotation)).numpy()


def _lid_travel(
    mean: np.ndarray, rest: np.ndarray, arkit: np.ndarray, weight: np.ndarray, partner: np.ndarray
) -> np.ndarray:
    """Offsets `[V, 3]` that close both eyes of the mean face: regression on the blink values, kept around the eyes,
    scaled to meet.
    """
    blink = arkit[:, [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]].mean(1)
    blink = np.maximum(blink - 0.15, 0)  # below this the value follows gaze, not lids
    slope = np.einsum("t,tvc->vc", weight * blink, rest) / (weight * blink**2).sum()
    slope = (slope + mirrored(slope, partner)) / 2
    rings = mean[[*mp478.RIGHT_EYE, *mp478.LEFT_EYE]]
    near = np.linalg.norm(mean[:, None] - rings[None], axis=-1).min(1)
    slope *= np.exp(-((near / 8.0) ** 2))[:, None]
    slope[[*mp478.RIGHT_IRIS, *mp478.LEFT_IRIS]] = 0
    gap = mean[159, 1] - mean[145, 1]
    closing = slope[145, 1] - slope[159, 1]
    return slope * (0.97 * gap / closing)


def learn_albedo(
    model: MorphableModel, clips: list[Path], tracks: list[LandmarkTrack], partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean albedo `[V, 3]` and texture basis `[80, V, 3]` from the mean colours of each clip."""
    people = []
    for clip, track in zip(clips, tracks, strict=True):
        colours, trust = sample_colours(
            read_frames(clip), track.landmarks_px[..., :2], np.ones(track.landmarks_px.shape[:2])
        )
        mean = (colours * trust[..., None]).sum(0) / np.maximum(trust.sum(0)[:, None], 1e-6)
        people.append(mean * (0.55 / mean.mean(0)))  # one exposure and white balance for all
    faces = np.stack(people)
    both = np.concatenate((faces, faces[:, partner]))
    mean = both.mean(0)
    own = principal(both - mean, len(both))
    own = own[(own**2).mean((1, 2)) > 1e-6]
    return mean, _fill_with_smooth(own, model)


def _fill_with_smooth(own: np.ndarray, model: MorphableModel) -> np.ndarray:
    """`own` `[K, V, 3]` filled up to 80 with the smoothest functions on the mesh, each channel apart, orthogonal to
    `own`.
    """
    count = model.mean_mm.shape[0]
    laplacian = np.zeros((count, count))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        i, j = model.triangles[:, a].numpy(), model.triangles[:, b].numpy()
        laplacian[i, j] = laplacian[j, i] = -1.0
    laplacian -= np.diag(laplacian.sum(1))
    _, modes = np.linalg.eigh(laplacian + np.diag(np.where(laplacian.diagonal() == 0, 1e3, 0.0)))
    span, _ = np.linalg.qr(own.reshape(len(own), -1).T)
    filled = list(own)
    for index in range(count):
        for channel in range(3):
            if len(filled) == TEXTURE_COUNT:
                return np.stack(filled)
            mode = np.zeros((count, 3))
            mode[:, channel] = modes[:, index] * np.sqrt(count) * 0.03 / (1 + index)
            flat = mode.reshape(-1)
            filled.append((flat - span @ (span.T @ flat)).reshape(count, 3))
    raise AssertionError("the mesh has fewer modes than the basis needs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Path, required=True, help="npz with vertices_mm [N, 478, 3]")
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="footage that expression is learned from")
    parser.add_argument(
        "--albedo-clips", type=Path, nargs="+", required=True, help="footage that albedo is learned from"
    )
    parser.add_argument("--cache", type=Path, default=Path("out/tracks"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mp478"))
    arguments = parser.parse_args()
    shapes = np.load(arguments.shapes)["vertices_mm"].astype(np.float64)
    mean, identity, partner = learn_identity(shapes)
    triangles, region = mesh_triangles(mean)
    tensor = lambda a: torch.from_numpy(np.ascontiguousarray(a)).float()  # noqa: E731
    zeros = np.zeros((1, *mean.shape))
    model = MorphableModel(
        "mp478",
        tensor(mean),
        tensor(identity),
        tensor(zeros),
        tensor(zeros[0]),
        tensor(zeros[0] + 0.55),
        tensor(zeros),
        torch.from_numpy(triangles),
        torch.from_numpy(region),
        tensor(texture_coordinates(mean)),
        {},
    )
    tracks = {
        clip: track_landmarks(clip, arguments.cache)
        for clip in dict.fromkeys((*arguments.clips, *arguments.albedo_clips))
    }
    expression, blink, arkit = learn_expression(model, [tracks[c] for c in arguments.clips], partner)
    albedo, texture = learn_albedo(model, arguments.albedo_clips, [tracks[c] for c in arguments.albedo_clips], partner)
    arrays = {
        "mean_mm": mean,
        "identity_mm": identity,
        "expression_mm": expression,
        "blink_mm": blink,
        "arkit_mm": arkit,
        "albedo": albedo,
        "texture": texture,
        "uv": texture_coordinates(mean),
    }
    arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
    arrays |= {
        "triangles": triangles.astype(np.int32),
        "triangle_region": region.astype(np.int32),
        "index.mirror": partner.astype(np.int32),
    }
    provenance = {
        "made_by": "scripts/learn_mp478.py",
        "shapes_sha256": sha256(arguments.shapes),
        "clips": {c.name: sha256(c) for c in arguments.clips},
        "albedo_clips": {c.name: sha256(c) for c in arguments.albedo_clips},
    }
    write_tensors(arguments.out / "mp478.safetensors", arrays, provenance)
    write_json(arguments.out / "mp478.json", provenance)
    print(f"wrote {arguments.out}: {len(triangles)} triangles, texture {texture.shape}")


if __name__ == "__main__":
    main()
