"""Sessions, locations, credentials, addresses, limits: the small pieces, one by one."""

from ipaddress import ip_network

import pytest

from tahuri.telephony.sip import body, digest, gate, grammar, sdp
from tahuri.telephony.sip.message import (
    MESSAGE_BYTES_MAX,
    Malformed,
    Request,
    Response,
    parse,
    response_to,
)
from tahuri.telephony.sip.transaction import Flow, response_flow

REQUEST = """INVITE sip:112@192.0.2.2 SIP/2.0
v: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx{rport}
f: "A \\"b\\" c" <sip:a@10.0.0.1;x=1>;tag=a
t: <sip:112@192.0.2.2>
i: abc
CSeq: 1 INVITE
m: <sip:a@10.0.0.1>
{extra}
"""


def request(extra: str = "", rport: str = "", content: bytes = b"") -> Request:
    """An INVITE in compact form."""
    head = REQUEST.format(extra=extra, rport=rport).rstrip("\n").replace("\n", "\r\n")
    message = parse(head.encode() + b"\r\n\r\n" + content)
    assert isinstance(message, Request)
    return message


# ---- messages -------------------------------------------------------------------------------


def test_compact_headers_are_understood_and_survive_a_round_trip() -> None:
    """Phones on thin links save bytes."""
    message = request("l: 0")
    assert message.from_.display_name == 'A "b" c'
    assert parse(message.encoded()) == message


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MESSAGE_BYTES_MAX + 1),
        b"INVITE",
        b"SIP/2.0 999 What\r\n\r\n",
        b"SIP/2.0 200 OK\r\nnonsense\r\n\r\n",
        REQUEST.format(extra="l: 5", rport="").replace("\n", "\r\n").encode(),
        REQUEST.format(extra="c: a\nc: b", rport="").replace("\n", "\r\n").encode(),
        REQUEST.format(extra="", rport="")
        .replace("v: ", "v: ,")
        .replace("\n", "\r\n")
        .encode()[3:],
    ],
)
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    """Never an exception of another kind: the socket's loop would end."""
    with pytest.raises(Malformed):
        parse(data)


def test_a_stream_needs_content_length() -> None:
    """Without it nobody knows where the next message begins."""
    data = REQUEST.format(extra="", rport="").replace("\n", "\r\n").encode()
    with pytest.raises(Malformed):
        parse(data, stream=True)


@pytest.mark.parametrize(
    ("rport", "via", "port"),
    [
        (";rport", "rport=9;received=192.0.2.9", 9),
        (";rport=5", "rport=9;received=192.0.2.9", 9),
        ("", "received=192.0.2.9", 5070),
    ],
)
def test_answers_go_to_where_the_request_really_came_from(rport: str, via: str, port: int) -> None:
    """RFC 3581: behind address translation the Via lies."""
    asked = request("Record-Route: <sip:p;lr>", rport)
    answer = response_to(asked, 180, ("192.0.2.9", 9), "tag")
    assert via in answer.vias[0]
    assert answer.to.tag == "tag"
    assert answer.get("record-route") == "<sip:p;lr>"
    assert response_flow(asked, Flow("UDP", "192.0.2.9", 9)).port == port
    assert response_flow(asked, Flow("TCP", "192.0.2.9", 9)).port == 9
    assert response_to(asked, 100, ("10.0.0.1", 5070), "tag").to.tag is None


def test_an_address_that_begins_like_another_is_another() -> None:
    """Given a Via that names 10.0.0.1; when the request comes from 0.0.0.1 or with a port that is
    none; then the answer says where it came from."""
    asked = request()
    assert "received" not in response_to(asked, 180, ("10.0.0.1", 9), "tag").vias[0]
    assert "received=0.0.0.1" in response_to(asked, 180, ("0.0.0.1", 9), "tag").vias[0]
    asked.replace("via", "SIP/2.0/UDP 10.0.0.1:99999;branch=z9hG4bKx")
    assert "received=10.0.0.1" in response_to(asked, 180, ("10.0.0.1", 9), "tag").vias[0]


