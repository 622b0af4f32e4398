"""Parsers under atheris, run by hand: ``parsers.py PARSER [atheris options] [CORPUS …]``.

Each takes any bytes and lets out no exception but the one it promises.  See README.md.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

import seeds

from tahuri.kernel import clock
from tahuri.telephony import rpc, token
from tahuri.telephony.media import rtp
from tahuri.telephony.media import sdp as browser_sdp
from tahuri.telephony.media.protocol import AnyEvent, AnyRequest, MediaRefused
from tahuri.telephony.protocol import facts, operations
from tahuri.telephony.sip import body, events, sdp
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.dialogs import Identity
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.message import Malformed, Request, parse
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.edge import identity

PEER = Flow("UDP", "192.0.2.1", 5060)
SESSION = sdp.offer("192.0.2.2", 40_000, 1)
MODES: tuple[Srtp, ...] = ("off", "optional", "required")
KEY = b"k" * 32
CONTRACTS: tuple[Any, ...] = (
    operations.AnySeatOperation,
    operations.AnyQueueOperation,
    operations.CallBack,
    operations.OfferCallBack,
    operations.SetMeasures,
    facts.Fact,
    AnyRequest,
    AnyEvent,
)
BETWEEN = b"\n----\n"
"""Between the messages of a sequence for `agent`."""


def sip(data: bytes) -> None:
    """One message, and all that is read out of it."""
    for stream in (False, True):
        try:
            message = parse(data, stream)
        except Malformed:
            continue
        parse(message.encoded(), True)
        body.location_of(message)
        if isinstance(message, Request):
            identity.caller_of(message)


def agent(data: bytes) -> None:
    """A sequence of messages to one user agent that takes every call; then a long time passes."""
    numbers = count()
    one = Agent(Identity("192.0.2.2", 5060, 5060), lambda: f"m{next(numbers)}")
    now = 0.0
    for part in data.split(BETWEEN):
        now += 0.5
        try:
            outputs = one.receive(parse(part), PEER, now)
        except Malformed as error:
            outputs = one.malformed(error, PEER)
        except BadValue:
            continue
        for output in outputs:
            match output:
                case events.Incoming(leg):
                    one.accept(leg, SESSION, now)
                case events.Reoffered(leg, session):
                    one.answer_reoffer(leg, session, now)
                case events.Registering(key):
                    one.respond(key, 403, now)
                case _:
                    pass
    for leg in list(one.legs.values()):
        one.hang_up(leg, now)
    for _ in range(20):
        now += 100
        one.elapse(now)
    assert not one.legs, "a leg is kept for ever"
    assert len(one.transactions) == 0, "a transaction is kept for ever"


def session(data: bytes) -> None:
    """A session description, and our answer to it."""
    for srtp in MODES:
        try:
            stream = sdp.parse(data, srtp)
        except sdp.NoSession:
            continue
        if stream.crypto is None:
            sdp.parse(sdp.answer(stream, "192.0.2.2", 40_000, 1))


def place(data: bytes) -> None:
    """A PIDF-LO."""
    body.parse_location(data)


def multipart(data: bytes) -> None:
    """A body of several parts; its first line is the Content-Type."""
    kind, _, content = data.partition(b"\n")
    message = Request(method="INVITE", body=content)
    message.headers = [("content-type", kind.decode("utf-8", "surrogateescape"))]
    assert len(body.parts_of(message)) <= body.PARTS_MAX
    body.location_of(message)


def audio(data: bytes) -> None:
    """One RTP packet, its key press and its place in the stream."""
    packet = rtp.parse(data)
    if packet is not None:
        rtp.KeyPresses().receive(packet, 0.0)
        rtp.Reception().receive(packet, 0.0)


def reports(data: bytes) -> None:
    """One compound RTCP packet."""
    rtp.is_rtcp(data)
    rtp.parse_rtcp(data)


def browser(data: bytes) -> None:
    """A browser's offer, and our answer to it."""
    try:
        offer = browser_sdp.read(data.decode("utf-8", "replace"))
    except MediaRefused:
        return
    browser_sdp.answer(offer, browser_sdp.Ours([("192.0.2.2", 9)], "u", "p", "AB", 1))


def line(data: bytes) -> None:
    """A line of a socket or a frame of a seat's WebSocket, read as everything that it may be."""
    try:
        message = msgspec.json.decode(data, type=dict[str, object])
    except rpc.UNREADABLE:
        return
    for kind in CONTRACTS:
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert(message, kind)
    with contextlib.suppress(token.BadToken):
        token.verify(str(message.get("token")), KEY, clock.now())


PARSERS: dict[str, Callable[[bytes], None]] = {
    "sip": sip,
    "agent": agent,
    "sdp": session,
    "place": place,
    "multipart": multipart,
    "rtp": audio,
    "rtcp": reports,
    "browser": browser,
    "rpc": line,
}


def main(arguments: list[str]) -> int:
    """0 when the search came to its end without a find; 2 for a wrong command or no atheris."""
    if not arguments or arguments[0] not in PARSERS:
        print(f"parsers.py PARSER [OPTION …] [CORPUS …]; PARSER: {', '.join(PARSERS)}")
        return 2
    parser = PARSERS[arguments[0]]
    if arguments[1:2] == ["--once"]:
        for name in arguments[2:]:
            parser(Path(name).read_bytes())
        return 0
    if arguments[1:2] == ["--seeds"] and len(arguments) == 3:
        print(f"{seeds.write(arguments[0], Path(arguments[2]))} written")
        return 0
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print("atheris is not installed: pip install atheris (see tests/fuzz/README.md)")
        return 2
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments[1:]], parser)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
