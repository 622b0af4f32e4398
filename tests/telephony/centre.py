"""A whole telephone side for tests: the real media and switch processes, phones, seats, facts.

Everything listens on free ports of loopback and keeps its files in one folder.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

import msgspec
import tones
from media_bench import ADDRESS, FarEnd, Media, far_end, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ports import TCP, UDP, free_ports
from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.media.protocol import RtpPort
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.words import SUBPROTOCOL
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.grammar import in_uri
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.token import SeatToken, sign

NOTICE_HZ, TONE_HZ, HOLD_HZ = 620, 425, 350
CALLER_HZ, SEAT_HZ, PARTY_HZ = 440, 880, 1300
ALL_HZ = [NOTICE_HZ, TONE_HZ, HOLD_HZ, CALLER_HZ, SEAT_HZ, PARTY_HZ]
PRESENT_DBFS = -25.0
ABSENT_DBFS = -45.0
START_WITHIN_S = 15.0

__all__ = ["ADDRESS", "Centre", "Person", "SeatClient", "person", "until"]


def free_tcp() -> int:
    """A free TCP port, and the UDP port of that number is free as well."""
    return free_ports(TCP, UDP)


def phone_seat(seat_id: str, **settings: object) -> dict[str, object]:
    """Configuration of a SIP phone seat; its username is the seat's id in lower case."""
    return {
        "seat_id": seat_id,
        "username": seat_id.lower(),
        "password": f"secret-{seat_id}",
        "operator_id": f"op-{seat_id}",
        "operator_name": f"Operator {seat_id}",
        **settings,
    }


class Centre:
    """Media and switch as child processes.

    Args:
        folder: empty; everything is kept here.
        settings: put over the defaults of the switch's configuration.
        pairs: how many RTP legs media has.
    """

    def __init__(self, folder: Path, pairs: int = 40, **settings: object) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.media = Media(folder, pairs, ("--recordings", str(self.data / "recordings")))
        self.sip_port = free_tcp()
        self.websocket_port = free_tcp()
        self.rpc = rpc.Client(folder / "switch.sock")
        self._config = folder / "switch.json"
        self._process: asyncio.subprocess.Process | None = None
        self._collected: list[Fact] = []
        self._position = 0
        sounds = folder / "sounds"
        prompts = {
            "notice": str(tones.tone_wav(sounds / "notice.wav", NOTICE_HZ, 1.0)),
            "tone": str(tones.tone_wav(sounds / "tone.wav", TONE_HZ, 2.0)),
            "hold": str(tones.tone_wav(sounds / "hold.wav", HOLD_HZ, 2.0)),
        }
        self.settings: dict[str, object] = {
            "data_dir": str(self.data),
            "city_number": "112",
            "sip": {"address": ADDRESS, "udp_port": self.sip_port, "tcp_port": self.sip_port},
            "public_address": ADDRESS,
            "websocket": {"address": ADDRESS, "port": self.websocket_port, "origins": []},
            "media_socket": str(self.media.socket),
            "rpc_socket": str(folder / "switch.sock"),
            "trunks": [{"name": "telco", "sources": ["127.0.0.1/32"]}],
            "numbers": ["112"],
            "seats": [],
            "prompts": prompts,
            "spool_reserve_mb": 1,
            "offer_s": 3,
            "seat_vanish_s": 3,
            "robot_after_s": 1,
            **settings,
        }

    @property
    def pid(self) -> int:
        """Of the switch."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the switch has written."""
        return (self.folder / "switch.log").read_text()

    def flow(self, transport: str = "UDP", host: str = ADDRESS) -> Flow:
        """Where the switch takes SIP."""
        return Flow(transport, host, self.sip_port)

    async def __aenter__(self) -> "Centre":
        await self.media.__aenter__()
        self.rpc.start()
        try:
            await self.start()
        except BaseException as error:  # nobody else would stop what has started
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.rpc.close()
        await self.stop(signal.SIGTERM)
        await self.media.__aexit__(kind, error, trace)

    async def start(self) -> None:
        """Start the switch (again) and wait until it answers and has media."""
        self._config.write_text(json.dumps(self.settings))
        with (self.folder / "switch.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tahuri.telephony.switch", "--config", str(self._config),
                stdout=log, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(START_WITHIN_S):
            while True:
                with contextlib.suppress(rpc.Unavailable):
                    if (await self.state())["media_connected"]:
                        return
                await asyncio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal the switch and wait for its end."""
        assert self._process is not None
        if self._process.returncode is None:
            os.kill(self._process.pid, number)
        await self._process.wait()

    async def restart(self) -> None:
        """kill -9 of the switch, and a new one."""
        await self.stop(signal.SIGKILL)
        await until(lambda: not self.rpc.connected)
        await self.start()

    async def kill_media(self) -> None:
        """kill -9 of media, and a new one."""
        await self.media.stop(signal.SIGKILL)
        await self.media.__aenter__()

    async def state(self) -> dict[str, object]:
        """The switch's snapshot."""
        answer = await self.rpc.call("state")
        assert isinstance(answer, dict)
        return answer

    async def ask(self, seat_id: str, op: str, **arguments: object) -> object:
        """One of a phone seat's operations, as `serve` asks it.  Raises rpc.Failure."""
        who = {"seat_id": seat_id, "operator_id": f"op-{seat_id}"}
        return await self.rpc.call(op, 10.0, **who, **arguments)

    async def facts(self, call_id: str | None = None) -> list[Fact]:
        """Every fact so far, in order, each once."""
        answer = await self.rpc.call("facts", after=self._position, limit=500)
        assert isinstance(answer, dict)
        known = {fact.id for fact in self._collected}
        for position, fact in answer["facts"]:
            self._position = position
            read = msgspec.convert(fact, Fact)
            if read.id not in known:
                known.add(read.id)
                self._collected.append(read)
        return [f for f in self._collected if call_id is None or f.stream == f"call/{call_id}"]

    async def types(self, call_id: str | None = None) -> list[str]:
        """Types of the facts so far, without the slice's name."""
        return [fact.type.partition(".")[2] for fact in await self.facts(call_id)]

    async def fact(self, kind: str, count: int = 1, within_s: float = 10.0, **body: object) -> Fact:
        """Wait for the ``count``-th fact of a type with these values in its body."""
        async with asyncio.timeout(within_s):
            while True:
                found = [
                    fact
                    for fact in await self.facts()
                    if fact.type.endswith(f".{kind}")
                    and all(fact.body.get(name) == value for name, value in body.items())
                ]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.02)

    async def until_state(
        self, condition: Callable[[dict[str, object]], object], within_s: float = 10.0
    ) -> dict[str, object]:
        """Wait until the switch's snapshot fulfils a condition."""
        async with asyncio.timeout(within_s):
            while True:
                with contextlib.suppress(rpc.Unavailable):
                    state = await self.state()
                    if condition(state):
                        return state
                await asyncio.sleep(0.02)

    def token(self, seat_id: str, operator_id: str) -> str:
        """What `serve` would sign."""
        return seat_token(self.data, seat_id, operator_id)

    def recording(self, fact: Fact) -> Path:
        """The file of a recording-started fact."""
        return self.data / "recordings" / str(fact.body["path"])


