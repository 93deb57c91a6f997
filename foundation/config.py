"""Typed configuration: defaults live in dataclasses, YAML overrides them, an unknown key is an error."""

from __future__ import annotations

import difflib
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from foundation.errors import InputError, unreadable

ConfigT = TypeVar("ConfigT")


def known_keys(config_type: type, prefix: str = "") -> list[str]:
    """Dotted names of every field of a dataclass tree, nested dataclasses included."""
    names = []
    defaults = config_type()
    for field in fields(config_type):
        names.append(prefix + field.name)
        value = getattr(defaults, field.name)
        if is_dataclass(value):
            names += known_keys(type(value), f"{prefix}{field.name}.")
    return names


def _refuse_unknown(overrides: dict[str, Any], known: list[str], source: str, prefix: str = "") -> None:
    for key, value in overrides.items():
        name = f"{prefix}{key}"
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            here = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
            raise InputError(
                f"unknown key '{name}' in {source}",
                f"one of {', '.join(one for one in here if '.' not in one)}",
                f"did you mean '{near[0]}'?" if near else "",
            )
        if isinstance(value, dict):
            _refuse_unknown(value, known, source, f"{name}.")


def configure(config_type: type[ConfigT], overrides: dict[str, Any], source: str = "overrides") -> ConfigT:
    """A `config_type` with `overrides` (nested dicts) laid over its defaults.

    Raises:
        InputError: an unknown key (the nearest known one is named) or a value of the wrong type.
    """
    _refuse_unknown(overrides, known_keys(config_type), source)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(config_type), overrides)
        return OmegaConf.to_object(merged)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        place = f"{source}: {error.full_key}" if error.full_key else source
        raise InputError(f"{place}: {str(error).splitlines()[0]}", f"a valid {config_type.__name__}") from error
    except TypeError as error:  # a list where a mapping belongs: OmegaConf lets its own error out
        raise InputError(f"{source}: {str(error).splitlines()[0]}", f"a valid {config_type.__name__}") from error


def load_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        InputError: no such file, not YAML, or not a mapping.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}", "a YAML file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not readable as YAML ({str(error).splitlines()[0]})", "a YAML mapping") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}", "a YAML mapping")
    return content


def to_dict(config: Any) -> dict[str, Any]:
    """The dataclass tree as plain nested dicts, ready for JSON."""
    return asdict(config)
