"""A centre that may be harmed: each test leaves it healthy for the next."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import DemoCentre


@pytest.fixture(scope="session")
def centre() -> Iterator[DemoCentre]:
    """A quiet centre; stopped at the end, whatever was done to it."""
    with tempfile.TemporaryDirectory(prefix="tahuri-fault-") as place:
        running = DemoCentre(Path(place) / "data")
        try:
            running.start()
            yield running
        finally:
            running.stop()
