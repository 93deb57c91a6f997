"""What painting on footage can be told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from render2video.footage.path import PathCosts

# Heads: playing on is natural, and a head that is bent by a tenth of the eyes' distance cannot be told from a real one.
HEAD_COSTS = PathCosts()
# Mouths: nearest is best, and a dissolve between two mouths of one shape shows nothing.
MOUTH_COSTS = PathCosts(
    jump=2.0, hold=0.5, backward=0.3, skip=0.3, turn=1.0, again=0.0, look_ahead_s=0.3, commit_s=0.1
)
EYE_COSTS = PathCosts(jump=1.0, hold=0.3, backward=0.5, skip=0.5, turn=0.5, again=0.0, look_ahead_s=0.2, commit_s=0.1)
LIVE_HEAD_WEIGHT = 6.0  # of a path that sees one frame ahead: heads are as near as a film's, with about as many jumps


@dataclass(frozen=True)
class FootageConfig:
    """How frames are chosen, and the network that finishes the mouth.

    width: channels at the working resolution. fold: sides of the squares of pixels that become channels. batch:
    pictures a step. general: whether to begin from the network that ships. network_rate, tuning_rate: AdamW's (cosine
    decay) for a network that begins anew, or from that one. clip_norm: of the gradient. mouth_weight: added to the
    weight 1 of the window's other pixels. own_share: of the pictures that stand on their own frame, as in a dub; the
    others stand on another one. head, mouth, eyes: costs of the three paths through the footage.
    """

    width: int = 24
    fold: int = 2
    batch: int = 6
    general: bool = True
    network_rate: float = 2e-3
    tuning_rate: float = 5e-4
    clip_norm: float = 5.0
    mouth_weight: float = 4.0
    own_share: float = 0.4
    average_decay: float = 0.998
    head: PathCosts = field(default_factory=lambda: HEAD_COSTS)
    mouth: PathCosts = field(default_factory=lambda: MOUTH_COSTS)
    eyes: PathCosts = field(default_factory=lambda: EYE_COSTS)

    def within(self, look_ahead_s: float) -> FootageConfig:
        """The same whose paths see no further than so far, but one frame, and decide a frame at a time."""

        def near(costs: PathCosts, weight: float = 1.0) -> PathCosts:
            seen_s = min(costs.look_ahead_s, look_ahead_s)
            return replace(costs, look_ahead_s=seen_s, commit_s=0.0, weight=weight)

        return replace(
            self, head=near(self.head, LIVE_HEAD_WEIGHT), mouth=near(self.mouth), eyes=near(self.eyes)
        )
