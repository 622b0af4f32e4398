"""What an INVITE says about its caller, its place and its purpose.  Pure."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Literal

from msgspec import Struct

from tahuri.telephony.protocol.facts.personal import Caller, Location
from tahuri.telephony.protocol.words import NumberStatus
from tahuri.telephony.sip.body import location_of
from tahuri.telephony.sip.grammar import BadValue, NameAddress, name_address, parse_uri
from tahuri.telephony.sip.message import Request
from tahuri.telephony.switch.config import Trunk

NAME_LENGTH_MAX = 120
TRUNK_HEADER = "p-tahuri-trunk"
"""Set by our own edge in front of several nodes (deploy/kamailio); others are not believed."""
_NUMBER = re.compile(r"^\+?[0-9*#]{2,20}$")
_PRIVATE = frozenset({"id", "user", "header", "session", "critical"})


PRECEDENCE_RANKS = {
    "esnet": ("0", "1", "2", "3", "4"),
    "q735": ("4", "3", "2", "1", "0"),
    "wps": ("4", "3", "2", "1", "0"),
    "ets": ("4", "3", "2", "1", "0"),
    "dsn": ("routine", "priority", "immediate", "flash", "flash-override"),
    "drsn": ("routine", "priority", "immediate", "flash", "flash-override"),
}
"""Values of Resource-Priority (RFC 4412, RFC 7135 for esnet), the least first: 0 to 4."""
_RESOURCE_PRIORITY = "resource-priority"


class Purpose(Struct, frozen=True):
    """What the Request-URI asks for."""

    kind: Literal["number", "service-urn"]
    test: bool
    """A test call: ``urn:service:test.sos`` (RFC 6881 §15), or a number kept for it."""


def trunk_of(trunks: list[Trunk], source: str) -> Trunk | None:
    """The trunk whose networks hold that address."""
    address = ip_address(source)
    found = (t for t in trunks if any(address in network for network in t.networks))
    return next(found, None)


def line_of(trunk: Trunk, request: Request, trunks: list[Trunk]) -> str:
    """The trunk's name; of a call that came through our own edge, the one that the edge names."""
    told = (request.get(TRUNK_HEADER) or "").strip() if trunk.edge else ""
    return told if any(told == other.name for other in trunks) else trunk.name


def purpose_of(request: Request, test_numbers: Collection[str] = ()) -> Purpose:
    """Whatever a trunk sends is a call to us; only its kind differs."""
    uri = parse_uri(request.uri)
    if uri.is_service:
        return Purpose("service-urn", uri.user.startswith("test."))
    return Purpose("number", uri.user.partition(";")[0] in test_numbers)


def called_number(request: Request) -> str:
    """The number that was dialled, digits and plus only; empty for a service URN."""
    uri = parse_uri(request.uri)
    return "" if uri.is_service else re.sub(r"[^0-9+*#]", "", uri.user.partition(";")[0])


def precedence_of(request: Request) -> int:
    """The highest that the network asks for in a namespace we know; 0 if in none."""
    return max(_precedences(request), default=0)


def demands_unknown_priority(request: Request) -> bool:
    """Whether the network would rather be refused (417) than not be understood (RFC 4412 §4.6.2).

    Only what it says in so many words, by ``Require``, ever counts as such.
    """
    demanded = any(tag.lower() == _RESOURCE_PRIORITY for tag in request.all("require"))
    return demanded and not _precedences(request)


def _precedences(request: Request) -> list[int]:
    found = []
    for value in request.all(_RESOURCE_PRIORITY):
        namespace, _, rank = value.strip().lower().partition(".")
        ranks = PRECEDENCE_RANKS.get(namespace, ())
        if rank in ranks:
            found.append(ranks.index(rank))
    return found


def caller_of(request: Request) -> tuple[Caller | None, NumberStatus]:
    """Who calls, as far as the network vouches for it.

    P-Asserted-Identity goes before From.  With ``Privacy`` the number, if the network gave one,
    is kept for the emergency service and marked withheld.
    """
    asserted = [_address(value) for value in request.all("p-asserted-identity")]
    privacy = {word.strip().lower() for v in request.all("privacy") for word in v.split(";")}
    is_private = bool(privacy & _PRIVATE)
    for address in asserted:
        number = _number(address)
        if address is not None and number is not None:
            caller = _caller(number, address.display_name, "p-asserted-identity")
            return caller, "withheld" if is_private else "present"
    sender = _address(request.get("from") or "")
    if sender is None:
        return None, "none"
    if _is_anonymous(sender) or is_private:
        return None, "withheld"
    number = _number(sender)
    name = sender.display_name
    if number is None and not name:
        return None, "none"
    return _caller(number, name, "from"), "present" if number else "none"


def place_of(request: Request) -> Location | None:
    """The location by value, if any."""
    place = location_of(request)
    if place is None:
        return None
    return Location(
        lat=place.lat,
        lon=place.lon,
        uncertainty_m=place.uncertainty_m,
        method=place.method,
        xml=place.xml,
    )


def _caller(
    number: str | None, name: str, source: Literal["p-asserted-identity", "from"]
) -> Caller:
    shown = name.encode("utf-8", "replace").decode("utf-8", "replace")[:NAME_LENGTH_MAX]
    return Caller(number=number, display_name=shown or None, source=source)


def _address(value: str) -> NameAddress | None:
    try:
        return name_address(value)
    except BadValue:
        return None


def _is_anonymous(address: NameAddress) -> bool:
    return "anonymous" in address.uri.lower() or address.display_name.lower() == "anonymous"


def _number(address: NameAddress | None) -> str | None:
    if address is None:
        return None
    try:
        user = parse_uri(address.uri).user.partition(";")[0]
    except BadValue:
        return None
    digits = re.sub(r"[().\-]", "", user)
    return digits if _NUMBER.match(digits) else None
