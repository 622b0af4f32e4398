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
    port: int


def own_address(settings: Settings) -> str:
    """The address from which this machine tries its own edge."""
    address = ip_address(settings.sip_address)
    if address.is_unspecified:
        return "::1" if address.version == 6 else "127.0.0.1"
    return settings.sip_address


def source_for(settings: Settings, line: TestLine) -> str:
    """Our address from which a test call goes to a line: of the line's IP family."""
    own = of_family((own_address(settings), settings.sip_other_address), line.host)
    if line.host != own and ip_address(own).is_loopback:
        return of_family((settings.media_address, settings.media_other_address), line.host)
    return own


def test_lines(settings: Settings) -> list[TestLine]:
    """Our own edge, and each trunk whose far end sends a number back to us."""
    own = own_address(settings)
    lines = [TestLine(EDGE, URN, own, settings.sip_port)]
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
