"""The lines by which test calls come, from the settings.  Pure."""

from ipaddress import ip_address

from msgspec import Struct

from tahuri.settings import Settings
from tahuri.settings.telephony import HOST_PORT
from tahuri.telephony.families import of_family

EDGE = "edge"
URN = "urn:service:test.sos"
SIP_PORT = 5060


class TestLine(Struct, frozen=True):
    """Where a test call is sent, so that it comes in by this line."""

    __test__ = False
    name: str
    target: str
    host: str
    """An address or a name."""
    port: int


def edges(settings: Settings) -> dict[str, str]:
    """The lines of our own edge, each with the address from which this machine tries it.

    One where the switch listens at one address, else one for each IP family: a listener that is
    deaf must be missed though the other hears.
    """
    given = (settings.sip_address, settings.sip_other_address)
    own = [_own(one) for one in given if one is not None]
    if len(own) == 1:
        return {EDGE: own[0]}
    return {f"{EDGE}-ipv{ip_address(one).version}": one for one in own}


def own_addresses(settings: Settings) -> list[str]:
    """The addresses from which this machine tries its own edge, the first family's first."""
    return list(edges(settings).values())


def _own(listens_at: str) -> str:
    address = ip_address(listens_at)
    if address.is_unspecified:
        return "::1" if address.version == 6 else "127.0.0.1"
    return str(address)  # as the switch sees it, however the settings spell it


def source_for(settings: Settings, line: TestLine) -> str:
    """Our address from which a test call goes to a line: of the line's IP family."""
    own = of_family(own_addresses(settings), line.host)
    if line.host != own and ip_address(own).is_loopback:
        return of_family((settings.media_address, settings.media_other_address), line.host)
    return own


def test_lines(settings: Settings) -> list[TestLine]:
    """Our own edge, and each trunk whose far end sends a number back to us."""
    port = settings.sip_port
    lines = [TestLine(name, URN, own, port) for name, own in edges(settings).items()]
    for trunk in settings.trunks:
        found = HOST_PORT.fullmatch(trunk.host or "")
        if trunk.test_call_to is not None and found is not None:
            host, port = found[1].strip("[]"), int(found[2] or SIP_PORT)
            lines.append(TestLine(trunk.name, f"sip:{trunk.test_call_to}@{found[1]}", host, port))
    return lines


def robot_numbers(settings: Settings) -> list[str]:
    """Numbers whose test calls go to the robot's seat: those that a trunk sends back to us."""
    return sorted({trunk.test_call_to for trunk in settings.trunks if trunk.test_call_to})


def test_numbers(settings: Settings) -> list[str]:
    """Numbers of test calls."""
    numbers = [settings.test_number, *(trunk.test_call_to for trunk in settings.trunks)]
    return sorted({number for number in numbers if number})
