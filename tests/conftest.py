"""Which tests run beside which: what listens to sound and screens has a worker for itself."""

from typing import Any

import pytest

REAL_TIME = ("telephony", "e2e")
ALONE = ("faults",)
"""Taken by whichever worker is done first."""
SCREENS = (
    "test_admin.py",
    "test_console_alone.py",
    "test_console_dispatch.py",
    "test_field.py",
    "test_telephone.py",
)
"""Likewise: what nobody listens to in ``e2e``."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one group follow each other in one worker."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        """Groups instead of modules."""

        def _split_scope(self, nodeid: str) -> str:
            _, folder, *rest = nodeid.split("/")
            if folder == "e2e" and rest[0].startswith(SCREENS):
                return "screens"
            if folder in REAL_TIME:
                return "real-time"
            return folder if folder in ALONE else "others"

    return ByFolder(config, log)
