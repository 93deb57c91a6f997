"""Which real frame each frame of a film is made from: the path through the footage.

One cost, minimised by dynamic programming over a bounded look-ahead (fixed-lag Viterbi): how far the real frame stands
from what is wanted, plus what the step from the frame before costs. Footage may run forward, stand still for a moment,
run backward, or jump to one of a few frames that resemble the one after which they come (video textures, Schoedl et
al., 2000). What was shown a moment ago costs more, so a film may be hours long without a loop that one could see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from foundation.compiled import compiled

NEIGHBOURS = 12  # frames that each frame may jump to
NEAREST_JUMP_S = 0.4  # along the footage; nearer frames are reached by playing
FAR = np.float32(1e6)  # the cost of what must not be
BLOCK = 256  # frames whose likeness to all others is found at once
_Step = tuple[np.ndarray, np.ndarray]  # for each state, where it may be reached from, and what that costs


@dataclass(frozen=True)
class PathCosts:
    """Costs in the unit of the distance: hundredths of the distance between the eyes.

    jump: of any jump, on top of how much the frames differ. apart: frames that differ by so much cost twice that, and
    ever more beyond: one jump that is seen is worse than three that are not. hold, backward, skip: of a frame that is
    shown again, of playing backward and of leaving one out. turn: of playing the other way from here on. again: of a
    frame that was shown just now, falling to nothing within memory_s. look_ahead_s: how far the path sees; commit_s:
    how much of it is decided at once. weight: of the distance against the costs of steps; a path that sees but a moment
    ahead counts it for those that it does not see, or no jump would ever pay.
    """

    jump: float = 12.0
    apart: float = 4.0
    hold: float = 4.0
    backward: float = 0.3
    skip: float = 1.5
    turn: float = 12.0
    again: float = 2.0
    memory_s: float = 30.0
    look_ahead_s: float = 1.0
    commit_s: float = 0.5
    weight: float = 1.0


class FootagePath:
    """Finds paths through one person's footage.

    Args:
        looks: `[T, D]`, what two frames must share to follow each other; Euclidean distance in the costs' unit. None:
            any frame may follow any, for the price of a jump.
        usable: `[T]` bool, frames that may be shown.
        unrest: `[T]`, what a jump from or to each frame costs more, such as of lids that move; None: nothing.
        breaks: `[T]` bool, True where a frame does not follow the one before it (a cut, or a gap).
        fps: of the footage and of the film.
    """

    def __init__(
        self, looks: np.ndarray | None, usable: np.ndarray, breaks: np.ndarray, fps: float,
        costs: PathCosts | None = None, unrest: np.ndarray | None = None,
    ) -> None:
        assert usable.any(), "footage without one usable frame"
        self.costs, self.fps, self.usable = costs or PathCosts(), fps, usable
        count = len(usable)
        self.freely = looks is None
        self.unrest = np.zeros(count, np.float32) if unrest is None else unrest.astype(np.float32)
        self.from_states, self.step_costs = self._steps(None if looks is None else looks.astype(np.float32), breaks)
        self.used = np.zeros(count, np.float32)  # 1 where shown just now

    def _steps(self, looks: np.ndarray | None, breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each state, where it may be reached from `[2 T, 4 + K]`, and what that costs.

        State j plays frame j forward, state T + j backward: a path that could turn for nothing would tremble.
        """
        count, costs = len(breaks), self.costs
        here = np.arange(count)
        joined = ~breaks & (here > 0)  # to the frame before
        before, after = np.maximum(here - 1, 0), np.minimum(here + 1, count - 1)
        follows = np.append(joined[1:], False)
        hold, turn = np.full(count, costs.hold), np.full(count, costs.turn)

        def played(one: np.ndarray, allowed: np.ndarray, base: int, price: float) -> list[_Step]:
            two = one[one]
            twice = allowed & allowed[one]
            steps = np.where(allowed, price, FAR), np.where(twice, price + costs.skip, FAR)
            return [(base + one, steps[0]), (base + here, hold), (base + two, steps[1]), (count - base + here, turn)]

        forward = played(before, joined, 0, 0.0) + ([] if looks is None else self._jumps(looks, count))
        backward = played(after, follows, count, costs.backward)
        backward += [(count + here, np.full(count, FAR))] * (len(forward) - len(backward))
        sources, prices = (
            [np.concatenate((f[part], b[part])) for f, b in zip(forward, backward, strict=True)] for part in (0, 1)
        )
        return np.stack(sources, axis=1).astype(np.int32), np.stack(prices, axis=1).astype(np.float32)

    def _jumps(self, looks: np.ndarray, count: int) -> list[_Step]:
        """For each frame the K frames that it most resembles, whichever way they are played, and the costs."""
        near = max(2, round(NEAREST_JUMP_S * self.fps))
        neighbours = min(NEIGHBOURS, count)
        found, gaps = np.zeros((count, neighbours), int), np.full((count, neighbours), FAR, np.float32)
        square = np.square(looks).sum(1)
        for index in range(count):
            if index % BLOCK == 0:  # some rows at a time: the whole table of an hour would not fit
                products = looks[index : index + BLOCK] @ looks.T
            gap = np.sqrt(np.maximum(square + square[index] - 2 * products[index % BLOCK], 0))
            gap[max(0, index - near) : index + near + 1] = FAR
            gap[~self.usable] = FAR
            nearest = np.argpartition(gap + self.unrest, neighbours - 1)[:neighbours]
            apart = gap[nearest] + gap[nearest] ** 2 / self.costs.apart
            found[index], gaps[index] = nearest, apart + self.costs.jump + self.unrest[index] + self.unrest[nearest]
        return [(base + found[:, k], gaps[:, k]) for base in (0, count) for k in range(neighbours)]

    def __call__(self, distances: Iterable[np.ndarray], after: int | None = None) -> Iterator[int]:
        """The frame to show for each wanted one, in order.

        Args:
            distances: for each wanted frame `[T]`: what showing each real frame for it costs.
            after: the frame that was shown before the first; None: the path may begin anywhere.
        """
        ahead = max(1, round(self.costs.look_ahead_s * self.fps))
        commit = max(1, round(self.costs.commit_s * self.fps))
        waiting: list[np.ndarray] = []
        start = after
        for distance in distances:
            waiting.append(np.where(self.usable, self.costs.weight * distance, FAR).astype(np.float32))
            if len(waiting) == ahead + commit:
                states = self._best(waiting, start)[:commit]
                start = states[-1]
                yield from self._shown(states)
                waiting = waiting[commit:]
        if waiting:
            yield from self._shown(self._best(waiting, start))

    def _shown(self, states: list[int]) -> list[int]:
        """The frames of states; they are remembered as just shown."""
        frames = [state % len(self.used) for state in states]
        self.used *= np.float32(np.exp(-len(frames) / (self.costs.memory_s * self.fps)))
        self.used[frames] = 1.0
        return frames

    def _best(self, distances: list[np.ndarray], start: int | None) -> list[int]:
        """The cheapest states for the wanted frames, after a state or from anywhere."""
        again, count = np.float32(self.costs.again) * self.used, len(self.from_states)
        spent = np.full(count, 0.0 if start is None else FAR, np.float32)
        if start is not None:
            spent[start] = 0.0
        back = np.empty((len(distances), count), np.int32)
        for index, distance in enumerate(distances):
            price = distance + again
            if index == 0 and start is None:
                spent = np.tile(price, 2)
                continue
            jump = self.costs.jump if self.freely else FAR
            spent = _stepped(spent, self.from_states, self.step_costs, price, np.float32(jump), back[index])
        path = [int(spent.argmin())]
        for table in back[:0:-1]:
            path.append(int(table[path[-1]]))
        return path[::-1]


@compiled(error_model="numpy")
def _stepped(spent, sources, steps, price, jump, came):  # type: ignore[no-untyped-def]
    """What reaching each state costs, one frame on; `came` gets from where. jump: of one from any state to any."""
    count, made = len(price), np.empty_like(spent)
    nearest = 0
    for state in range(1, len(spent)):
        if spent[state] < spent[nearest]:
            nearest = state
    jumped = spent[nearest] + jump
    for state in range(len(sources)):
        origin = sources[state, 0]
        least = spent[origin] + steps[state, 0]
        for way in range(1, sources.shape[1]):
            cost = spent[sources[state, way]] + steps[state, way]
            if cost < least:
                least, origin = cost, sources[state, way]
        if jumped < least:
            least, origin = jumped, nearest
        came[state] = origin
        made[state] = least + price[state % count]
    return made