def seat_token(data: Path, seat_id: str, operator_id: str, life_s: int = 600) -> str:
    """What `serve` would sign, with the key of that data folder."""
    key = (data / "secrets" / "seat.key").read_bytes()
    token = SeatToken(
        seat_id=seat_id,
        operator_id=operator_id,
        operator_name=f"Operator {operator_id}",
        kind="browser",
        session="test",
        exp=int(clock.now().timestamp()) + life_s,
    )
    return sign(token, key)


class Door(Protocol):
    """Where browser seats come in."""

    websocket_port: int

    def token(self, seat_id: str, operator_id: str) -> str:
        """As whom somebody takes a seat."""


class SeatClient:
    """A browser seat's WebSocket without the browser's audio."""

    def __init__(self, centre: Door, seat_id: str, operator_id: str) -> None:
        self._centre = centre
        self.seat_id, self.operator_id = seat_id, operator_id
        self.state: dict[str, object] = {}
        self.on_state: Callable[[], None] = lambda: None
        """Called with each state that is pushed."""
        self.superseded = False
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._number = 0

    async def attach(self, token: str | None = None) -> None:
        """Connect and attach.  Raises rpc.Failure."""
        uri = f"ws://{ADDRESS}:{self._centre.websocket_port}/seat"
        self._connection = await connect(uri, subprotocols=[SUBPROTOCOL])  # type: ignore[list-item]
        self._reader = asyncio.create_task(self._read(self._connection))
        text = token or self._centre.token(self.seat_id, self.operator_id)
        await self.ask("attach", token=text)

    async def ask(self, op: str, **arguments: object) -> object:
        """One operation's result.  Raises rpc.Failure with its code."""
        assert self._connection is not None
        self._number += 1
        future: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        await self._connection.send(json.dumps({"op": op, "id": self._number, **arguments}))
        async with asyncio.timeout(10):
            answer = await future
        error = answer.get("error")
        if isinstance(error, dict):
            raise rpc.Failure(str(error["code"]), str(error["detail"]))
        return answer["result"]

    async def until(self, condition: Callable[[dict[str, object]], object]) -> None:
        """Wait until the pushed state fulfils a condition."""
        await until(lambda: self.state and condition(self.state))

    async def close(self, abruptly: bool = False) -> None:
        """Close the page, or pull the plug."""
        assert self._connection is not None
        assert self._reader is not None
        if abruptly:
            self._connection.transport.abort()
        await self._connection.close()
        await self._reader

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for line in connection:
                message = json.loads(line)
                match message.get("event"):
                    case "state":
                        self.state = message
                        self.on_state()
                    case "superseded":
                        self.superseded = True
                    case _:
                        self._waiting.pop(message["id"]).set_result(message)


