"""What is fixed of live people, and what may be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from face_model.tracks import SPEECH_RATE_HZ

PIECE_S = 0.02  # of sound: what is heard, and sent, at once


@dataclass(frozen=True)
class LiveSettings:
    """sound_hz: of what is heard and sent. look_ahead_s: of the motion. people: who may live at once; each keeps a core
    or so busy. linger_s: how long somebody whom nobody watches stays, so that who comes back need not wait.
    painting: frames that are painted, or wait for it, when no more are begun. late_s: a frame later than this is not
    painted, unless none was for seldom_s. lost_s: sound later than this does not reach the face any more. begin_s: of a
    microphone's sound that is gathered before any is heard; most_s: of it, beyond which the oldest goes. queue_s: of
    other sound that waits to be said. viewers: of one person. text: characters that are said at once. video_queue,
    sound_queue: messages that wait for a slow viewer.
    """

    sound_hz: int = SPEECH_RATE_HZ
    look_ahead_s: float = 2 / 30  # two frames of motion: a third costs 33 ms and gives lips little (docs/streaming.md)
    people: int = 2
    linger_s: float = 30.0
    painting: int = 3
    late_s: float = 0.16
    seldom_s: float = 0.5
    lost_s: float = 1.0
    begin_s: float = 0.04
    most_s: float = 0.2
    queue_s: float = 600.0
    viewers: int = 32
    text: int = 5000
    video_queue: int = 6
    sound_queue: int = 100

    @property
    def piece(self) -> int:
        """Samples heard at once."""
        return round(PIECE_S * self.sound_hz)
