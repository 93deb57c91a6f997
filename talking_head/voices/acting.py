"""From directions to curves: how long a smile takes to come, how far a head nods."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from face_model.tracks import FaceMotion
from talking_head.motion.curves import Curves, Key
from talking_head.voices.cues import LIPS_CLOSED, Cue
from talking_head.voices.interface import Span

SMILE_S, BROWS_S, EYES_S, HEAD_S = 0.35, 0.16, 0.08, 0.30  # until it is there
HELD_S = {"brows": 0.6, "look": 1.2, "tilt": 1.2}  # where nobody says how long
EYES_FIRST_S = 0.06  # eyes lead, the head follows
LOOK_DEG, LOOK_EYES, TILT_DEG = 9.0, 0.8, 8.0
NOD = ((0.0, 0.0), (0.18, 7.0), (0.42, -1.5), (0.65, 0.0))  # seconds, degrees of pitch
SHAKE = ((0.0, 0.0), (0.16, 6.0), (0.42, -6.0), (0.66, 4.0), (0.9, 0.0))  # seconds, degrees of yaw
BLINK = ((0.0, 0.0), (0.08, 1.0), (0.14, 1.0), (0.32, 0.0))
REMEMBERED_S = 3.0  # of what a live face did: longer than any frame is late
REMEMBERED_SPANS = 60  # of closed lips: as many as are said while a window of sound lasts
LOOKS = {  # share of yaw, share of pitch, x and y of the eyes
    "left": (1.0, 0.0, 1.0, 0.0), "right": (-1.0, 0.0, -1.0, 0.0), "up": (0.0, -0.7, 0.0, 1.0),
    "down": (0.0, 0.7, 0.0, -1.0), "ahead": (0.0, 0.0, 0.0, 0.0),
}
TILTS = {"left": -1.0, "right": 1.0}


def curves_of(cues: Iterable[tuple[float, Cue]]) -> Curves:
    """The curves of directions at instants in seconds. Where two move the same thing, the later one takes over."""
    drawn = _Drawn()
    for time_s, cue in sorted(cues, key=lambda pair: pair[0]):
        _draw(drawn, time_s, cue)
    return Curves({name: tuple(keys) for name, keys in drawn.keys.items()})


def _draw(drawn: _Drawn, at_s: float, cue: Cue) -> None:
    far, lasts = cue.amount, cue.lasts_s
    if cue.what == "smile":
        drawn.hold("smile", at_s, far, SMILE_S, lasts)
    elif cue.what == "brows":
        held = HELD_S["brows"] if lasts is None else lasts
        drawn.hold("brows", at_s, far if cue.way == "up" else -far, BROWS_S, held)
    elif cue.what == "tilt":
        held = HELD_S["tilt"] if lasts is None else lasts
        drawn.hold("roll_deg", at_s, TILTS[cue.way] * TILT_DEG * far, HEAD_S, held)
    elif cue.what == "look":
        yaw, pitch, x, y = LOOKS[cue.way]
        gaze = HELD_S["look"] if lasts is None and cue.way != "ahead" else lasts
        for name, share in (("gaze_x", x), ("gaze_y", y)):
            if share or name in drawn.keys:
                drawn.hold(name, at_s, share * LOOK_EYES * far, EYES_S, gaze)
        for name, share in (("yaw_deg", yaw), ("pitch_deg", pitch)):
            if share or (cue.way == "ahead" and name in drawn.keys):
                drawn.hold(name, at_s + EYES_FIRST_S, share * LOOK_DEG * far, HEAD_S, gaze)
    else:
        name, shape = {"nod": ("pitch_deg", NOD), "shake": ("yaw_deg", SHAKE), "blink": ("blink", BLINK)}[cue.what]
        drawn.play(name, at_s, [(after_s, value * (1.0 if cue.what == "blink" else far)) for after_s, value in shape])


class LiveActing:
    """Curves that are drawn while they are acted, and spans of closed lips; what is over is forgotten.

    Cues are added by one thread and acted by another: the keys are replaced, never changed.
    """

    def __init__(self) -> None:
        self._curves = Curves()
        self.lips_closed = deque[Span](maxlen=REMEMBERED_SPANS)

    def add(self, at_s: float, cue: Cue) -> None:
        """Let a direction begin at an instant of the stream."""
        if cue.what == LIPS_CLOSED:
            self.lips_closed.append((at_s, at_s + (cue.lasts_s or 0.0)))
            return
        drawn = _Drawn()
        kept = at_s - REMEMBERED_S
        for name, keys in self._curves.keys.items():
            over = [key for key in keys if key[0] < kept]
            drawn.keys[name] = [*over[-1:], *(key for key in keys if key[0] >= kept)]
        _draw(drawn, at_s, cue)
        self._curves = Curves({name: tuple(keys) for name, keys in drawn.keys.items()})

    def on(self, motion: FaceMotion, start_s: float = 0.0) -> FaceMotion:
        """See `Acting`."""
        return self._curves.on(motion, start_s)


class _Drawn:
    """Curves while they are drawn."""

    def __init__(self) -> None:
        self.keys: dict[str, list[Key]] = {}

    def hold(self, name: str, at_s: float, value: float, comes_s: float, lasts_s: float | None) -> None:
        """Let a curve come to a value, and go to 0 again after `lasts_s`; None: it stays."""
        points = [(at_s, 0.0), (at_s + comes_s, value)]
        if lasts_s is not None:
            gone_s = at_s + comes_s + max(lasts_s, 0.04)
            points += [(gone_s, value), (gone_s + comes_s, 0.0)]
        self.put(name, points)

    def play(self, name: str, at_s: float, shape: list[Key]) -> None:
        """Let a movement play from where the curve is then; by its end it is at 0."""
        now, lasts_s = self._now(name, at_s), shape[-1][0]
        self.put(name, [(at_s + after_s, value + now * (1 - after_s / lasts_s)) for after_s, value in shape])

    def _now(self, name: str, at_s: float) -> float:
        return float(Curves({name: tuple(self.keys.get(name, ()))}).at(name, np.array([at_s]))[0])

    def put(self, name: str, points: list[Key]) -> None:
        """Draw on from where the curve is at the first point's instant; what was to come there later does not."""
        start_s = points[0][0]
        now = self._now(name, start_s)
        kept = [key for key in self.keys.get(name, []) if key[0] < start_s]
        self.keys[name] = [*kept, (start_s, now), *points[1:]]
