"""Everything that decides an enrollment, in one YAML file: `enroll --config`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import configs
from foundation.config import configure, load_yaml
from foundation.errors import InputError
from render2video.profiles import profile_config_type
from talking_head.motion.model_registry import motion_entry, motion_models
from talking_head.target.settings import EnrollSettings

START = "from"  # what the file and the command line call `EnrollSettings.start`, which Python keeps for itself
_FREE = ("models", "video")  # their keys are those of other dataclasses
_LENGTHS = {"epochs", "min_steps", "steps", "person_steps", "person_stage1", "person_stage2"}


def read_settings(config: Path | str, given: Mapping[str, Any] | None = None) -> EnrollSettings:
    """The settings that a YAML file says, over the defaults.

    Args:
        config: the file, or the name of one that ships (`enroll/paper`). Its keys are the fields of `EnrollSettings`,
            with `from` for `start`; `models` and `video` hold settings of motion models and of the profile's network.
        given: fields that the command line says, over the file's.

    Raises:
        InputError: no such file, an unknown key (the nearest is named), or a value of the wrong kind.
    """
    path = configs.find(str(config)) or Path(config)
    said = load_yaml(path)
    _refuse_unknown(said, path)
    if START in said:
        start = said.pop(START)
        said["start"] = [start] if isinstance(start, str) else start
    over: dict[str, Any] = {name: _mapping(said.pop(name, None) or {}, f"{path}, {name}") for name in _FREE}
    settings = replace(configure(EnrollSettings, said, str(path)), **(over | dict(given or {})))
    for name in settings.models:
        motion_config(settings, name, str(path))
    video_config(settings, str(path))
    return settings


def _refuse_unknown(said: Mapping[str, Any], path: Path) -> None:
    known = [START if field.name == "start" else field.name for field in fields(EnrollSettings)]
    for key in said:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise InputError(f"unknown key '{key}' in {path}", f"one of {', '.join(known)}", f"did you mean '{near}'?")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place} is a {type(value).__name__}", "a mapping")
    return value


def motion_config(settings: EnrollSettings, name: str, source: str = "models") -> Any:
    """The settings of a motion model; None where nothing is said of it.

    Raises:
        InputError: no motion model of that name, an unknown key or a value of the wrong kind.
    """
    if name not in motion_models():
        near = difflib.get_close_matches(name, motion_models(), n=1, cutoff=0.0)[0]
        received = f"settings of motion model '{name}' in {source}"
        raise InputError(received, f"one of {', '.join(motion_models())}", f"did you mean '{near}'?")
    said = settings.models.get(name)
    if not said:
        return None
    place = f"{source}: {name}"
    return configure(motion_entry(name).config, _mapping(said, place), place)


def video_config(settings: EnrollSettings, source: str = "video") -> Any:
    """The settings of the profile's video network.

    Raises:
        InputError: an unknown key or a value of the wrong kind.
    """
    return configure(profile_config_type(settings.profile), settings.video, f"{source}, video")


def says_its_length(settings: EnrollSettings, name: str) -> bool:
    """Whether the settings of a motion model say how long it is trained, so that the time budget does not."""
    return _has_length(settings.models.get(name) or {})


def _has_length(said: Mapping[str, Any]) -> bool:
    return any(key in _LENGTHS or (isinstance(value, dict) and _has_length(value)) for key, value in said.items())
