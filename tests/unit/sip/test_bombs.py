"""Messages built to be expensive: answered or dropped by rule; their cost grows only as they do."""

import gzip
import time
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from fuzzing import SESSION, request
from test_fuzz_sip import Offline

from tahuri.telephony.sip import body, events, gate, sdp
from tahuri.telephony.sip.gate import UDP_BYTES_MAX, Gate
from tahuri.telephony.sip.message import HEADERS_MAX, MESSAGE_BYTES_MAX
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.edge import identity

TCP = Flow("TCP", "192.0.2.1", 5060)
UDP = Flow("UDP", "192.0.2.1", 5060)
STEP = 8
"""How many times longer the long bomb is: what grows with the square costs 64 times as much."""
GROWTH_MAX = 24.0
LONG = 56_000


def header(line: bytes) -> bytes:
    """An INVITE with one more header."""
    return request().replace(b"\r\nMax-Forwards", b"\r\n" + line + b"\r\nMax-Forwards")


def multipart(content: bytes, boundary: bytes = b"x") -> bytes:
    kind = b"multipart/mixed;boundary=" + boundary
    return request(body=content).replace(b"application/sdp", kind)


def place(xml: bytes) -> bytes:
    content = b"--x\r\nContent-Type: application/pidf+xml\r\n\r\n" + xml + b"\r\n--x--\r\n"
    return multipart(content)


BOMBS: dict[str, Callable[[int], bytes]] = {
    "many-vias": lambda n: header(b"Via: " + b"SIP/2.0/UDP a," * (n // 14) + b"SIP/2.0/UDP b"),
    "many-contacts": lambda n: header(b"Contact: " + b"sip:a," * (n // 6) + b"sip:a"),
    "many-parameters": lambda n: request().replace(b"tag=t", b"tag=t" + b";x" * (n // 2)),
    "long-parameter": lambda n: request().replace(b"tag=t", b"tag=t;x=" + b"a" * n),
    "many-quotes": lambda n: header(b"Subject: " + b'"\\"' * (n // 3)),
    "many-brackets": lambda n: header(b"Route: " + b"<" * n),
    "many-semicolons": lambda n: request().replace(b";rport", b";" * n),
    "long-folding": lambda n: header(b"Subject: " + b"\r\n " * (n // 3) + b"a"),
    "long-number": lambda n: header(b"Expires: " + b"9" * n),
    "long-user": lambda n: request().replace(b"sip:+6281@", b"sip:" + b"%41" * (n // 3) + b"@"),
    "many-lines": lambda n: header(b"X: y\r\n" * (n // 6) + b"X: y"),
    "many-parts": lambda n: multipart(b"--x\r\n\r\n" * (n // 7)),
    "nested-parts": lambda n: multipart(
        b"--x\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n" * (n // 50)
    ),
    "compressed": lambda n: request(body=gzip.compress(b"\0" * n * 100)).replace(
        b"Max-Forwards", b"Content-Encoding: gzip\r\nMax-Forwards"
    ),
    "slashes": lambda n: request(
        body=SESSION.replace(b"192.0.2.1\r\nt", b"/1" * (n // 2) + b"x\r\nt")
    ),
    "long-media-line": lambda n: request(body=SESSION.replace(b" 8 0", b" 7" * (n // 2))),
    "nested-place": lambda n: place(b"<a>" * (n // 7) + b"</a>" * (n // 7)),
    "many-places": lambda n: place(b"<a>" + b"<b/>" * (n // 4) + b"</a>"),
}


def taken(data: bytes, flow: Flow = TCP, gated: Gate | None = None) -> Offline:
    """An endpoint that got the message, and whose owner looked at every part of it."""

    def owner(end: Offline, event: events.Event) -> None:
        end.told.append(event)
        if isinstance(event, events.Incoming):
            identity.caller_of(event.request)
            identity.place_of(event.request)
            session = body.session_of(event.request)
            try:
                stream = sdp.parse(session or b"")
            except sdp.NoSession:
                end.perform(end.agent.reject(event.leg, 488, end.now))
            else:
                answer = sdp.answer(stream, "192.0.2.2", 40000, 1)
                end.perform(end.agent.accept(event.leg, answer, end.now))

    end = Offline(owner, gated)
    end.take(data, flow)
    return end


def cost_s(data: bytes) -> float:
    """Processor time of taking a message, the least of several."""
    costs = []
    for _ in range(5):
        start = time.thread_time()
        taken(data)
        costs.append(time.thread_time() - start)
    return min(costs)


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_has_one_answer_and_costs_what_its_length_costs(name: str) -> None:
    """One message must not hold up the callers behind it.

    Given a message of 7 kB and one eight times as long of the same kind; then each has at most one
    final answer and one outcome, and the long one costs about eight times as much, not 64 times.
    """
    short, long = BOMBS[name](LONG // STEP), BOMBS[name](LONG)
    assert len(long) < MESSAGE_BYTES_MAX
    end = taken(long)
    finals = [sent.data[8:11] for sent in end.sent if sent.data[8:9] != b"1"]
    assert len(finals) == 1
    assert len(end.told) == 1
    assert cost_s(long) < GROWTH_MAX * max(cost_s(short), 0.000_2)


@pytest.mark.parametrize(
    ("flow", "data", "status"),
    [
        (UDP, request(body=b"x" * UDP_BYTES_MAX), b"513"),
        (UDP, request(body=b"a=x\r\n" * 500), b"513"),
        (UDP, header(b"X: y\r\n" * HEADERS_MAX + b"X: y"), b"400"),
        (TCP, header(b"X: y\r\n" * HEADERS_MAX + b"X: y"), b"400"),
        (TCP, request(body=b"x" * MESSAGE_BYTES_MAX), None),
        (UDP, request(body=b"\x1f\x8b" + b"x" * 100), b"488"),
        (TCP, BOMBS["compressed"](9000), b"415"),
        (TCP, request(body=b"x" * 60_000), b"488"),
    ],
)
def test_a_size_at_the_limit_has_its_rule(flow: Flow, data: bytes, status: bytes | None) -> None:
    """Who is told 513 uses TCP; who is told 415 sends it plain; what is no message is dropped."""
    end = taken(data, flow, Gate(trunks=[ip_network("192.0.2.0/24")]))
    finals = [sent.data[8:11] for sent in end.sent if sent.data[8:9] != b"1"]
    assert finals == ([status] if status else [])


def test_a_message_at_the_very_limit_is_taken() -> None:
    """Given a datagram of exactly 16 kB and a call in it; then it is a call."""
    data = request(body=SESSION)
    padded = header(b"X: " + b"y" * (UDP_BYTES_MAX - len(data) - 5))
    assert len(padded) == UDP_BYTES_MAX
    end = taken(padded, UDP, Gate(trunks=[ip_network("192.0.2.0/24")]))
    assert end.sent[-1].data.startswith(b"SIP/2.0 200")


def test_long_messages_use_up_a_source_as_several_short_ones_do() -> None:
    """Fifty messages a second of 64 kB each once took all the time there is: a stranger now may
    send as many bytes as tokens allow, and an ordinary message costs what it cost before."""
    limit = Gate()
    long, short = b"x" * 64_000, b"x" * 1_000
    assert 2 <= sum(limit.admit("a", long, 0.0, True) == "in" for _ in range(100)) <= 4
    assert sum(limit.admit("b", short, 0.0, True) == "in" for _ in range(200)) == 100
    assert 1 + len(short) // gate.BYTES_A_TOKEN == 1