def test_a_reason_phrase_may_be_missing() -> None:
    """RFC 4475, noreason."""
    head = (
        "SIP/2.0 200\nv: SIP/2.0/UDP h;branch=b\nf: <sip:a@b>;tag=1\nt: <sip:a@b>\ni: 1\nCSeq: 1 A"
    )
    answer = parse((head.replace("\n", "\r\n") + "\r\n\r\n").encode())
    assert isinstance(answer, Response)
    assert answer.encoded().startswith(b"SIP/2.0 200 OK\r\n")


# ---- grammar --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ['"a <sip:a@b>', "a b", "<sip:a@b", "<sip:a@b> x", "Name sip:a@b", "sip:a@b?x=y", "<a b>", "("],
)
def test_a_broken_address_is_told_as_such(value: str) -> None:
    """It becomes a 400."""
    with pytest.raises(grammar.BadValue):
        grammar.name_address(value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1800", 1800),
        (" 0\t", 0),
        ("007", 7),
        ("", None),
        ("-1", None),
        ("1_0", None),
        ("²", None),
        ("١٢", None),
        ("1800\x1f", None),
        ("1800\n", None),
        ("1" * 10, None),
    ],
)
def test_a_number_is_made_of_ascii_digits(text: str, number: int | None) -> None:
    """What Python calls a digit or a blank is more than SIP does."""
    assert grammar.whole_number(text) == number


def test_addresses_are_read() -> None:
    """With and without brackets, quotes and parameters."""
    assert grammar.name_address("sip:a@b;tag=1").tag == "1"
    assert grammar.name_address('A. B <sip:a@b;x>;t="1;2"').parameters == {"t": "1;2"}
    assert grammar.name_address("A. B <sip:a@b>").display_name == "A. B"
    for name in ("Bell, Alexander", "Pak Budi (rumah)", "Zoë", 'A "B" C'):
        assert grammar.name_address(f"{name} <sip:a@b>;tag=1").display_name == name
    assert grammar.split_list('"a,b" <x,y>, "c\\"," <z>,') == ['"a,b" <x,y>', '"c\\"," <z>']
    assert grammar.parameters_of(';a="x\\";y";b') == {"a": 'x\\";y', "b": ""}


def test_uris_are_read() -> None:
    """Numbers, services, IPv6."""
    assert grammar.parse_uri("sip:%61@[2001:db8::1]:5070;transport=tcp") == grammar.Uri(
        "sip", "a", "2001:db8::1", 5070, {"transport": "tcp"}
    )
    assert grammar.parse_uri("tel:+62-911-(0)1").user == "+6291101"
    assert grammar.parse_uri("urn:service:sos.Fire").user == "sos.fire"
    for bad in ("sip:", "sip:a@b:99999", "nothing"):
        with pytest.raises(grammar.BadValue):
            grammar.parse_uri(bad)
    with pytest.raises(grammar.UnknownScheme):
        grammar.parse_uri("im:a@b")
    assert grammar.host_port("[::1]:7", 5060) == ("::1", 7)
    with pytest.raises(grammar.BadValue):
        grammar.host_port("a b", 5060)


# ---- sessions -------------------------------------------------------------------------------

VIDEO = b"""v=0
c=IN IP4 192.0.2.1
a=sendonly
m=video 5000 RTP/AVP 31
m=audio 4000 RTP/AVP 0 8 96
a=rtpmap:96 telephone-event/8000
"""


def test_only_the_audio_of_an_offer_is_taken() -> None:
    """Video phones call as well."""
    stream = sdp.parse(VIDEO)
    assert (stream.payload, stream.dtmf, stream.direction, stream.index) == (0, 96, "sendonly", 1)
    answer = sdp.answer(stream, "192.0.2.2", 40000, 3).decode()
    assert "m=video 0 RTP/AVP 31\r\nm=audio 40000 RTP/AVP 0 96\r\n" in answer
    assert "a=recvonly" in answer
    assert sdp.parse(answer.encode()).index == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"v=0\n",
        b"v=0\n" * 500,
        b"v=0\nc=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 8\n",
        b"v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 18\n",
        b"v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 8\n",
        b"v=0\nc=IN IP4 host.invalid\nm=audio 4000 RTP/AVP 8\n",
        b"v=0\nm=audio 4000 RTP/AVP 8\n",
        b"v=0\nm=audio x\n",
    ],
)
def test_an_offer_without_sound_for_us_is_refused(content: bytes) -> None:
    """488, so that the trunk tries another way."""
    with pytest.raises(sdp.NoSession):
        sdp.parse(content)


