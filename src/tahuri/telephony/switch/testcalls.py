"""Test calls: who may make them, and whether those that must come do come.

A test call is answered at once and hears itself (RFC 6881 §15).  It takes no place in the queue, no
seat and no recording; its facts say what it was.
"""

from tahuri.telephony.protocol.snapshot import Alarm
from tahuri.telephony.sip import events
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.switch import identity
from tahuri.telephony.switch.core import Core

EDGE = "edge"
"""The line of test calls that this machine makes to itself."""
PERIODS_MAX = 3
"""Test calls in a row that may fail to come before the absence is an alarm."""


def is_test(core: Core, event: events.Incoming) -> bool:
    """Whether the INVITE asks for loop-back.  One that cannot be read does not."""
    try:
        return identity.purpose_of(event.request, core.settings.test_numbers).test
    except BadValue:
        return False


def is_own_test(core: Core, event: events.Incoming) -> bool:
    """Whether this machine tries its own edge."""
    return event.flow.host == core.settings.test_source and is_test(core, event)


def came(core: Core, line: str) -> None:
    """A test call came by this line and was answered."""
    core.tested[line] = (core.monotonic_s(), core.now())
    core.count("test-calls")
    core.changed()


def missing(core: Core) -> list[Alarm]:
    """An alarm for each line by which no test call has come for too long.

    Counted from the start of this process where none has come at all.
    """
    every_s = core.settings.test_call_every_s
    if every_s <= 0:
        return []
    late_s = core.monotonic_s() - PERIODS_MAX * every_s
    last = {line: core.tested.get(line, core.begun) for line in core.settings.test_lines}
    return [
        Alarm(code="test-call-missing", since=at, about=line)
        for line, (at_s, at) in last.items()
        if at_s < late_s
    ]
