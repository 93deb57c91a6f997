"""`mp478`: the embedded face model over the Face Landmarker's 478-point topology.

Identity (80) is learned from near-neutral faces, expression (64) and lid travel from tracked footage, by
`scripts/learn_mp478.py`; the result ships in `checkpoints/mp478`. Inner mouth and eye openings are closed by
triangles of their own, so that they can be masked and painted. Vertices 468-477 are the irises; no triangle uses them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from foundation.files import read_tensors
from foundation.shipped import shipped

if TYPE_CHECKING:  # torch comes with the model: its indices alone go without
    from face_model.morphable_model import MorphableModel

ID = "mp478"

# Rings run along the upper lip or lid from the person's right corner to the left one, then back along the lower.
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)
RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
# Clockwise as seen, from the top of the forehead.
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LIP_GAP = (13, 14)
LIP_WIDTH = (61, 291)
EYE_CORNERS = (33, 133, 362, 263)
INDEX_SETS = {
    "inner_lips": INNER_LIPS, "outer_lips": OUTER_LIPS, "right_eye": RIGHT_EYE, "left_eye": LEFT_EYE,
    "right_iris": RIGHT_IRIS, "left_iris": LEFT_IRIS, "face_oval": FACE_OVAL,
}  # fmt: skip


@lru_cache(maxsize=1)
def load() -> MorphableModel:
    """The shipped model, on the CPU.

    Raises:
        InputError: the installation lacks it or it is damaged.
    """
    import torch

    from face_model.morphable_model import MorphableModel

    arrays, _ = read_tensors(shipped("mp478/mp478.safetensors"))
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    index_sets = {name: torch.tensor(ring) for name, ring in INDEX_SETS.items()}
    index_sets["mirror"] = tensors["index.mirror"].long()
    parts = ("mean_mm", "identity_mm", "expression_mm", "blink_mm", "albedo", "texture", "uv")
    return MorphableModel(
        id=ID,
        triangles=tensors["triangles"].long(),
        triangle_region=tensors["triangle_region"].long(),
        index_sets=index_sets,
        **{name: tensors[name].float() for name in parts},
    )
