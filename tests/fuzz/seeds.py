"""What a search begins with: whole input of each parser, so that it need not guess a grammar."""

import struct
from pathlib import Path

BETWEEN = b"\n----\n"
TORTURE = Path(__file__).parents[1] / "telephony" / "torture"
SESSION = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/SAVP 8 0 13 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
    b"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\r\na=sendrecv\r\n"
)
SESSION_IP6 = SESSION.replace(b"IP4 192.0.2.1", b"IP6 2001:db8::1").replace(b"SAVP", b"AVP")
PLACE = (
    b'<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
    b'xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gml="http://www.opengis.net/gml" '
    b'xmlns:gs="http://www.opengis.net/pidflo/1.0" entity="pres:a@192.0.2.1"><tuple id="a"><status>'
    b"<gp:geopriv><gp:location-info>%b</gp:location-info><gp:usage-rules/></gp:geopriv>"
    b"</status></tuple></presence>"
)
SRS = b'srsName="urn:ogc:def:crs:EPSG::4326"'
POINT = PLACE % (b"<gml:Point %b><gml:pos>-3.69 128.18</gml:pos></gml:Point>" % SRS)
CIRCLE = PLACE % (
    b"<gs:Circle %b><gml:pos>-3.69 128.18</gml:pos>"
    b'<gs:radius uom="urn:ogc:def:uom:EPSG::9001">50</gs:radius></gs:Circle>' % SRS
)
PARTS = (
    b"--b\r\nContent-Type: application/sdp\r\n\r\n%b\r\n"
    b"--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: <p@a>\r\n\r\n%b\r\n--b--\r\n"
) % (SESSION, CIRCLE)
MULTIPART = b'multipart/mixed; boundary="b"\n' + PARTS
RTP = struct.pack("!BBHII", 0x80, 8, 7, 1120, 99) + b"\xd5" * 160
KEY = struct.pack("!BBHII", 0x80, 0x80 | 101, 8, 1280, 99) + struct.pack("!BBH", 5, 0x8A, 800)
REPORT = struct.pack("!BBHI5I", 0x80, 200, 6, 99, 1, 2, 3, 4, 5)
HEARD = struct.pack("!BBHI6I", 0x81, 201, 7, 99, 1, 2, 3, 4, 5, 6)
NAMED = struct.pack("!BBHI", 0x81, 202, 3, 99) + b"\x01\x04a@b.\0\0"
BROWSER = "\r\n".join(
    [
        "v=0", "o=- 4 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 8 126", "c=IN IP4 0.0.0.0", "a=mid:0",
        "a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 24, "a=fingerprint:sha-256 " + "AB:" * 31 + "AB",
        "a=setup:actpass", "a=rtcp-mux", "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:126 telephone-event/8000", "",
    ]
).encode()  # fmt: skip
LINES = [
    b'{"id":1,"op":"attach","token":"a.b","list":[1,-2.5e3,null,true,"\\u00e9"]}',
    b'{"op":"take","seat_id":"M1","kind":"browser","operator_id":"o","operator_name":"O"}',
    b'{"op":"transfer","seat_id":"M1","operator_id":"o","address":"110"}',
    b'{"op":"supervise","seat_id":"V1","operator_id":"o","call_id":"c","mode":"whisper"}',
    b'{"op":"set_precedence","call_id":"c","precedence":9,"reason":"operator"}',
    b'{"op":"measures","salt":"s","measures":[{"digest":"d","measure_id":"m",'
    b'"until":"2026-01-01T00:00:00Z"}]}',
    b'{"op":"gains","cells":[[1,2,1.0]]}',
    b'{"op":"open_rtp","name":"caller","address":null}',
    b'{"event":"dtmf","port":1,"digit":"5"}',
    b'{"id":"i","at":"2026-01-01T00:00:00Z","stream":"call/c","type":"calls.call-held",'
    b'"body":{},"personal":{},"actor":"switch"}',
]


def request(method: bytes, cseq: int, more: bytes = b"", body: bytes = SESSION) -> bytes:
    """A request of the dialog that the sequence for ``agent`` is about."""
    to = b";tag=m1" if cseq > 1 else b""
    head = (
        b"%b sip:112@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%d%b;rport"
        b"\r\nMax-Forwards: 70\r\nFrom: <sip:+6281@192.0.2.1>;tag=t\r\nTo: <sip:112@192.0.2.2>%b"
        b"\r\nCall-ID: c\r\nCSeq: %d %b\r\nContact: <sip:a@192.0.2.1:5060>\r\n%b"
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
    )
    return head % (method, cseq, method, to, cseq, method, more, len(body), body)


TIMED = b"Session-Expires: 1800;refresher=uac\r\nSupported: timer, 100rel\r\nMin-SE: 90\r\n"
PLACED = b"Geolocation: <cid:p@a>\r\nResource-Priority: esnet.1\r\nPrivacy: id\r\n"
SEQUENCES = [
    [request(b"INVITE", 1), request(b"ACK", 1), request(b"BYE", 2)],
    [request(b"INVITE", 1, TIMED), request(b"CANCEL", 1, b"", b"")],
    [request(b"INVITE", 1, TIMED), request(b"ACK", 1), request(b"UPDATE", 2), request(b"BYE", 3)],
    [request(b"INVITE", 1), request(b"REFER", 2, b"Refer-To: <sip:b@192.0.2.9>\r\n", b"")],
    [request(b"OPTIONS", 1), request(b"REGISTER", 1, b"Expires: 60\r\n", b"")],
]


def seeds(parser: str) -> list[bytes]:
    """Whole input for one of the parsers.  Raises KeyError: there is no such parser."""
    torture = [path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))]
    return {
        "sip": [request(b"INVITE", 1, TIMED + PLACED), request(b"BYE", 2), *torture],
        "agent": [*(BETWEEN.join(sequence) for sequence in SEQUENCES), *torture],
        "sdp": [SESSION, SESSION_IP6],
        "place": [POINT, CIRCLE],
        "multipart": [MULTIPART],
        "rtp": [RTP, KEY],
        "rtcp": [REPORT, HEARD, REPORT + NAMED],
        "browser": [BROWSER],
        "rpc": LINES,
    }[parser]


def write(parser: str, folder: Path) -> int:
    """Writes them into a folder, which is made if need be.  Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    found = seeds(parser)
    for number, content in enumerate(found):
        (folder / f"seed-{number:03}").write_bytes(content)
    return len(found)