class Person:
    """A SIP phone with sound: says one tone and measures what it hears."""

    def __init__(
        self,
        centre: Centre,
        hz: float,
        end: FarEnd,
        account: Account | None,
        host: str = ADDRESS,
    ) -> None:
        self.centre = centre
        self.host = host
        self.end = end
        self.received: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.phone = Phone(account, self.received.put_nowait)
        self.call: PhoneCall | None = None
        self._sound = tones.tone(hz, 1.0)
        self._talking: asyncio.Task[None] | None = None

    @property
    def offer(self) -> bytes:
        return sdp.offer(self.host, self.end.udp, 1)

    @property
    def address(self) -> str:
        """The ``sip:`` address of this phone."""
        identity = self.phone.agent.identity
        return f"sip:{identity.user}@{in_uri(self.host)}:{identity.udp_port}"

    async def dial(
        self,
        target: str = "sip:112@127.0.0.1",
        from_: str = "<sip:+62000111@127.0.0.1>",
        transport: str = "UDP",
        headers: tuple[tuple[str, str], ...] = (),
        session: bytes | None = None,
        content_type: str = "application/sdp",
    ) -> PhoneCall:
        """Call the centre, wait for the answer, begin to talk."""
        self.call = self.phone.call(
            target,
            self.centre.flow(transport, self.host),
            self.offer if session is None else session,
            from_,
            content_type,
            headers,
        )
        answer = await self.call.wait_answered(10)
        if answer is not None:
            self.talk(answer)
        return self.call

    async def pick_up(self, within_s: float = 10.0) -> PhoneCall:
        """Wait for a call, answer it, begin to talk."""
        async with asyncio.timeout(within_s):
            call = await self.received.get()
        assert call.session is not None
        self.call = call
        stream = sdp.parse(call.session)
        call.accept(sdp.answer(stream, self.host, self.end.udp, 1))
        self.talk(call.session)
        with contextlib.suppress(TimeoutError):  # of a call that nobody acknowledges any more
            await until(lambda: call.leg.confirmed or call.ended.is_set(), 2)
        return call

    def talk(self, session: bytes) -> None:
        """Say the tone towards the address of a session, until silenced."""
        self.be_silent()
        stream = sdp.parse(session)
        port = RtpPort(0, stream.address, stream.udp)

        async def talking() -> None:
            while True:
                await self.end.play(self._sound, port)

        self._talking = asyncio.create_task(talking())

    def follow(self) -> None:
        """Go along with a re-INVITE, as phones do."""

        def reoffered(session: bytes | None) -> bytes | None:
            assert session is not None
            assert self.call is not None
            self.call.session = session
            self.talk(session)
            return sdp.answer(sdp.parse(session), self.host, self.end.udp, 2)

        assert self.call is not None
        self.call.on_reoffer = reoffered

    def be_silent(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
            self._talking = None

    async def hears(self, *present_hz: float, within_s: float = 8.0) -> None:
        """Wait until exactly these of ALL_HZ are heard.  Raises AssertionError."""
        heard: dict[float, float] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    since = len(self.end.packets)
                    while len(self.end.packets) < since + 25:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                    heard = tones.levels(self.end.heard(since), ALL_HZ)
                    if self._is_exactly(heard, present_hz):
                        return
        raise AssertionError(f"heard {heard}, wanted {present_hz}")

    def _is_exactly(self, heard: dict[float, float], present_hz: tuple[float, ...]) -> bool:
        return all(
            level > PRESENT_DBFS if hz in present_hz else level < ABSENT_DBFS
            for hz, level in heard.items()
        )

    async def close(self) -> None:
        self.be_silent()
        await self.phone.stop()


@contextlib.asynccontextmanager
async def person(
    centre: Centre,
    hz: float,
    user: str = "phone",
    account: Account | None = None,
    host: str = ADDRESS,
) -> AsyncIterator[Person]:
    """A phone on free ports."""
    async with far_end(host) as end:
        someone = Person(centre, hz, end, account, host)
        await someone.phone.start(host, user)
        try:
            yield someone
        finally:
            await someone.close()


@contextlib.asynccontextmanager
async def seated(centre: Centre, seat_id: str, hz: float = SEAT_HZ) -> AsyncIterator[Person]:
    """A registered phone seat (see `phone_seat`)."""
    account = Account(seat_id.lower(), f"secret-{seat_id}")
    async with person(centre, hz, seat_id.lower(), account) as phone:
        assert await phone.phone.register(centre.flow()) == 200
        yield phone
