"""The list of findings: one row each, opened again when it comes again.  Pure."""

from datetime import datetime

from msgspec import field
from msgspec.structs import replace

from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.ids import PersonalId
from tahuri.kernel.view import Row, View
from tahuri.watch.events import FindingAccepted, FindingClosed, FindingOpened


class FindingRow(Row, frozen=True):
    """A finding as it stands."""

    finding_id: str
    code: str = ""
    about: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    state: str = "closed"
    """``open``, ``accepted`` or ``closed``."""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    accepted_by: str | None = None
    reason: PersonalId | None = None
    node: str = ""
    """Whose watch saw it."""
    times: int = 0
    """How often it has opened."""


def keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The finding's own row."""
    known = isinstance(event, FindingOpened | FindingClosed | FindingAccepted)
    return (stream.key,) if known else ()


def fold(row: FindingRow, fact: Fact) -> FindingRow:
    """The finding after the fact."""
    match fact.event:
        case FindingOpened() as event:
            return FindingRow(
                finding_id=row.finding_id,
                code=event.code,
                about=event.about,
                numbers=event.numbers,
                node=event.node,
                state="open",
                opened_at=fact.at,
                times=row.times + 1,
            )
        case FindingClosed():
            return replace(row, state="closed", closed_at=fact.at)
        case FindingAccepted() as event:
            return replace(row, state="accepted", accepted_by=fact.actor, reason=event.reason)
        case _:
            return row


FINDINGS = View("finding", FindingRow, "finding_id", keys, fold, personal=("reason",))
VIEWS = (FINDINGS,)
