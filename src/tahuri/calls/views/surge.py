"""Whether callers hear a recorded notice: one row."""

from datetime import datetime

from msgspec.structs import replace

from tahuri.calls.events import SurgeSwitched
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.view import Row, View


class SurgeRow(Row, frozen=True):
    """Whether callers hear a recorded notice; one row, ``surge``."""

    surge_id: str
    notice: str | None = None
    since: datetime | None = None
    operator_id: str | None = None


def surge_keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The one row."""
    return ("surge",) if isinstance(event, SurgeSwitched) else ()


def surge_fold(row: SurgeRow, fact: Fact) -> SurgeRow:
    """What callers hear after the fact."""
    event = fact.event
    assert isinstance(event, SurgeSwitched)
    on = event.notice is not None
    return replace(
        row,
        notice=event.notice,
        since=fact.at if on else None,
        operator_id=fact.actor if on else None,
    )


SURGE = View("surge", SurgeRow, "surge_id", surge_keys, surge_fold)
