"""Films as jobs: a person says a sound; and the preview of a person."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from foundation.errors import InputError
from foundation.shipped import shipped
from talking_head.motion.directions import Directions
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.target.card import find_target
from talking_head.voices.choosing import voice_for_others
from talking_head.voices.cues import read_script
from talking_head.voices.interface import LONGEST_TEXT

if TYPE_CHECKING:
    from talking_head.synth.film import Synthesis
    from talking_head.synth.framing import Framing

PREVIEW_HEIGHT_PX, PREVIEW_S = 256, 4.0


class Feeling(BaseModel):
    """An emotion from a moment on, until the next."""

    time_s: float = Field(ge=0, le=86_400)
    emotion: str = Field(pattern="^[A-Za-z0-9_-]{1,40}$")
    strength: float = Field(default=1.0, ge=0, le=1)


class DirectedAsked(Asked):
    """How a person is to speak. emotion: NAME or NAME:0.7; emotions: over time, instead. head: a name or a number, as
    `synth --head`.
    """

    target: str
    motion: str | None = None
    emotion: str | None = None
    emotions: list[Feeling] = Field(default=[], max_length=1000)
    style: str | None = None
    head: str | float | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)

    def directions(self, bench: Bench) -> Directions:
        """As synthesis takes them.

        Raises:
            InputError: a share of the head's motion that there is not, or emotions twice.
        """
        directions = Directions(self.motion, self.emotion, style=self.style, head=self.head)
        directions.head_share()
        if self.emotions and self.emotion is not None:
            raise InputError("emotion and emotions", "one of them")
        if not self.emotions or not bench.job:
            return directions
        table = bench.work() / "emotions.csv"
        rows = [f"{one.time_s:g},{one.emotion},{one.strength:g}" for one in self.emotions]
        table.write_text("\n".join(["time_s,emotion,intensity", *rows, ""]), encoding="utf-8")
        bench.names[str(table)] = "emotions"
        return replace(directions, emotions=table)

    def check(self, bench: Bench) -> None:
        find_target(bench.home, self.target)
        self.directions(bench)


class FilmAsked(DirectedAsked):
    """The film of it: its picture's shape and height, what is behind the person, and whether a label is on it."""

    aspect: Literal["9:16", "1:1", "16:9"] | None = None
    height: int | None = Field(default=None, ge=64, le=2160, multiple_of=2)
    background: str | None = Field(default=None, pattern="^(#[0-9a-fA-F]{6}|black|white|grey|green|blue|transparent)$")
    label: bool = True

    def framing(self) -> Framing:
        """As synthesis takes it."""
        from talking_head.synth.framing import Framing

        return Framing(self.aspect, self.height, self.background)

    @property
    def suffix(self) -> str:
        """Of the film's name."""
        return ".webm" if self.background == "transparent" else ".mp4"


class SynthAsked(FilmAsked):
    """A person says what an upload says."""

    kind: Literal["synth"] = "synth"
    upload: str

    def check(self, bench: Bench) -> None:
        super().check(bench)
        bench.sound(self.upload)

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.synth.film import synthesize

        made = synthesize(
            bench.sound(self.upload), self.target, bench.output(f"{self.target}{self.suffix}"),
            directions=self.directions(bench), seed=self.seed, framing=self.framing(), label=self.label,
        )
        return told_film(made)


class SayAsked(FilmAsked):
    """A person says a text, which may have directions in brackets. voice: a name of `GET /v1/voices`."""

    kind: Literal["say"] = "say"
    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    voice: str | None = Field(default=None, max_length=80)

    def check(self, bench: Bench) -> None:
        super().check(bench)
        read_script(self.text)
        voice_for_others(self.voice)

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.voices.film import say

        made = say(
            self.text, self.target, bench.output(f"{self.target}{self.suffix}"), voice=voice_for_others(self.voice),
            directions=self.directions(bench), seed=self.seed, framing=self.framing(), label=self.label,
        )
        return told_film(made)


class PreviewAsked(Asked):
    """A short film of a person, kept for the page."""

    kind: Literal["preview"] = "preview"
    public = False
    target: str

    def work(self, bench: Bench) -> dict[str, Any]:
        from face_model.tracks import SPEECH_RATE_HZ, Sound
        from preprocessing.media import stream_sound
        from talking_head.synth.film import synthesize
        from talking_head.synth.framing import Framing
        from talking_head.voices.film import write_wav

        person = find_target(bench.home, self.target)
        height = min(PREVIEW_HEIGHT_PX, person.card.height_px)
        film, speech = bench.work() / "preview.mp4", bench.work() / "speech.wav"
        samples = next(stream_sound(shipped("astronaut/speech.flac"), chunk_s=PREVIEW_S))
        write_wav(speech, Sound(samples, SPEECH_RATE_HZ))
        synthesize(speech, self.target, film, framing=Framing(None, height - height % 2))
        film.replace(bench.place.preview_film(person))
        return {"target": self.target}


def told_film(made: Synthesis) -> dict[str, Any]:
    """What is told of a film besides its file: `note` for people, times, sizes."""
    return {name: value for name, value in asdict(made).items() if name != "output"}