def test_hold_has_no_address_to_send_to() -> None:
    """RFC 2543's 0.0.0.0 and RFC 3264's inactive."""
    for lines in (b"c=IN IP4 0.0.0.0\n", b"c=IN IP6 ::\n", b"c=IN IP4 192.0.2.1\na=inactive\n"):
        assert sdp.parse(b"v=0\n" + lines + b"m=audio 4000 RTP/AVP 0\n").sends_to is None
    assert sdp.parse(sdp.offer("2001:db8::1", 4000, 1)).sends_to == "2001:db8::1"
    plain = sdp.parse(b"v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n")
    assert b"telephone-event" not in sdp.answer(plain, "192.0.2.2", 4000, 1)


# ---- locations ------------------------------------------------------------------------------

POINT = (
    '<p xmlns:gml="http://www.opengis.net/gml" xmlns:gs="http://www.opengis.net/pidflo/1.0" '
    'xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"><gml:pos>{pos}</gml:pos>{more}</p>'
)


@pytest.mark.parametrize(
    ("pos", "more", "expected"),
    [
        ("-3.7 128.2", "", (-3.7, 128.2, None)),
        ("-3.7 128.2 5", "<gs:radius>30</gs:radius>", (-3.7, 128.2, 30)),
        ("-3.7 128.2", "<gs:semiMajorAxis>7</gs:semiMajorAxis>", (-3.7, 128.2, 7)),
        ("-3.7 128.2", '<gs:radius uom="feet">30</gs:radius>', (-3.7, 128.2, None)),
        ("-3.7 128.2", "<gs:radius>far</gs:radius>", (-3.7, 128.2, None)),
        ("-3.7 128.2", "<gs:radius>-1</gs:radius>", (-3.7, 128.2, None)),
        ("128.2 -3.7", "", None),
        ("x y", "", None),
        ("1", "", None),
    ],
)
def test_a_location_is_read(
    pos: str, more: str, expected: tuple[float, float, float | None] | None
) -> None:
    """A wrong point is worse than none: swapped axes are dropped."""
    place = body.parse_location(POINT.format(pos=pos, more=more).encode())
    assert (place and (place.lat, place.lon, place.uncertainty_m)) == expected


@pytest.mark.parametrize(
    "xml",
    [
        b"<p",
        b"<p/>",
        b"x" * (body.LOCATION_BYTES_MAX + 1),
        b'<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b;</p>',
    ],
)
def test_hostile_xml_gives_no_location(xml: bytes) -> None:
    """Entity bombs must not eat the switch."""
    assert body.parse_location(xml) is None


def test_parts_of_a_body_are_found() -> None:
    """SDP and PIDF-LO travel together."""
    parts = [
        body.Part("application/sdp", "", b"v=0\r\n"),
        body.Part("application/pidf+xml", "a", POINT.format(pos="1 2", more="").encode()),
        body.Part("application/pidf+xml", "b", POINT.format(pos="3 4", more="").encode()),
    ]
    kind, content = body.multipart(parts, "edge")
    message = request(f"c: {kind}\nGeolocation: <cid:b>", content=content)
    assert body.session_of(message) == b"v=0\r\n"
    place = body.location_of(message)
    assert place is not None
    assert place.lat == 3
    assert body.parts_of(request()) == []
    assert body.parts_of(request("c: multipart/mixed", content=b"x")) == []
    assert body.session_of(request("c: application/sdp", content=b"v=0")) == b"v=0"
    bare = request("c: multipart/mixed; boundary=e", content=b"--e\r\n\r\nx\r\n--e\r\n\r\ny")
    assert [part.content_type for part in body.parts_of(bare)] == ["text/plain", "text/plain"]
    assert body.location_of(bare) is None


# ---- digest ---------------------------------------------------------------------------------

KEY, REALM = b"k" * 32, "tahuri"
ACCOUNT = digest.Account("s1", "secret")
HASHED = digest.Account("s1", ha1=ACCOUNT.ha1_for(REALM, "MD5"))


