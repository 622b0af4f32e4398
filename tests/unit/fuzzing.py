"""Inputs for fuzz tests, and how long they search: quickly and alike in every run, deeper by hand.

``TAHURI_FUZZ=100`` searches a hundred times as long, at random.
"""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("TAHURI_FUZZ", "0"))
TORTURE = Path(__file__).parents[1] / "telephony" / "torture"


def searched(examples: int) -> settings:
    """How many examples a test tries in an ordinary run."""
    return settings(
        max_examples=examples * max(1, TIMES),
        derandomize=TIMES == 0,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


MESSAGES = [path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))]
SESSION = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)
WHOLE = (
    b"%b sip:112@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%b;rport\r\n"
    b'Max-Forwards: 70\r\nFrom: "A" <sip:+6281@192.0.2.1>;tag=%b\r\nTo: <sip:112@192.0.2.2>%b\r\n'
    b"Call-ID: %b\r\nCSeq: %b %b\r\nContact: <sip:a@192.0.2.1:5060>\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
)


def request(
    method: bytes = b"INVITE",
    branch: bytes = b"1",
    tag: bytes = b"t",
    to_tag: bytes = b"",
    call_id: bytes = b"c",
    cseq: bytes = b"1",
    body: bytes = SESSION,
) -> bytes:
    """A whole request; an ACK or BYE has a body as well, which is odd and allowed."""
    to = b";tag=" + to_tag if to_tag else b""
    values = (method, branch, tag, to, call_id, cseq, method, len(body), body)
    return WHOLE % values


NASTY = [
    b"",
    b" ",
    b"\0",
    b"\xff\xfe",
    b"\xe9",
    "²".encode(),
    "٣".encode(),
    b",",
    b",,,",
    b";",
    b";;;=",
    b'"',
    b'"\\',
    b"<",
    b"<>",
    b">",
    b"*",
    b"0",
    b"-1",
    b"99999",
    b"65536",
    b"4294967296",
    b"9" * 5000,
    b"a" * 3000,
    b"%00%ff%",
    b"sip:",
    b"<sip:@>",
    b"<sip:a@[::1]:99999>",
    b"<sip:a@[:]>;tag",
    b"tel:+",
    b"urn:service:sos.fire",
    b"SIP/2.0/UDP 192.0.2.1:99999;branch=z9hG4bK",
    b"SIP/2.0/UDP [::1]:0",
    b"SIP/2.0/TCP x,SIP/2.0/UDP y;rport=;received=",
    b"1 INVITE",
    b"2147483647 INVITE",
    b"1",
    b"\n\n",
    b"application/sdp",
    b"multipart/mixed;boundary=",
    b'multipart/mixed;boundary="--"',
    b"gzip",
    b"<cid:x>",
    b"anonymous",
    b"id;header",
    b"\r\n \r\n\t",
    b"100rel,timer,x",
    b"<sip:a@192.0.2.1;lr>",
]
NAMES = [
    b"Via",
    b"v",
    b"From",
    b"To",
    b"Call-ID",
    b"CSeq",
    b"Contact",
    b"Content-Length",
    b"Content-Type",
    b"Max-Forwards",
    b"Require",
    b"Record-Route",
    b"Route",
    b"Accept",
    b"Content-Encoding",
    b"Expires",
    b"P-Asserted-Identity",
    b"Privacy",
    b"Geolocation",
    b"Session-Expires",
    b"Supported",
    b"RAck",
    b"Refer-To",
    b"Replaces",
    b"Date",
    b"Authorization",
    b"Resource-Priority",
    b"",
    b"\xff",
]
_header = st.builds(
    lambda name, value: name + b": " + value,
    st.sampled_from(NAMES),
    st.sampled_from(NASTY) | st.binary(max_size=40),
)


@st.composite
def mutated(draw: st.DrawFn, wholes: list[bytes] | None = None) -> bytes:
    """A real message with a few things wrong with it."""
    data = draw(st.sampled_from(wholes or [*MESSAGES, request(), request(b"OPTIONS")]))
    for _ in range(draw(st.integers(0, 4))):
        lines = data.split(b"\r\n")
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 7)):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, lines[draw(st.integers(0, len(lines) - 1))])
            case 2:
                name = lines[place].partition(b":")[0]
                lines[place] = name + b": " + draw(st.sampled_from(NASTY))
            case 3:
                lines.insert(max(1, place), draw(_header))
            case 4:
                lines[place] += draw(st.sampled_from(NASTY))
            case 5:
                del lines[place + 1 :]
            case 6:
                lines[place : place + 1] = [lines[place] + b"\r\n " + draw(st.binary(max_size=9))]
            case _:
                at = draw(st.integers(0, len(lines[place])))
                byte = draw(st.binary(min_size=1, max_size=3))
                lines[place] = lines[place][:at] + byte + lines[place][at + 1 :]
        data = b"\r\n".join(lines)
    return data


datagrams = mutated() | st.binary(max_size=400)
