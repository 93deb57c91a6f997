"""A live person: three threads. One keeps the clock of sound, one hears, one sends on what is painted.

Sound goes on at the speed at which it is spoken, whatever painting costs: each piece is sent with the instant that it
has on the stream's clock, and handed on to be heard. Where painting cannot keep up, frames that would be late are not
painted, but for one now and then; where not even hearing can, the face goes on from the newest sound. Between
utterances the person hears silence, and lives on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talking_head.motion.directions import Directions
from talking_head.studio.live.encoding import CODECS, Encoder
from talking_head.studio.live.mouths import Mouths
from talking_head.studio.live.settings import PIECE_S, LiveSettings
from talking_head.studio.live.viewers import Viewer
from talking_head.synth.streaming import Begun, Speaker, open_speaker
from talking_head.voices.acting import LiveActing
from talking_head.voices.cues import Cue

log = logging.getLogger(__name__)

STALLED_S = 1.0  # behind its time by more, the clock goes on from now: the machine slept
KEY_APART_S = 0.5  # pictures that need no other are large
POLL_S = 0.5
QUIET_S = 0.3  # without sound, until somebody has stopped speaking
PREPARED_S = 0.4  # of silence before anybody watches


@dataclass
class Counts:
    """What a person did. pieces: of sound so far. painted: frames. missed: pieces that the face never heard."""

    pieces: int = 0
    painted: int = 0
    missed: int = 0


class LivePerson:
    """Somebody who lives until closed.

    Args:
        target: id. speaker: the target, opened; it has heard nothing yet. acting: what directs it.
    """

    def __init__(self, target: str, speaker: Speaker, acting: LiveActing, settings: LiveSettings) -> None:
        self.target, self.speaker, self.acting, self.settings = target, speaker, acting, settings
        self.mouths, self.counts = Mouths(settings), Counts()
        for _ in range(round(PREPARED_S / PIECE_S)):  # what compiles does so now, and the first frame need not wait
            self.counts.painted += len(list(self.speaker.hear(np.zeros(settings.piece, np.float32))))
            self.counts.pieces += 1
        self._hears_s = self.counts.pieces * PIECE_S  # of the speaker's own time
        self._missed = deque([(0.0, 0.0)])  # from which of its instants on it is how far behind the stream
        self.utterance = 0  # rises when what is being said is stopped
        self._viewers: tuple[Viewer, ...] = ()
        self._encoders: dict[str, Encoder] = {}
        self._keys_s: dict[str, float] = {}
        self._heard: queue.Queue[tuple[np.ndarray, list[Cue], float]] = queue.Queue()
        self._begun: queue.Queue[tuple[Begun, float]] = queue.Queue()
        self._closed, self._watched = threading.Event(), threading.Event()
        self._changing = threading.Lock()
        self._threads = [threading.Thread(target=self._guarded, args=(run,), daemon=True)
                         for run in (self._keep_time, self._hear, self._send_on)]
        for thread in self._threads:
            thread.start()

    @classmethod
    def of(cls, target: str, settings: LiveSettings, home: Path | None, seed: int, device: str = "auto") -> LivePerson:
        """A target, loaded.

        Args:
            seed: of all that is random.

        Raises:
            InputError: no such target, or one who cannot speak while sound is made.
        """
        acting = LiveActing()
        speaker = open_speaker(
            target, look_ahead_s=settings.look_ahead_s, rate_hz=settings.sound_hz, seed=seed, device=device, home=home,
            directions=Directions(curves=acting, lips_closed=acting.lips_closed),
        )
        return cls(target, speaker, acting, settings)

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    @property
    def time_s(self) -> float:
        """The instant of the stream that is heard now."""
        return self.counts.pieces * PIECE_S

    @property
    def alive(self) -> bool:
        """Whether it has not been closed, nor ended by a fault."""
        return not self._closed.is_set()

    def add(self, viewer: Viewer) -> None:
        """Let somebody watch."""
        with self._changing:
            self._viewers = (*self._viewers, viewer)
            self._watched.set()

    def remove(self, viewer: Viewer) -> None:
        """They watch no more."""
        with self._changing:
            self._viewers = tuple(one for one in self._viewers if one is not viewer)
            if not self._viewers:
                self._watched.clear()

    def stop(self) -> None:
        """Let the person fall silent at once."""
        self.utterance += 1
        self.mouths.clear()
        self._tell({"type": "stopped", "time_s": round(self.counts.pieces * PIECE_S, 3)})

    def close(self) -> None:
        """End the person; viewers are told nothing."""
        self._closed.set()
        self._watched.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self.speaker.close()

    def _tell(self, event: dict[str, Any]) -> None:
        for viewer in self._viewers:
            viewer.tell(event)

    def _guarded(self, run: Any) -> None:
        try:
            run()
        except Exception:  # viewers must not wait for ever
            log.exception("live '%s' ended", self.target)
            self._tell({"type": "ended"})
            self._closed.set()
            self._watched.set()

    def _keep_time(self) -> None:
        began, spoke, quiet = time.monotonic(), False, 0
        while not self._closed.is_set():
            if not self._watched.is_set():  # nobody is there: time stands still
                self._watched.wait()
                began = time.monotonic() - self.counts.pieces * PIECE_S
                continue
            due = began + (self.counts.pieces + 1) * PIECE_S
            early = due - time.monotonic()
            if early > 0 and self._closed.wait(early):
                return
            if early < -STALLED_S:
                began -= early
                due -= early
            sound, cues, speaks = self.mouths.take(self.settings.piece)
            time_s = self.counts.pieces * PIECE_S
            for viewer in self._viewers:
                viewer.sound(sound, time_s)
            quiet = 0 if speaks else quiet + 1
            if speaks != spoke and (speaks or quiet * PIECE_S >= QUIET_S):
                self._tell({"type": "speaking", "speaking": speaks, "time_s": round(time_s, 3)})
                spoke = speaks
            self.counts.pieces += 1
            self._heard.put((sound, cues, due))

    def _hear(self) -> None:
        limits, begun_s = self.settings, time.monotonic()
        while not self._closed.is_set():
            try:
                sound, cues, due = self._heard.get(timeout=POLL_S)
            except queue.Empty:
                continue
            now = time.monotonic()
            if now - due > limits.lost_s:  # the machine does not even hear as fast as is spoken: go on from now
                self._missed.append((self._hears_s, self._missed[-1][1] + PIECE_S))
                self.counts.missed += 1
                continue
            for cue in cues:
                self.acting.add(self._hears_s, cue)
            self._hears_s += PIECE_S
            late = now - due > limits.late_s or self._begun.qsize() >= limits.painting
            if late and now - begun_s < limits.seldom_s:
                self.speaker.skip(sound)
                continue
            for frame in self.speaker.begin(sound):
                begun_s = now
                self._begun.put((frame, self._on_the_stream(frame.time_s)))

    def _send_on(self) -> None:
        while not self._closed.is_set():
            try:
                frame, time_s = self._begun.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self._show(frame.spoken()[0].picture, time_s)

    def _on_the_stream(self, time_s: float) -> float:
        """The instant of the stream that the speaker's own instant is: it did not hear what it missed."""
        while len(self._missed) > 1 and self._missed[1][0] < time_s + 1 / self.speaker.fps:
            self._missed.popleft()
        return time_s + self._missed[0][1]

    def _show(self, picture: np.ndarray, time_s: float) -> None:
        self.counts.painted += 1
        viewers = self._viewers
        for gone in self._encoders.keys() - {viewer.codec for viewer in viewers}:
            del self._encoders[gone]
        for codec in {viewer.codec for viewer in viewers}:
            takers = [viewer for viewer in viewers if viewer.codec == codec]
            if not codec:
                for viewer in takers:
                    viewer.picture(picture, time_s)
                continue
            encoder, key = self._encoders.get(codec), any(viewer.wants_key for viewer in takers)
            if encoder is None:
                encoder = CODECS[codec].make(self.speaker.width_px, self.speaker.height_px, self.speaker.fps)
                self._encoders[codec], self._keys_s[codec] = encoder, -1.0
            key = key and time_s - self._keys_s[codec] >= KEY_APART_S
            packet = encoder(picture, time_s, key)
            self._keys_s[codec] = time_s if packet.key else self._keys_s[codec]
            for viewer in takers:
                viewer.packet(packet)
