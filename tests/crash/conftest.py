"""One interpreter to fork from, for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.forks import Forks
from tests.support import python_environment


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Give an interpreter to fork runs of llmpool from."""
    place = tmp_path_factory.mktemp("forks")
    with Forks(python_environment(place), place) as running:
        yield running
