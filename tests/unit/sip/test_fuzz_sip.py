"""Whatever comes over the wire: nothing raises, nothing is kept for ever, each request is answered
at most once."""

import contextlib
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest
from fuzzing import NASTY, SESSION, datagrams, mutated, request, searched
from hypothesis import example, given
from hypothesis import strategies as st

from tahuri.telephony.sip import body, events, sdp
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.endpoint import Endpoint
from tahuri.telephony.sip.gate import Gate
from tahuri.telephony.sip.message import Malformed, Request, Response, parse
from tahuri.telephony.sip.transaction import Flow, Send, server_key
from tahuri.telephony.switch.edge import identity

PEER = Flow("UDP", "192.0.2.1", 5060)


class Offline(Endpoint):
    """An endpoint whose network is a list and whose clock is a number."""

    def __init__(self, owner: Callable[["Offline", events.Event], None], gate: Gate | None = None):
        super().__init__(lambda event: owner(self, event), gate)
        numbers = count()
        self.agent = Agent(Identity("192.0.2.2", 5060, 5060), lambda: f"m{next(numbers)}")
        self.clock = 1000.0
        self.sent: list[Send] = []
        self.told: list[events.Event] = []
        self._transports = self  # type: ignore[assignment]

    @property
    def now(self) -> float:
        return self.clock

    def send(self, data: bytes, flow: Flow, instead: Flow | None = None) -> None:
        self.sent.append(Send(data, flow, instead))

    def drop(self, flow: Flow) -> None:
        """No connection, nothing to close."""

    def _set_timer(self) -> None:
        """Time is moved by hand."""

    def take(self, data: bytes, flow: Flow = PEER) -> list[Send]:
        """A datagram comes; returns what is sent for it."""
        before = len(self.sent)
        self._received(data, flow)
        return self.sent[before:]

    def pass_s(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        until = self.clock + seconds
        while (at := self.agent.wake_at()) is not None and at <= until:
            self.clock = max(self.clock, at)
            self._elapsed()
        self.clock = until

    def kept(self) -> dict[str, int]:
        """How much is remembered, by kind."""
        agent = self.agent
        return {
            "transactions": len(agent.transactions),
            "timers": len(agent.transactions._timers),
            "legs": len(agent.legs),
            "invited": len(agent._invited),
            "calling": len(agent._calling),
            "reoffering": len(agent._reoffering),
        }


def owner(end: Offline, event: events.Event) -> None:
    """Answers calls by turns: at once, never, or with a refusal."""
    end.told.append(event)
    match event:
        case events.Incoming(leg):
            turn = len(end.told) % 4
            if turn == 0:
                end.perform(end.agent.reject(leg, 486, end.now))
            elif turn < 3:
                end.perform(end.agent.accept(leg, SESSION, end.now))
        case events.Reoffered(leg, session):
            end.perform(end.agent.answer_reoffer(leg, session, end.now))
        case events.Registering(key):
            end.perform(end.agent.respond(key, 403, end.now))
        case _:
            pass


def quiet(end: Offline) -> None:
    """Everybody hangs up and a long time passes."""
    for leg in list(end.agent.legs.values()):
        end.perform(end.agent.hang_up(leg, end.now))
    end.pass_s(1000)


@given(datagrams, st.booleans())
@example(request().replace(b"1 INVITE", "²".encode() + b" INVITE"), False)
@searched(150)
def test_no_bytes_break_the_parser(data: bytes, stream: bool) -> None:
    """One odd phone must never take the emergency number down.

    What is read is read alike when it is written and read again.
    """
    try:
        message = parse(data, stream)
    except Malformed:
        return
    again = parse(message.encoded(), True)
    assert [p for p in again.headers if p[0] != "content-length"] == [
        p for p in message.headers if p[0] != "content-length"
    ]
    assert again.body == message.body


@given(mutated())
@searched(100)
def test_what_can_be_read_can_be_understood_or_refused(data: bytes) -> None:
    """Who calls, from where and with what sound: a part that is broken costs that part."""
    try:
        message = parse(data)
    except Malformed:
        return
    body.location_of(message)
    body.session_of(message)
    if isinstance(message, Request):
        identity.caller_of(message)
        identity.place_of(message)


@st.composite
def sequences(draw: st.DrawFn) -> list[bytes | float]:
    """What one far end sends: few names, so that messages meet; and pauses between."""
    few = st.sampled_from([b"1", b"2"])
    methods = [b"INVITE"] * 4 + [
        b"ACK",
        b"BYE",
        b"CANCEL",
        b"UPDATE",
        b"OPTIONS",
        b"INFO",
        b"PRACK",
    ]
    tags = [b"", b"", b"m0", b"m1", b"m3"]
    single = st.builds(
        request, st.sampled_from(methods), few, few, st.sampled_from(tags), few, few,
        st.sampled_from([SESSION, b"", b"v=0\r\n"]),
    )  # fmt: skip
    answers = st.sampled_from([b"100", b"200", b"408", b"481"]).map(_answer)
    steps = single | single | answers | mutated() | st.sampled_from([0.1, 1.0, 33.0])
    return draw(st.lists(steps, max_size=14))


def _answer(status: bytes) -> bytes:
    return request(b"BYE", b"m2").replace(
        b"BYE sip:112@192.0.2.2 SIP/2.0", b"SIP/2.0 " + status + b" X"
    )


@given(sequences())
@searched(120)
def test_any_sequence_is_survived_answered_once_and_forgotten(steps: list[bytes | float]) -> None:
    """Whatever a far end sends in whatever order: nothing raises, no request has two final
    answers, nothing is sent where no socket can send, and after a while nothing is kept."""
    end = Offline(owner)
    finals: dict[object, set[int]] = {}
    for step in steps:
        if isinstance(step, float):
            end.pass_s(step)
        else:
            end.take(step)
    quiet(end)
    for sent in end.sent:
        assert 0 < sent.flow.port < 1 << 16
        with contextlib.suppress(
            Malformed
        ):  # the answer to a broken request repeats what is broken
            message = parse(sent.data)
            if not isinstance(message, Response) or message.status < 200:
                continue
            name = (tuple(message.vias[:1]), message.cseq, message.to.tag, message.call_id)
            finals.setdefault(name, set()).add(message.status)
    assert all(len(statuses) == 1 for statuses in finals.values()), finals
    assert not any(end.kept().values()), end.kept()


@given(st.lists(mutated([request()]), max_size=6))
@searched(80)
def test_every_invite_that_can_be_read_ends_in_one_way(datagrams: list[bytes]) -> None:
    """Each INVITE is told once: as a call or as a refusal, however often it comes again."""
    end = Offline(owner)
    for number, data in enumerate(datagrams):
        for _ in range(2):
            end.take(data, Flow("UDP", f"192.0.2.{number + 10}", 5060))
    outcomes = Counter(
        event.flow.host
        for event in end.told
        if isinstance(event, events.Incoming | events.InviteRefused)
    )
    assert all(times == 1 for times in outcomes.values()), outcomes


def test_a_port_that_does_not_exist_closes_no_socket() -> None:
    """Given a Via with port 99999; then the answer goes to the port it came from: asked to send
    there, the system's socket would close and nobody could call any more."""
    end = Offline(owner)
    data = request().replace(b"192.0.2.1:5060;branch=z9hG4bK1;rport", b"192.0.2.1:99999;branch=z9")
    assert {sent.flow for sent in end.take(data)} == {PEER}
    assert any(isinstance(event, events.Incoming) for event in end.told)


def test_a_fault_of_our_own_leaves_neither_silence_nor_remains() -> None:
    """Given an owner that breaks on a call; then the caller hears 500, which is told."""

    def broken(end: Offline, event: events.Event) -> None:
        end.told.append(event)
        if isinstance(event, events.Incoming):
            raise RuntimeError("a bug")

    end = Offline(broken)
    answered = [sent.data[8:11] for sent in end.take(request())]
    assert answered == [b"100", b"500"]
    [_, refused] = end.told
    assert isinstance(refused, events.InviteRefused)
    assert refused.status == 500
    quiet(end)
    assert not any(end.kept().values())


def test_a_fault_within_the_agent_leaves_neither_silence_nor_remains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a bug after the request was taken in; then it is answered 500 and not kept for ever."""

    def broken(self: Agent, *_: object) -> list[Output]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Agent, "_invited_by", broken)
    end = Offline(owner)
    assert [sent.data[8:11] for sent in end.take(request())] == [b"500"]
    assert [type(event) for event in end.told] == [events.InviteRefused]
    quiet(end)
    assert not any(end.kept().values())


@pytest.mark.parametrize("refused", ["malformed", "overload"])
def test_a_refusal_that_is_repeated_is_told_once(refused: str) -> None:
    """Given an INVITE refused without a transaction whose answer was lost; when it comes again
    within 32 s; then it gets the same answer and nothing more is told; after that it is new."""
    gate = Gate()
    end = Offline(owner, gate)
    data = request(cseq=b"one") if refused == "malformed" else request()
    while refused == "overload" and gate.admit_call(end.now):
        pass
    status = b"400" if refused == "malformed" else b"503"
    for _ in range(5):
        assert [sent.data[8:11] for sent in end.take(data)] == [status]
        end.pass_s(2)  # at overload there is room again, and the answer stays what it was
    assert [type(event) for event in end.told] == [events.InviteRefused]
    other = data.replace(b"Call-ID: c", b"Call-ID: d").replace(b"z9hG4bK1", b"z9hG4bK2")
    end.take(other)
    assert len(end.told) == 2
    end.pass_s(33)
    end.take(data)
    assert len(end.told) == 3


def test_refusals_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of refused INVITEs must not fill the memory."""
    from tahuri.telephony.sip import refusals

    monkeypatch.setattr(refusals, "REFUSALS_MAX", 50)
    end = Offline(owner)
    for number in range(200):
        end.take(request(call_id=b"%d" % number, cseq=b"one"))
    assert len(end._refusals) == 50
    end.pass_s(60)
    end.take(request(call_id=b"last", cseq=b"one"))
    assert len(end._refusals) == 1


def test_a_full_table_is_a_refusal_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller whom we have no memory for hears 503 and stands in the log."""
    from tahuri.telephony.sip import transactions

    end = Offline(owner, Gate())
    monkeypatch.setattr(transactions, "TRANSACTIONS_MAX", 0)
    assert [sent.data[8:11] for sent in end.take(request())] == [b"503"]
    assert [type(event) for event in end.told] == [events.InviteRefused]


def test_a_storm_outside_calls_leaves_room_for_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as many OPTIONS as may be remembered; then a call and its CANCEL still come in."""
    from tahuri.telephony.sip import transactions

    monkeypatch.setattr(transactions, "TRANSACTIONS_MAX", 20)
    monkeypatch.setattr(transactions, "STRAY_MAX", 10)
    end = Offline(lambda end, event: end.told.append(event))
    said = [end.take(request(b"OPTIONS", b"o%d" % n))[0].data[8:11] for n in range(15)]
    assert said == [b"200"] * 10 + [b"503"] * 5
    assert end.take(request())[0].data[8:11] == b"100"
    heard = [sent.data[8:11] for sent in end.take(request(b"CANCEL"))]
    assert heard == [b"200", b"487"]


def test_the_same_call_by_another_way_is_refused_once_the_first_way_stands() -> None:
    """A copy forked on the way must not make two calls of one caller; but while nobody has
    acknowledged our answer the first way may be dead, and the copy is the caller's only one."""
    end = Offline(lambda end, event: end.told.append(event))
    end.take(request(branch=b"1"))
    first = end.told[0]
    assert isinstance(first, events.Incoming)
    end.perform(end.agent.accept(first.leg, SESSION, end.now))
    assert end.take(request(branch=b"2"))[0].data[8:11] == b"100"
    end.take(request(b"ACK", b"3", to_tag=first.leg.local_tag.encode()))
    assert end.take(request(branch=b"4"))[0].data[8:11] == b"482"
    assert end.take(request(branch=b"5", cseq=b"2"))[0].data[8:11] == b"100"


# ---- bodies ---------------------------------------------------------------------------------

_lines = st.sampled_from(
    [
        *SESSION.split(b"\r\n"),
        b"m=audio 0 RTP/AVP 8",
        b"m=video 5 RTP/AVP 96",
        b"m=",
        b"c=IN IP6 ::1",
    ]
) | st.builds(
    lambda key, value: key + value,
    st.sampled_from([b"m=audio ", b"m=audio 5 RTP/AVP ", b"c=IN IP4 ", b"a=rtpmap:", b"a="]),
    st.sampled_from(NASTY) | st.binary(max_size=12),
)


@given(st.lists(_lines, max_size=14).map(lambda lines: b"v=0\r\n" + b"\r\n".join(lines)))
@example(SESSION.replace(b"40000", "²".encode()))
@example(SESSION.replace(b"40000", b"9" * 5000))
@example(SESSION + b"m=\r\n")
@searched(150)
def test_no_session_breaks_the_answer(content: bytes) -> None:
    """A session is answered, with an m= line for each of theirs, or it is none (488)."""
    try:
        stream = sdp.parse(content)
    except sdp.NoSession:
        return
    answer = sdp.answer(stream, "192.0.2.2", 40002, 1)
    assert answer.count(b"\r\nm=") == len(stream.media)
    ours = sdp.parse(answer)
    assert (ours.payload, ours.index) == (stream.payload, stream.index)


def test_a_line_of_slashes_costs_nothing() -> None:
    """Sixteen kilobytes of them once took a second and a half; counted by what is left to read."""
    with pytest.raises(sdp.NoSession):
        sdp.parse(SESSION.replace(b"192.0.2.1", b"/1" * 8000 + b"x"))


_PLACE = b'<pos xmlns="http://www.opengis.net/gml">-3.69 128.18</pos>'
_xml = st.one_of(
    st.binary(max_size=200),
    st.integers(1, 4000).map(lambda n: b"<a>" * n + _PLACE + b"</a>" * n),
    st.sampled_from(NASTY).map(lambda value: _PLACE.replace(b"-3.69", value)),
    st.sampled_from(NASTY).map(lambda value: b"<p>" + _PLACE + value + b"</p>"),
    st.sampled_from([b"utf-16", b"utf-7", b"ibm037", b"x", b"utf-8"]).map(
        lambda name: b'<?xml version="1.0" encoding="' + name + b'"?>' + _PLACE
    ),
    st.integers(1, 20).map(
        lambda n: (
            b'<!DOCTYPE p [<!ENTITY e0 "x">'
            + b"".join(b'<!ENTITY e%d "&e%d;&e%d;">' % (i, i - 1, i - 1) for i in range(1, n))
            + b"]><p>&e%d;</p>" % (n - 1)
        )
    ),
)


@given(_xml)
@searched(120)
def test_no_location_costs_more_than_itself(xml: bytes) -> None:
    """Entity bombs, nesting without end, numbers without end, odd encodings: a place or none."""
    place = body.parse_location(xml)
    assert place is None or (-90 <= place.lat <= 90 and -180 <= place.lon <= 180)


_segment = st.sampled_from(
    [b"--x", b"--x--", b"--", b"", b"Content-Type: application/sdp", b"Content-ID: <a>", SESSION]
) | st.binary(max_size=30)


@given(st.lists(_segment, max_size=40).map(b"\r\n".join), st.sampled_from([*NASTY, b"x", b'"x"']))
@searched(120)
def test_no_multipart_costs_more_than_its_parts(content: bytes, boundary: bytes) -> None:
    """However a body is cut: at most so many parts, and none larger than the body."""
    message = Request(method="INVITE", body=content)
    kind = (b"multipart/mixed;boundary=" + boundary).decode("utf-8", "surrogateescape")
    message.headers = [("content-type", kind)]
    parts = body.parts_of(message)
    assert len(parts) <= body.PARTS_MAX
    assert sum(len(part.content) for part in parts) <= len(content)


def test_a_server_key_needs_no_port() -> None:
    """The name of a transaction is never a reason to refuse it."""
    message = parse(request().replace(b"192.0.2.1:5060", b"host.invalid"))
    assert isinstance(message, Request)
    assert server_key(message) == ("z9hG4bK1", "host.invalid", "INVITE")
