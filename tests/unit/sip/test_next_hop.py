"""Where requests inside a dialog go: the connection that is there, the Contact, the source."""

import pytest
from wire import Wire

from tahuri.telephony.sip.grammar import parse_uri
from tahuri.telephony.sip.leg import Leg, again, flow_to, next_hop
from tahuri.telephony.sip.message import Request, ask_rport, parse
from tahuri.telephony.sip.transaction import Flow

HOST = "192.0.2.1"


def leg(transport: str, target: str, **more: object) -> Leg:
    """A dialog whose last message came from port 40000 of HOST."""
    known: dict[str, object] = {
        "name": "n",
        "call_id": "c",
        "local_tag": "l",
        "local": "<sip:112@192.0.2.2>",
        "remote": "<sip:a@192.0.2.1>",
        "target": target,
        "transport": transport,
        "host": HOST,
        "port": 40000,
        "state": "up",
        "outgoing": False,
    }
    return Leg(**{**known, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("transport", "target", "goes", "instead"),
    [
        ("UDP", "sip:a@192.0.2.1", ("UDP", HOST, 5060), None),
        ("UDP", "sip:a@192.0.2.9:5070", ("UDP", "192.0.2.9", 5070), None),
        ("UDP", "sip:a@gateway.example", ("UDP", HOST, 40000), None),
        ("UDP", "sip:a@192.0.2.1;transport=tcp", ("TCP", HOST, 5060), None),
        ("UDP", "sips:a@192.0.2.1", ("TLS", HOST, 5061), None),
        ("TCP", "sip:a@192.0.2.1;transport=tcp", ("TCP", HOST, 40000), ("TCP", HOST, 5060)),
        (
            "TCP",
            "sip:a@192.0.2.9;transport=tcp",
            ("TCP", "192.0.2.9", 5060),
            ("TCP", "192.0.2.9", 5060),
        ),
        ("TLS", "sip:a@192.0.2.1", ("TLS", HOST, 40000), ("TLS", HOST, 5061)),
        ("TLS", "sips:a@192.0.2.1:5071", ("TLS", HOST, 40000), ("TLS", HOST, 5071)),
        ("TLS", "sip:a@gateway.example", ("TLS", HOST, 40000), None),
    ],
)
def test_requests_take_the_way_of_their_dialog(
    transport: str,
    target: str,
    goes: tuple[str, str, int],
    instead: tuple[str, str, int] | None,
) -> None:
    """A BYE that goes elsewhere leaves a dead call at the far end; one in the clear tells of it."""
    one = leg(transport, target)
    assert next_hop(one) == Flow(*goes)
    assert again(one) == (Flow(*instead) if instead else None)


def test_behind_address_translation_the_source_counts() -> None:
    """A private Contact leads nowhere; and nobody can connect to it."""
    assert next_hop(leg("UDP", "sip:a@192.168.1.5", nat=True)) == Flow("UDP", HOST, 40000)
    assert again(leg("TCP", "sip:a@192.168.1.5;transport=tcp", nat=True)) is None


def test_whom_we_called_is_connected_to_by_the_name_we_called() -> None:
    """A certificate names the host that was asked for, not the address in a Contact."""
    asked = Flow("TLS", "sip.telkom.example", 5061)
    one = leg("TLS", "sip:a@192.0.2.1;transport=tls", asked=asked)
    assert again(one) == asked
    over_tcp = Flow("TCP", HOST, 5060)
    called = leg("TCP", "sip:a@192.0.2.9;transport=tcp", asked=over_tcp, port=5060)
    assert next_hop(called) == over_tcp


def test_an_address_of_ipv6_is_written_one_way() -> None:
    """Otherwise a connection that is there would not be found."""
    assert flow_to(parse_uri("sip:a@[2001:DB8:0:0::1]")) == Flow("UDP", "2001:db8::1", 5060)


def test_a_request_in_the_clear_moves_no_secured_dialog() -> None:
    """Somebody who guesses a dialog over UDP must not draw its answers out of TLS."""
    wire = Wire("TLS")
    wire.up()
    one = wire.callee_leg
    before = one.flow
    update = (
        f"UPDATE sip:112@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKx\r\n"
        f"From: <sip:caller@192.0.2.1>;tag={one.remote_tag}\r\n"
        f"To: <sip:112@192.0.2.2>;tag={one.local_tag}\r\nCall-ID: {one.call_id}\r\n"
        "CSeq: 9 UPDATE\r\nContent-Length: 0\r\n\r\n"
    )
    flow = Flow("UDP", "192.0.2.66", 5060)
    wire.callee.agent.receive(parse(update.encode()), flow, wire.now)
    assert one.flow == before


def test_asking_for_rport_is_added_once_and_to_the_first_via() -> None:
    """Only the hop before us is behind our address translation."""
    request = Request(method="BYE", uri="sip:a")
    request.headers = [("via", "SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2")]
    for _ in range(2):
        ask_rport(request)
        assert request.vias == ["SIP/2.0/UDP a;branch=1;rport", "SIP/2.0/UDP b;branch=2"]
