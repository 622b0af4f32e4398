"""The slow lane: calls of measured numbers are asked for a key and wait behind all others.

Nobody is refused for a measure, and nobody waits longer than ``slow_lane_s`` for it: then the call
stands in the queue where it would have stood.  Some are let by, drawn by lot: what they turn out
to be tells how many emergencies the lane may cost.
"""

from typing import Literal

from tahuri.numbers import NumberPlan
from tahuri.telephony.protocol.facts.queue import CallSampled, CallSlowed, LaneLeft
from tahuri.telephony.protocol.operations import Measure, SetMeasures, number_digest
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call
from tahuri.telephony.switch.queue import offers

EMERGENCY_KEY = "1"
"""What the recorded question asks for."""


def set_measures(core: Core, told: SetMeasures) -> None:
    """Take the whole table; it outlives this process, and `serve`."""
    if told != core.measures:
        core.measures = told
        core.journal.save_measures(told)


def measure_of(core: Core, number: str | None) -> Measure | None:
    """The number's measure, unless it has come to its end."""
    if number is None or not core.measures.measures:
        return None
    plan = NumberPlan(core.settings.country_code, core.settings.area_code)
    told = {number, plan.canonical(number)}  # a table of an older `serve` has it as it came
    digests = {number_digest(core.measures.salt, spelled) for spelled in told}
    found = (one for one in core.measures.measures if one.digest in digests)
    return next((one for one in found if one.until > core.now()), None)


def enter(core: Core, call: Call) -> None:
    """Decide the lane of a call that is being let in."""
    measure = measure_of(core, call.number)
    if measure is None:
        return
    share, wait_s = core.settings.slow_lane_sample, core.settings.slow_lane_s
    if core.lot.random() < share:
        core.of_call(call, CallSampled(measure_id=measure.measure_id, share=share))
        return
    call.lane, call.lane_due_s = "slow", call.arrived_s + wait_s
    core.of_call(call, CallSlowed(measure_id=measure.measure_id, wait_max_s=wait_s))


def key(core: Core, call: Call, digit: str) -> None:
    """The caller says that it is an emergency."""
    if call.slow and call.phase == "queued" and digit == EMERGENCY_KEY:
        _leave(core, call, "key")
        offers.dispatch(core)


def tick(core: Core, call: Call, now_s: float) -> None:
    """Whoever has waited long enough is in the queue like everybody."""
    if not call.slow or call.phase != "queued":
        return
    left_s = call.lane_due_s - now_s
    if not 0 < left_s <= core.settings.slow_lane_s:  # a clock that began anew is not trusted
        _leave(core, call, "waited")


def _leave(core: Core, call: Call, reason: Literal["key", "waited"]) -> None:
    call.lane = "normal"
    waited_s = round(max(0.0, core.monotonic_s() - call.arrived_s), 1)
    core.of_call(call, LaneLeft(reason=reason, waited_s=waited_s))
    core.save(call)
    core.changed()
