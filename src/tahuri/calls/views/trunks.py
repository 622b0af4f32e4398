"""Lines to the telephone network: one row a trunk."""

from datetime import datetime

from msgspec.structs import replace

from tahuri.calls.events import TrunkDown, TrunkRemoved, TrunkUp
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.view import Row, View


class TrunkRow(Row, frozen=True):
    """A line to the telephone network as it stands."""

    trunk: str
    state: str = "up"
    """``up``, ``down`` or ``removed``."""
    since: datetime | None = None
    status: int | None = None
    """What it answered instead of carrying calls, if anything."""
    fault: str = ""
    """Why it could not be reached, as far as that is known."""


def trunk_keys(stream: StreamId, event: Event) -> tuple[str, ...]:
    """The trunk's own row."""
    return (stream.key,) if isinstance(event, TrunkUp | TrunkDown | TrunkRemoved) else ()


def trunk_fold(row: TrunkRow, fact: Fact) -> TrunkRow:
    """The trunk after the fact."""
    match fact.event:
        case TrunkUp():
            return replace(row, state="up", since=fact.at, status=None, fault="")
        case TrunkDown() as event:
            return replace(row, state="down", since=fact.at, status=event.status, fault=event.fault)
        case TrunkRemoved():
            return replace(row, state="removed", since=fact.at, status=None, fault="")
        case _:
            return row


TRUNKS = View("trunk", TrunkRow, "trunk", trunk_keys, trunk_fold)
