"""Streams ``trunk/<name>``, ``centre/surge`` and ``disk/<node, or "spool">``."""

from datetime import datetime

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import DamageReason, DiskFault


class TrunkUp(Body, frozen=True, tag="calls.trunk-up"):
    """The trunk answers, or has called."""


class TrunkDown(Body, frozen=True, tag="calls.trunk-down"):
    """The trunk has not answered twice in a row, or says that it is out of service."""

    status: int | None = None
    """The SIP status it answered, if it did."""
    fault: str = ""
    """Why it cannot be reached (`telephony.sip.tls.fault_of`); empty: it just does not answer."""


class TrunkRemoved(Body, frozen=True, tag="calls.trunk-removed"):
    """The settings name it no longer."""


class SurgeSwitched(Body, frozen=True, tag="calls.surge-switched"):
    """Callers hear this recorded notice before the queue; None: the ordinary one."""

    notice: str | None


class DiskFilled(Body, frozen=True, tag="calls.disk-filled"):
    """The disk takes no more facts of the switch: they go to its reserve."""

    fault: DiskFault
    reserve_bytes: int
    """What the reserve has room for."""


class DiskFreed(Body, frozen=True, tag="calls.disk-freed"):
    """The disk takes facts again."""

    since: datetime
    """When it began to refuse."""
    until: datetime


class FactsLost(Body, frozen=True, tag="calls.facts-lost"):
    """So many facts found neither disk nor room in memory, or were in memory alone in a kill."""

    facts: int


class FactsSetAside(Body, frozen=True, tag="calls.facts-set-aside"):
    """A piece of the spool cannot be read: its file is kept whole in the folder ``quarantine`` of
    the spool, and the facts behind it go on."""

    file: str
    at: int
    """The byte where it begins."""
    bytes: int
    first: int
    last: int
    """Positions of the facts that it must have held; of what reads as zeros at most so many."""
    reason: DamageReason
