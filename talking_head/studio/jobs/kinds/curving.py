"""Curves as jobs: making them, and films and files of what they became."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from foundation.errors import InputError
from talking_head.studio.answers import not_found
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.studio.jobs.kinds.exporting import SUFFIXES
from talking_head.studio.jobs.kinds.films import DirectedAsked, told_film
from talking_head.studio.place import KEY, StudioPlace
from talking_head.target.card import find_target
from talking_head.voices.choosing import voice_for_others
from talking_head.voices.cues import read_script
from talking_head.voices.interface import LONGEST_TEXT, RATE_HZ

if TYPE_CHECKING:
    from talking_head.studio.curves.session import CurveSession


def find_session(place: StudioPlace, curves: str) -> CurveSession:
    """Curves by their key.

    Raises:
        StudioError: there are none, or they are not made yet.
    """
    from talking_head.studio.curves.session import ABOUT, CurveSession

    folder = place.jobs / curves
    if not KEY.fullmatch(curves) or not (folder / ABOUT).is_file():
        raise not_found("curves that are not here", "make them with POST /v1/curves, and wait until they are ready")
    return CurveSession.of(folder)


def edited(bench: Bench, curves: str) -> tuple[CurveSession, Path]:
    """Curves by their key, and the motion that they are now, in a file of the job's."""
    session, motion = find_session(bench.place, curves), bench.work() / "edited.safetensors"
    session.motion().save(motion)
    bench.names[str(motion)] = "curves"
    return session, motion


class CurvesAsked(DirectedAsked):
    """How a motion model says an upload or a text, as curves."""

    kind: Literal["curves"] = "curves"
    upload: str | None = None
    text: str | None = Field(default=None, min_length=1, max_length=LONGEST_TEXT)
    voice: str | None = Field(default=None, max_length=80)

    def check(self, bench: Bench) -> None:
        super().check(bench)
        if (self.upload is None) == (self.text is None):
            raise InputError("curves of nothing, or of two things", "upload, or text")
        if self.upload is not None:
            bench.sound(self.upload)
        else:
            read_script(self.text or "")
            voice_for_others(self.voice)

    def work(self, bench: Bench) -> dict[str, Any]:
        from dataclasses import replace

        from preprocessing.media import read_sound
        from talking_head.motion.speaking import speak
        from talking_head.studio.curves.session import SOUND, CurveSession
        from talking_head.target.settings import device_name
        from talking_head.voices.film import write_wav
        from talking_head.voices.speaking import spoken

        person, heard, how = find_target(bench.home, self.target), bench.output(SOUND), self.directions(bench)
        if self.upload is not None:
            write_wav(heard, read_sound(bench.sound(self.upload), RATE_HZ))
        else:
            said = spoken(self.text or "", voice_for_others(self.voice))
            write_wav(heard, said.sound)
            how = replace(how, curves=said.curves, lips_closed=said.lips_closed)
        motion = speak(heard, person, self.seed, device_name("auto"), how)
        CurveSession.begun(bench.folder, person.id, motion)
        return {"target": person.id, "seconds": motion.duration_s}


class CurvesFilmAsked(Asked):
    """A film of curves as they are now."""

    kind: Literal["curves_film"] = "curves_film"
    curves: str
    aspect: Literal["9:16", "1:1", "16:9"] | None = None
    height: int | None = Field(default=None, ge=64, le=2160, multiple_of=2)
    label: bool = True

    def check(self, bench: Bench) -> None:
        find_session(bench.place, self.curves)

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.synth.film import synthesize
        from talking_head.synth.framing import Framing

        session, motion = edited(bench, self.curves)
        made = synthesize(
            session.sound, session.target, bench.output(f"{session.target}.mp4"), driving=motion,
            framing=Framing(self.aspect, self.height), label=self.label,
        )
        return told_film(made)


class CurvesExportAsked(Asked):
    """A file of curves as they are now, for other programs."""

    kind: Literal["curves_export"] = "curves_export"
    curves: str
    format: Literal["livelink", "gltf", "npz", "openface"]

    def check(self, bench: Bench) -> None:
        find_session(bench.place, self.curves)

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.animation.export import export

        session, motion = edited(bench, self.curves)
        goal = bench.output(f"{session.target}{SUFFIXES[self.format]}")
        made = export(motion, session.target, goal, format=self.format)
        return {name: value for name, value in asdict(made).items() if name != "output"}
