"""Lines, the notice that callers hear, the switch's disk, and what could not be read.

Streams: ``trunk/<name>``, ``centre/surge``, ``disk/<node>``, and whichever a fact came on.
"""

from datetime import datetime

from tahuri.kernel.event import Event
from tahuri.kernel.ids import PersonalId


class SurgeSwitched(Event, frozen=True, tag="calls.surge-switched"):
    """Callers hear this recorded notice before the queue.  Stream: ``centre/surge``."""

    notice: str | None
    """Its name; None: the ordinary one again."""


class TrunkUp(Event, frozen=True, tag="calls.trunk-up"):
    """A line to the telephone network answers, or has called."""


class TrunkDown(Event, frozen=True, tag="calls.trunk-down"):
    """A line to the telephone network does not answer."""

    status: int | None = None
    """The SIP status it answered, if it did."""
    fault: str = ""
    """Why it could not be reached, such as ``connection-refused`` or ``certificate-expired``;
    empty where it just did not answer."""


class TrunkRemoved(Event, frozen=True, tag="calls.trunk-removed"):
    """The settings name the line no longer."""


class DiskFilled(Event, frozen=True, tag="calls.disk-filled"):
    """The switch's disk took no more facts: from here on they came from its reserve."""

    fault: str
    """``full``, ``failing``, or ``limit``: as many as the spool may keep."""
    reserve_bytes: int
    """What the reserve had room for."""


class DiskFreed(Event, frozen=True, tag="calls.disk-freed"):
    """The switch's disk took facts again."""

    since: datetime
    """When it began to refuse."""
    until: datetime


class FactsLost(Event, frozen=True, tag="calls.facts-lost"):
    """So many facts of the switch found neither disk nor room in memory, and are in no log."""

    facts: int


class FactUnreadable(Event, frozen=True, tag="calls.fact-unreadable"):
    """The switch handed over what this version cannot read or record; it is kept whole."""

    event_type: str
    content: PersonalId | None = None
    position: int = 0
    """In the switch's spool; 0 in facts that were stored before."""
    reason: str = ""
    """``no-fact``: not a fact's shape; ``unknown``: of a type, or a shape, that this version does
    not know; ``not-recorded``: a rule of the log broke over it."""


class FactsSetAside(Event, frozen=True, tag="calls.facts-set-aside"):
    """A piece of the switch's spool cannot be read: its file is kept whole beside the spool
    (``quarantine``), and these facts are in no log until somebody mends it."""

    file: str
    at: int
    """The byte where it begins."""
    bytes: int
    first: int
    last: int
    """Positions of the facts that it must have held; of what reads as zeros at most so many."""
    reason: str
    """``checksum`` or ``disk``."""
