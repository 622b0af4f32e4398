"""Facts about what the watch found.  Stream: ``finding/<code>:<about>[@<node>]``.

A finding is a difference that lasted: between log, switch, media and disk, or between what is and
what should be.  Opened and closed are facts, so that "we noticed, at that minute" can be proved.
"""

from msgspec import field

from tahuri.kernel.event import Event
from tahuri.kernel.ids import PersonalId


class FindingOpened(Event, frozen=True, tag="watch.finding-opened"):
    """Something is not as it must be, and has not been for longer than chance explains."""

    code: str
    about: str
    """What it is about: a call, a recording's path, a trunk, a limit; never a person."""
    numbers: dict[str, float] = field(default_factory=dict)
    """What was measured, by name; units end the names."""
    node: str = ""
    """Whose watch saw it; empty where there is but one node, or where all see it alike."""


class FindingClosed(Event, frozen=True, tag="watch.finding-closed"):
    """It is as it must be again."""


class FindingAccepted(Event, frozen=True, tag="watch.finding-accepted"):
    """A supervisor knows of it and says why it stays: it alarms no longer."""

    reason: PersonalId
