"""Measures what ``docs/performance.md`` promises: ``./tahuri bench [AREA] [--json FILE]``.

It stands on the phones and centres of the tests, whose folders are no packages.
"""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS.parent), str(TESTS), str(TESTS / "telephony")]
