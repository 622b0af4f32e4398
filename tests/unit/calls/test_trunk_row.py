"""The row of a trunk, as supervisors see it."""

from facts import fact, row_after

from tahuri.calls.events import CallQueued, TrunkDown, TrunkRemoved, TrunkUp
from tahuri.calls.views import TRUNKS
from tahuri.calls.views.trunks import TrunkRow, trunk_fold
from tahuri.kernel.event import Event, StreamId


def after(*events: Event) -> TrunkRow:
    """The row of the trunk telkom."""
    facts = [fact(e, second=n, seq=n + 1, stream="trunk/telkom") for n, e in enumerate(events)]
    row: TrunkRow = row_after(TRUNKS, "telkom", facts)
    return row


def test_a_trunk_that_goes_down_says_what_it_answered() -> None:
    """503 is the carrier's fault, silence may be the line's."""
    assert (after(TrunkUp()).state, after(TrunkUp()).status) == ("up", None)
    down = after(TrunkUp(), TrunkDown(status=503))
    assert (down.state, down.status, down.fault) == ("down", 503, "")
    assert down.since is not None
    assert after(TrunkDown(fault="certificate-expired")).fault == "certificate-expired"
    up = after(TrunkDown(status=503, fault="connection-refused"), TrunkUp())
    assert (up.state, up.status, up.fault) == ("up", None, "")
    assert after(TrunkUp(), TrunkRemoved()).state == "removed"


def test_only_facts_of_trunks_touch_the_row() -> None:
    """A call by the trunk changes nothing of it."""
    stream = StreamId.parse("trunk/telkom")
    assert TRUNKS.keys(stream, TrunkUp()) == ("telkom",)
    assert TRUNKS.keys(StreamId.parse("call/C1"), CallQueued()) == ()
    row = after(TrunkUp())
    assert trunk_fold(row, fact(CallQueued(), stream="trunk/telkom")) == row
