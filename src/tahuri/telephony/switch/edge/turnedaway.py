"""Whose calls were refused last, and why.  In memory only; each refusal is a fact besides.

A carrier that calls from a new address, or with sound that we do not take, is found here, not in a
packet dump.
"""

from datetime import datetime

from msgspec.structs import replace

from tahuri.telephony.protocol.snapshot import RefusedView
from tahuri.telephony.protocol.words import RefusedReason

KEPT_MAX = 20


class TurnedAway:
    """One row for each address and reason; of the oldest, strangers go before trunks."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, RefusedReason], RefusedView] = {}

    def note(
        self, source: str, trunk: str | None, status: int, reason: RefusedReason, now: datetime
    ) -> None:
        """A call from ``source`` was answered ``status``."""
        before = self._rows.pop((source, reason), None)
        self._rows[source, reason] = (
            RefusedView(
                source=source,
                trunk=trunk,
                status=status,
                reason=reason,
                count=1,
                first_at=now,
                last_at=now,
            )
            if before is None
            else replace(before, trunk=trunk, status=status, count=before.count + 1, last_at=now)
        )
        if len(self._rows) > KEPT_MAX:
            strangers = (key for key, row in self._rows.items() if row.trunk is None)
            del self._rows[next(strangers, next(iter(self._rows)))]

    def rows(self) -> list[RefusedView]:
        """The latest first."""
        return list(reversed(self._rows.values()))
