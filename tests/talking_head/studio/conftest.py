"""One studio at work for the tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.talking_head.studio.serve import Served, served


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio without a token, in a home whose name has a blank."""
    with served(tmp_path_factory.mktemp("studio") / "a home") as found:
        yield found