@pytest.mark.parametrize("challenge", digest.challenges(REALM, KEY, 1000, stale=False))
def test_the_right_password_registers(challenge: str) -> None:
    """MD5 for old phones, SHA-256 for new ones."""
    given = digest.credentials(challenge, "REGISTER", "sip:x", ACCOUNT, "c")
    assert digest.check(given, "REGISTER", ACCOUNT, REALM, KEY, 1010) == "right"
    assert digest.check(given, "REGISTER", ACCOUNT, REALM, KEY, 9999) == "stale"
    assert digest.check(given, "INVITE", ACCOUNT, REALM, KEY, 1010) == "wrong"
    assert digest.check(given, "REGISTER", ACCOUNT, REALM, b"z" * 32, 1010) == "stale"
    other = digest.Account("s1", "guess")
    assert digest.check(given, "REGISTER", other, REALM, KEY, 1010) == "wrong"
    expected = "right" if "MD5" in challenge else "wrong"
    assert digest.check(given, "REGISTER", HASHED, REALM, KEY, 1010) == expected


def test_bad_credentials_are_wrong_and_never_an_error() -> None:
    """They come from anybody."""
    for value in ("", "Basic x", 'Digest username="s1"', 'Digest username="s1", algorithm=X'):
        assert digest.check(value, "REGISTER", ACCOUNT, REALM, KEY, 0) == "wrong"
    odd = 'Digest realm="tahuri", nonce="nonsense", qop="auth", opaque="o"'
    given = digest.credentials(odd, "REGISTER", "sip:x", ACCOUNT, "c")
    assert 'opaque="o"' in given
    assert digest.check(given, "REGISTER", ACCOUNT, REALM, KEY, 0) == "stale"
    assert "stale=true" in digest.challenges(REALM, KEY, 0, stale=True)[0]


def test_a_challenge_that_cannot_be_met_is_an_error() -> None:
    """A trunk with an algorithm of its own."""
    for challenge in ("Digest x=1", 'Digest nonce="n", algorithm=X'):
        with pytest.raises(ValueError, match="challenge"):
            digest.credentials(challenge, "INVITE", "sip:x", ACCOUNT, "c")
    with pytest.raises(ValueError, match="password"):
        digest.credentials('Digest nonce="n", algorithm=SHA-256', "A", "sip:x", HASHED, "c")
    legacy = digest.credentials('Digest realm="r", nonce="n"', "A", "sip:x", ACCOUNT, "c")
    assert "qop" not in legacy


# ---- gate -----------------------------------------------------------------------------------


def test_a_stranger_is_limited_and_a_trunk_never_banned() -> None:
    """A flood from one address must not cost a trunk's caller the line."""
    limit = gate.Gate(trunks=[ip_network("192.0.2.0/24")])
    stranger = [limit.admit("198.51.100.1", b"x", 0.0) for _ in range(1000)]
    assert 50 < stranger.count("in") < 200
    for _ in range(3000):
        limit.penalise("192.0.2.1", 0.0)
    assert limit.admit("192.0.2.1", b"x", 0.1) == "in"
    assert limit.admit("198.51.100.1", b"x", 60.0) == "in"
    assert limit.shed == 1000 - stranger.count("in")


def test_a_datagram_may_not_be_endless() -> None:
    """16 kB and 400 lines; more comes over TCP."""
    limit = gate.Gate()
    assert limit.admit("a", b"x" * (gate.UDP_BYTES_MAX + 1), 0) == "too-large"
    assert limit.admit("a", b"\n" * (gate.UDP_LINES_MAX + 1), 0) == "too-large"


def test_new_calls_are_limited_and_sources_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Overload is a 503 for some, not silence for all; memory is finite."""
    limit = gate.Gate()
    admitted = sum(limit.admit_call(0.0) for _ in range(1000))
    assert admitted == gate.CALLS_BURST
    assert limit.admit_call(1.0)
    monkeypatch.setattr(gate, "SOURCES_MAX", 2)
    for number in range(5):
        assert limit.admit(f"host{number}", b"x", 0) == "in"
