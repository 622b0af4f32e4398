"""Which tests run beside which: what listens to sound and screens has a worker for itself."""

from typing import Any

import pytest

REAL_TIME = ("telephony", "e2e")
ALONE = ("faults",)
"""Taken by whichever worker is done first."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one group follow each other in one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        """Groups instead of modules."""

        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.split("/")[1]
            if folder in REAL_TIME:
                return "real-time"
            return folder if folder in ALONE else "others"

    return ByFolder(config, log)
