"""What a supervisor may say about a finding."""

from typing import Any

from starlette.requests import Request

from tahuri.kernel.event import StreamId
from tahuri.kernel.http import Routes, answered, writing
from tahuri.kernel.refusal import Invalid
from tahuri.kernel.roles import Role
from tahuri.watch.decider import FINDING, REASON_CHARS_MAX, AcceptFinding

DECIDES = (Role.SUPERVISOR, Role.ADMINISTRATOR)

routes = Routes("watch")


def checked_reason(reason: str) -> str:
    """Without blanks around it.

    Raises:
        Invalid: empty, or too long.
    """
    text = reason.strip()
    if not 0 < len(text) <= REASON_CHARS_MAX:
        raise Invalid.of({"reason": f"1 to {REASON_CHARS_MAX} characters"})
    return text


@routes.post(
    "/api/findings/accept",
    AcceptFinding,
    roles=DECIDES,
    example={"finding_id": "recording-lacking:01J…", "reason": "Disk penuh tadi malam."},
)
async def accept_finding(request: Request, asked: AcceptFinding) -> dict[str, Any]:
    """Says why a finding stays; it alarms no longer, and stays in the list."""
    reason = checked_reason(asked.reason)
    if not asked.finding_id:
        raise Invalid.of({"finding_id": "no open finding of that name"})
    stream = StreamId("finding", asked.finding_id)
    async with writing(request) as log:
        if log.answered is None:
            state = FINDING.state(await log.read(stream))
            said = log.personal("reason", {"text": reason}) if state.open else None
            await log.append(stream, FINDING.decide(asked, state, said))
    return answered(log)
