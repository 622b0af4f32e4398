"""Which dialog an INVITE wants to take the place of (RFC 3891).  Pure."""

from dataclasses import dataclass

from tahuri.telephony.sip.grammar import BadValue, parameters_of
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request


@dataclass(frozen=True, slots=True)
class Replaces:
    """The header's value, as its sender sees it: ``to_tag`` is ours."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


def asked_in(request: Request) -> Replaces | None:
    """What an INVITE says; None when it says nothing.  Raises BadValue, also for more than one."""
    values = [value for name, value in request.headers if name == "replaces"]
    if not values:
        return None
    if len(values) > 1:
        raise BadValue("replaces")
    return parsed(values[0])


def parsed(value: str) -> Replaces:
    """Read one value.  Raises BadValue."""
    call_id, _, rest = value.partition(";")
    parameters = parameters_of(rest)
    tags = parameters.get("to-tag", ""), parameters.get("from-tag", "")
    if not call_id.strip() or "," in value or not all(tags):
        raise BadValue("replaces")
    return Replaces(call_id.strip(), *tags, "early-only" in parameters)


def names(asked: Replaces, leg: Leg) -> bool:
    """Whether that is this leg: up, or ringing by an INVITE of ours.

    A tag ``0`` also stands for none, as elements of RFC 2543 leave it out.
    """
    if asked.call_id != leg.call_id or asked.to_tag != leg.local_tag:
        return False
    theirs = {asked.from_tag, ""} if asked.from_tag == "0" else {asked.from_tag}
    if leg.state == "up":
        return leg.remote_tag in theirs
    return leg.state == "calling" and bool(theirs & set(leg.rang))
