"""What an INVITE says about its caller: who may be called back, and what must not be shown."""

import pytest

from tahuri.telephony.sip.message import Request
from tahuri.telephony.switch.config import Trunk
from tahuri.telephony.switch.edge import identity

PLAIN = ("from", "<sip:+620001@carrier.invalid>;tag=a")
NOBODY = ("from", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a')
ASSERTED = ("p-asserted-identity", "<sip:+620009@carrier.invalid;user=phone>")


def invite(*headers: tuple[str, str], uri: str = "sip:112@127.0.0.1") -> Request:
    request = Request(method="INVITE", uri=uri)
    request.headers = list(headers)
    return request


@pytest.mark.parametrize(
    ("headers", "number", "status"),
    [
        ([PLAIN], "+620001", "present"),
        ([PLAIN, ASSERTED], "+620009", "present"),
        ([NOBODY, ASSERTED], "+620009", "present"),
        ([NOBODY, ASSERTED, ("privacy", "id")], "+620009", "withheld"),
        ([NOBODY, ASSERTED, ("privacy", "user;critical")], "+620009", "withheld"),
        ([PLAIN, ASSERTED, ("privacy", "none")], "+620009", "present"),
        ([PLAIN, ("privacy", "id")], None, "withheld"),
        ([NOBODY], None, "withheld"),
        ([("from", "<sip:unknown@carrier.invalid>;tag=a")], None, "none"),
        ([("from", "<sip:carrier.invalid>;tag=a")], None, "none"),
        ([], None, "none"),
        ([PLAIN, ("p-asserted-identity", "<tel:+62-911-0007>")], "+629110007", "present"),
        ([PLAIN, ("p-asserted-identity", "<sip:alice@x.invalid>, <tel:+620008>")],
         "+620008", "present"),
        ([PLAIN, ("p-asserted-identity", "<<<broken")], "+620001", "present"),
        ([("from", "<tel:112;phone-context=+62>;tag=a")], "112", "present"),
    ],
)  # fmt: skip
def test_a_number_is_present_withheld_or_none(
    headers: list[tuple[str, str]], number: str | None, status: str
) -> None:
    """The network's word goes before the phone's; a withheld number is kept for emergencies."""
    caller, known = identity.caller_of(invite(*headers))
    assert (caller.number if caller else None, known) == (number, status)


def test_a_name_without_a_number_is_kept_and_cut() -> None:
    """It may be all there is; an endless one must not fill the screen."""
    caller, status = identity.caller_of(
        invite(("from", f'"{"x" * 500}" <sip:switchboard@x.invalid>;tag=a'))
    )
    assert status == "none"
    assert caller is not None
    assert caller.display_name == "x" * identity.NAME_LENGTH_MAX


@pytest.mark.parametrize(
    ("uri", "kind", "test"),
    [
        ("sip:112@127.0.0.1", "number", False),
        ("tel:112", "number", False),
        ("tel:112;phone-context=+62", "number", False),
        ("urn:service:sos", "service-urn", False),
        ("urn:service:sos.ambulance", "service-urn", False),
        ("urn:service:sos.fire", "service-urn", False),
        ("URN:SERVICE:SOS.police", "service-urn", False),
        ("urn:service:test.sos", "service-urn", True),
        ("urn:service:test.sos.fire", "service-urn", True),
    ],
)
def test_what_is_asked_for_is_understood(uri: str, kind: str, test: bool) -> None:
    """A mobile network may send no number at all; a test call must not fill the statistics."""
    purpose = identity.purpose_of(invite(uri=uri))
    assert (purpose.kind, purpose.test) == (kind, test)


TRUNKS = [
    Trunk(name="edge", sources=["192.0.2.10/32"], edge=True),
    Trunk(name="telkom", sources=["198.51.100.7/32"]),
]


@pytest.mark.parametrize(
    ("trunk", "told", "line"),
    [
        (0, "telkom", "telkom"),
        (0, "  telkom ", "telkom"),
        (0, "unheard-of", "edge"),
        (0, None, "edge"),
        (1, "edge", "telkom"),
    ],
)
def test_only_our_own_edge_is_believed_about_the_trunk(
    trunk: int, told: str | None, line: str
) -> None:
    """Figures of a trunk and its alarms must not be what a caller writes into a header."""
    headers = [] if told is None else [("p-tahuri-trunk", told)]
    assert identity.line_of(TRUNKS[trunk], invite(*headers), TRUNKS) == line
