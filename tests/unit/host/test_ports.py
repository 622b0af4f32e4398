"""Ports are looked at before anything is started."""

import socket

from tahuri.host.ports import TCP, UDP, Port, troubles
from tahuri.settings import Settings


def test_a_taken_port_is_named_with_its_setting() -> None:
    """Else the centre would say it is ready because another one answers in its place."""
    with socket.socket(socket.AF_INET, TCP) as tcp, socket.socket(socket.AF_INET, UDP) as udp:
        for taken in (tcp, udp):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 0))
        tcp.listen()
        pages, sip = tcp.getsockname()[1], udp.getsockname()[1]
        found = troubles(Settings(http_port=pages, sip_port=sip))
    assert f"http_port: 127.0.0.1:{pages} tcp is taken by another program: choose another" in found
    assert f"sip_port: 127.0.0.1:{sip} udp is taken by another program: choose another" in found


def test_an_address_of_another_machine_is_said_to_be_one() -> None:
    """A copied settings file names the old machine."""
    trouble = Port("sip_port", "198.51.100.7", 5060, UDP).trouble()
    assert trouble == "198.51.100.7:5060 udp is no address of this machine"


def test_a_free_port_is_no_trouble() -> None:
    """Also one that was closed a moment ago."""
    with socket.socket(socket.AF_INET, TCP) as one:
        one.bind(("127.0.0.1", 0))
        number = one.getsockname()[1]
    assert Port("http_port", "127.0.0.1", number, TCP).trouble() is None


def test_the_browsers_port_is_looked_at_at_each_address_of_media() -> None:
    """Where it is taken at one of them, media would not start, and the log alone would say why."""
    with socket.socket(socket.AF_INET6, UDP) as taken:
        taken.bind(("::1", 0))
        port = taken.getsockname()[1]
        found = troubles(Settings(media_other_address="::1", webrtc_port=port))
    assert [line for line in found if line.startswith("webrtc_port: [::1]:")]
