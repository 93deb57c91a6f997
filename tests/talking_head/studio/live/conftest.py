"""A studio with live people, for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.talking_head.studio.live.serving import serving
from tests.talking_head.voices.speaker import COMMAND


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a studio whose voice is a program of the tests'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKING_HEAD_VOICE", COMMAND)
        with serving(tmp_path_factory.mktemp("home")) as address:
            yield address
