"""Which of our addresses a far end is told."""

import pytest

from tahuri.telephony.families import of_family
from tahuri.telephony.sip.dialogs import Identity


@pytest.mark.parametrize(
    ("ours", "peer", "told"),
    [
        (("192.0.2.1", "2001:db8::1"), "198.51.100.7", "192.0.2.1"),
        (("192.0.2.1", "2001:db8::1"), "2001:db8::7", "2001:db8::1"),
        (("2001:db8::1", "192.0.2.1"), "198.51.100.7", "192.0.2.1"),
        (("192.0.2.1", "2001:db8::1"), "fe80::7%eth0", "2001:db8::1"),
        (("2001:db8::1", "192.0.2.1"), "sbc.example", "2001:db8::1"),
        (("192.0.2.1", None), "2001:db8::7", "192.0.2.1"),
    ],
)
def test_a_far_end_is_told_our_address_of_its_family(
    ours: tuple[str, str | None], peer: str, told: str
) -> None:
    """Who has no IPv4 must not be told to answer there."""
    assert of_family(ours, peer) == told


def test_via_and_contact_are_of_the_peers_family() -> None:
    """Given addresses of both; then brackets, ports and schemes are right for either."""
    both = Identity("192.0.2.1", 5060, 5062, "tahuri", 5061, "2001:db8::1")
    assert both.via("TCP", "2001:db8::7") == "[2001:db8::1]:5062"
    assert both.via("UDP", "198.51.100.7") == "192.0.2.1:5060"
    assert both.contact("UDP", "2001:db8::7") == "<sip:tahuri@[2001:db8::1]:5060>"
    assert both.contact("TCP", "2001:db8::7", secure=True) == "<sips:tahuri@[2001:db8::1]:5061>"
