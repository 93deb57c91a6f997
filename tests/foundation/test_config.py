"""A wrong value is told with its key, a wrong key with the nearest one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from foundation.config import configure
from foundation.errors import InputError


@dataclass
class Inner:
    width: int = 3


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    rate: float = 1.0


def test_a_value_of_the_wrong_type_is_told_with_its_key() -> None:
    assert configure(Outer, {"inner": {"width": 5}}) == Outer(Inner(5), 1.0)
    with pytest.raises(InputError, match=r"file\.yaml: inner\.width: .*'wide'"):
        configure(Outer, {"inner": {"width": "wide"}}, "file.yaml")
    with pytest.raises(InputError, match=r"file\.yaml: rate: .*'fast'"):
        configure(Outer, {"rate": "fast"}, "file.yaml")
    with pytest.raises(InputError, match=r"file\.yaml: "):
        configure(Outer, {"rate": {}}, "file.yaml")


def test_an_unknown_key_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'inner.width'|did you mean 'width'"):
        configure(Outer, {"inner": {"widht": 5}})
