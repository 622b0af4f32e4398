"""What the switch told and the log could not read is a finding at once, in the same write."""

from datetime import datetime

from tahuri.calls.events import FactsSetAside, FactUnreadable
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.log import Log
from tahuri.watch.decider import FINDING, Report
from tahuri.watch.reconcile import Difference

SPOOL = "spool"
"""Key of the stream ``disk`` where there is but one node."""


async def follow(log: Log, stream: StreamId, event: Event, at: datetime) -> None:
    """Open a finding: one a day for each kind of fact, one for each damaged file."""
    match event:
        case FactUnreadable():
            about = f"{event.event_type} {at:%Y-%m-%d}"
            found = Difference("fact-unreadable", about, {"position": event.position})
        case FactsSetAside():
            numbers = {"first": event.first, "last": event.last}
            node = stream.key if stream.key != SPOOL else ""
            found = Difference("facts-set-aside", event.file, dict(numbers), node)
        case _:
            return
    finding = StreamId("finding", found.key)
    state = FINDING.state(await log.read(finding))
    report = Report(found.code, found.about, found.numbers, found.node)
    await log.append(finding, FINDING.decide(report, state), actor="serve")
