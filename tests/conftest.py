"""Which tests run beside which: what listens to sound and screens has a worker for itself."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
REAL_TIME = ("telephony", "e2e", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two groups, for two workers: those that would disturb each other follow each other."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        group = "real-time" if folder in REAL_TIME else "others"
        item.add_marker(pytest.mark.xdist_group(group))
