"""What follows when a crew has not acknowledged in time."""

from collections.abc import Mapping
from typing import Any

from tahuri.dispatch.decider import DISPATCH, NoticeSilence, Situation, decide
from tahuri.dispatch.queries import free_units
from tahuri.kernel.deadlines import Handler
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import IncidentId, UnitId
from tahuri.kernel.log import Log

ACKNOWLEDGE = "dispatch.acknowledge"


def acknowledge_key(incident_id: str, unit_id: str) -> str:
    """The deadline of one unit on one incident."""
    return f"ack/{incident_id}/{unit_id}"


async def acknowledgement_due(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    """Tells the dispatcher, once, and proposes who could go instead; nothing if the crew answered.

    The ranking was made when the unit was sent: no road is searched while the city is locked.
    """
    stream = StreamId("dispatch", IncidentId(body["incident_id"]))
    command = NoticeSilence(unit_id=UnitId(body["unit_id"]), late_s=round(late_s, 1))
    state = DISPATCH.state(await log.read(stream))
    situation = Situation(free=await free_units(log))
    await log.append(stream, decide(command, state, situation))


DEADLINES: Mapping[str, Handler] = {ACKNOWLEDGE: acknowledgement_due}
