"""What changes a waiting caller's turn: precedence, the skill asked for, a surge, comfort."""

from tahuri.telephony.protocol.facts.centre import SurgeSwitched
from tahuri.telephony.protocol.facts.queue import PrecedenceSet, SkillAsked
from tahuri.telephony.protocol.operations import (
    AnyQueueOperation,
    AskSkill,
    SetPrecedence,
    SwitchSurge,
)
from tahuri.telephony.protocol.snapshot import Surge
from tahuri.telephony.protocol.words import PrecedenceReason, SkillReason
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call
from tahuri.telephony.switch.queue import notices, offers

SURGE_STREAM = "centre/surge"


def operate(core: Core, operation: AnyQueueOperation) -> None:
    """Carry out what `serve` asks.

    Raises:
        Failure: ``call-unknown``: no such call waits; ``bad-request``: an impossible notice.
    """
    match operation:
        case SetPrecedence():
            call = _waiting(core, operation.call_id)
            actor = operation.operator_id or SWITCH
            set_precedence(core, call, operation.precedence, operation.reason, actor)
            core.save(call)
            offers.dispatch(core)
        case AskSkill():
            call = _waiting(core, operation.call_id)
            actor = operation.operator_id or SWITCH
            ask_skill(core, call, operation.language, operation.agency_id, "operator", actor)
            core.save(call)
            offers.dispatch(core)
        case SwitchSurge():
            switch_surge(core, operation.notice, operation.operator_id)


def _waiting(core: Core, call_id: str) -> Call:
    call = core.calls.get(call_id)
    if call is None or call.phase not in ("arriving", "queued"):
        raise Failure("call-unknown", "no such call waits")
    return call


def set_precedence(
    core: Core, call: Call, precedence: int, reason: PrecedenceReason, actor: str = SWITCH
) -> None:
    """Only a person may make a call wait longer: what the centre finds out itself never does."""
    lower = precedence < call.precedence and reason != "operator"
    if lower or precedence == call.precedence:
        return
    call.precedence, call.precedence_reason = precedence, reason
    core.of_call(call, PrecedenceSet(precedence=precedence, reason=reason), actor)
    core.changed()


def ask_skill(
    core: Core,
    call: Call,
    language: str | None,
    agency_id: str | None,
    reason: SkillReason,
    actor: str = SWITCH,
) -> None:
    """Whom the call is for; the wait for such a seat begins now."""
    if (call.language, call.agency_id) == (language, agency_id):
        return
    call.language, call.agency_id = language, agency_id
    call.skill_since_s = core.monotonic_s()
    core.of_call(call, SkillAsked(language=language, agency_id=agency_id, reason=reason), actor)
    core.changed()


def ask_on_arrival(core: Core, call: Call, called: str) -> None:
    """What the trunk or the called number says of a call."""
    for number in core.settings.called_numbers:
        if number.number == called:
            ask_skill(core, call, number.language, number.agency_id, "number")
            return
    for trunk in core.settings.trunks:
        if trunk.name == call.trunk:
            ask_skill(core, call, trunk.language, trunk.agency_id, "trunk")


def switch_surge(core: Core, notice: str | None, operator_id: str) -> None:
    """Callers hear another notice from now on.  Raises Failure ``bad-request``."""
    if notice is None:
        if core.surge is None:
            return
        core.surge = None
    else:
        if core.surge is not None and core.surge.notice == notice:
            return
        found = {one.name: one for one in notices.available(core.settings)}.get(notice)
        if found is None or found.fault is not None:
            raise Failure("bad-request", f"notice: {found.fault if found else 'no such notice'}")
        core.surge = Surge(notice=notice, since=core.now(), operator_id=operator_id)
    core.fact(SURGE_STREAM, SurgeSwitched(notice=notice), operator_id)
    core.changed()


def comfort(core: Core, call: Call, now_s: float) -> None:
    """Let a waiting caller hear now and then that nobody has forgotten them.  Instant."""
    every_s = core.settings.comfort_every_s
    if core.settings.prompts.comfort is None or every_s <= 0 or not core.media_ready:
        return
    aside = call.parked is not None or call.transfer is not None
    if call.phase != "queued" or call.notice is not None or aside or call.slow:
        call.comfort_due = now_s + every_s
    elif call.comfort_due == 0:
        call.comfort_due = now_s + every_s  # after a restart as well: never two at once
    elif now_s >= call.comfort_due:
        call.comfort_due = now_s + every_s
        core.post(call.call_id, lambda: audio.play_comfort(core, call))
