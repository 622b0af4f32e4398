"""A switch in this process with a media that only pretends, and a phone: for tests in seconds."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.words import SUBPROTOCOL
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import config
from tahuri.telephony.switch.process import Switch, seat_key
from tahuri.telephony.switch.quality import mediapulse
from tahuri.telephony.token import SeatToken, Skills, sign

mediapulse.EVERY_S = 3600.0  # a test that means it asks by itself: others count what media is asked

ADDRESS = "127.0.0.1"
Condition = Callable[[], object]


async def until(condition: Condition, within_s: float = 5.0) -> None:
    """Wait for a condition.  Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


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


class PretendedMedia:
    """Answers as contract §2 says and remembers who hears whom."""

    def __init__(self, path: Path) -> None:
        self.server = rpc.Server(path, self._answer)
        self.instance = "one"
        self.ports: dict[int, tuple[str, str]] = {}
        """(kind, name) by port."""
        self.cells: dict[tuple[int, int], float] = {}
        self.recordings: dict[int, str] = {}
        self.remotes: dict[int, str | None] = {}
        self.refuse: dict[str, str] = {}
        """Error code by operation."""
        self.stalls: set[str] = set()
        """Operations that get no answer, as long as they are in it."""
        self.asked: list[str] = []
        """Operations so far."""
        self.figures: dict[int, dict[str, object]] = {}
        """What ``measure`` tells, by port, of those that exist."""
        self._number = 0

    def hears(self, port: int) -> list[str]:
        """Kinds and names of what a port hears, without ids."""
        found = [self.ports[says] for (hears, says) in self.cells if hears == port]
        return sorted(f"{kind} {name.partition(' ')[0]}" for kind, name in found)

    def port(self, name: str) -> int:
        """The newest port whose name begins so."""
        return max(port for port, (_, known) in self.ports.items() if known.startswith(name))

    async def _answer(self, op: str, arguments: dict[str, object]) -> object:
        self.asked.append(op)
        while op in self.stalls:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if op in self.refuse:
            raise rpc.Failure(self.refuse[op])
        self._number += 1
        number = self._number
        match op:
            case "hello":
                return self._holdings()
            case "open_rtp":
                self.ports[number] = ("rtp", str(arguments["name"]))
                return {"port": number, "address": ADDRESS, "udp": 40000 + 2 * number}
            case "open_webrtc":
                self.ports[number] = ("webrtc", str(arguments["name"]))
                return {"port": number, "sdp": f"answer {number}"}
            case "play":
                self.ports[number] = ("play", str(arguments["name"]))
                return {"port": number}
            case "set_remote":
                self.remotes[int(str(arguments["port"]))] = str(arguments["address"])
            case "free":
                for port in msgspec.convert(arguments["ports"], list[int]):
                    self.ports.pop(port, None)
                    self.cells = {c: g for c, g in self.cells.items() if port not in c}
            case "gains":
                for hears, says, gain in msgspec.convert(
                    arguments["cells"], list[tuple[int, int, float]]
                ):
                    if not {hears, says} <= self.ports.keys():
                        raise rpc.Failure("no-such-port")
                    self.cells.pop((hears, says), None)
                    if gain:
                        self.cells[hears, says] = gain
            case "measure":
                return [
                    {**self.figures[port], "port": port, "kind": self.ports[port][0], "name": ""}
                    for port in msgspec.convert(arguments["ports"], list[int])
                    if port in self.figures and port in self.ports
                ]
            case "record":
                self.recordings[number] = str(arguments["path"])
                return {"recording": number}
            case "record_stop":
                path = self.recordings.pop(int(str(arguments["recording"])), "")
                return {"path": path, "sha256": "00", "duration_s": 1.0, "bytes": 1, "fault": None}
            case _:
                pass
        return None

    def _holdings(self) -> dict[str, object]:
        ports = [
            {"port": port, "kind": kind, "name": name, "udp": None}
            for port, (kind, name) in self.ports.items()
        ]
        recordings = [{"recording": n, "path": path} for n, path in self.recordings.items()]
        return {"instance": self.instance, "ports": ports, "recordings": recordings}


class Browser:
    """A browser seat's WebSocket."""

    def __init__(
        self,
        bench: "Bench",
        seat_id: str,
        operator_id: str,
        *roles: str,
        skills: Skills | None = None,
    ) -> None:
        self._skills = skills or Skills()
        self._bench, self._seat_id, self._operator_id = bench, seat_id, operator_id
        self._roles = list(roles)
        self.state: dict[str, dict[str, object]] = {}
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._number = 0

    async def sit(self, ready: bool = True) -> None:
        """Attach, connect the audio, and be ready."""
        uri = f"ws://{ADDRESS}:{self._bench.websocket_port}/seat"
        self._connection = await connect(uri, subprotocols=[SUBPROTOCOL])  # type: ignore[list-item]
        self._reader = asyncio.create_task(self._read(self._connection))
        key = seat_key(self._bench.switch.core.settings.data_dir)
        token = SeatToken(
            seat_id=self._seat_id,
            operator_id=self._operator_id,
            operator_name="Somebody",
            kind="browser",
            session="s",
            exp=int(clock.now().timestamp()) + 60,
            roles=self._roles,
            skills=self._skills,
        )
        await self.ask("attach", token=sign(token, key))
        await self.ask("webrtc", sdp="offer")
        port = self._bench.media.port(f"seat {self._seat_id}")
        self._bench.media.server.push({"event": "webrtc", "port": port, "state": "connected"})
        await until(lambda: self.state and self.state["seat"]["media"] == "connected")
        if ready:
            await self.ask("ready")

    async def ask(self, op: str, **arguments: object) -> object:
        """Raises rpc.Failure."""
        assert self._connection is not None
        self._number += 1
        future: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = future
        await self._connection.send(json.dumps({"op": op, "id": self._number, **arguments}))
        async with asyncio.timeout(5):
            answer = await future
        if isinstance(error := answer.get("error"), dict):
            raise rpc.Failure(str(error["code"]))
        return answer["result"]

    async def until(self, condition: Callable[[dict[str, dict[str, Any]]], object]) -> None:
        """Wait until the pushed state fulfils a condition.  Raises TimeoutError."""

        def holds() -> bool:
            try:
                return bool(self.state and condition(self.state))
            except TypeError:
                return False  # what it looks into is not there yet

        await until(holds)

    async def offered(self) -> str:
        """Wait for an offer; returns the call's id."""
        await until(lambda: self.state.get("offer"))
        return str(self.state["offer"]["call_id"])

    async def leave(self) -> None:
        """The page is closed."""
        assert self._connection is not None
        assert self._reader is not None
        await self._connection.close()
        await self._reader

    async def _read(self, connection: ClientConnection) -> None:
        async for line in connection:
            message = json.loads(line)
            if message.get("event") == "state":
                self.state = message
            elif isinstance(message.get("id"), int) and message["id"] in self._answers:
                future = self._answers.pop(message["id"])
                if not future.done():
                    future.set_result(message)


def _settings(folder: Path, raw: dict[str, object]) -> config.Settings:
    path = folder / "switch.json"
    path.write_bytes(msgspec.json.encode(raw))
    return config.load(path)


class Bench:
    """One switch on free ports."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.media = PretendedMedia(folder / "media.sock")
        self.websocket_port = 0
        prompts = {name: str(folder / f"{name}.wav") for name in ("notice", "tone", "hold", "beep")}
        self.settings = _settings(
            folder,
            {
                "data_dir": str(folder / "data"),
                "sip": {"address": ADDRESS, "udp_port": 0, "tcp_port": 0},
                "public_address": ADDRESS,
                "websocket": {"address": ADDRESS, "port": 0, "origins": ["https://centre"]},
                "media_socket": str(folder / "media.sock"),
                "rpc_socket": str(folder / "switch.sock"),
                "trunks": [{"name": "telco", "sources": ["127.0.0.1/32"]}],
                "prompts": prompts,
                "spool_reserve_mb": 0,
                "offer_s": 0.4,
                "seat_vanish_s": 0.4,
                **settings,
            },
        )
        self.switch = Switch(self.settings)
        self.phone = Phone()
        self._instances = 0

    async def start(self) -> None:
        """Start the switch and wait for its media."""
        await self.switch.start()
        self.websocket_port = self.switch.websocket_port
        await until(lambda: self.switch.core.media_ready)

    @property
    def flow(self) -> Flow:
        return Flow("UDP", ADDRESS, self.switch.core.endpoint.agent.identity.udp_port)

    async def call(
        self,
        from_: str = "<sip:+620001@127.0.0.1>",
        headers: tuple[tuple[str, str], ...] = (),
        number: str = "112",
    ) -> PhoneCall:
        """A caller in the queue."""
        offer = sdp.offer(ADDRESS, 40000, 1)
        target = f"sip:{number}@127.0.0.1"
        call = self.phone.call(target, self.flow, offer, from_, "application/sdp", headers)
        call.on_reoffer = lambda session: sdp.answer(sdp.parse(session or offer), ADDRESS, 40000, 2)
        await call.wait_answered(5)
        return call

    def facts(self) -> list[Fact]:
        """Every fact so far; what is told again after a kill counts once, as in the log."""
        found: dict[str, Fact] = {}
        position = 0
        while batch := self.switch.core.spool.after(position, 500):
            position = batch[-1][0]
            for _, raw in batch:
                fact = msgspec.json.decode(raw, type=Fact)
                found.setdefault(fact.id, fact)
        return list(found.values())

    def types(self) -> list[str]:
        return [fact.type.partition(".")[2] for fact in self.facts()]

    async def told(self, kind: str, count: int = 1) -> Fact:
        """Wait for a fact."""
        await until(lambda: self.types().count(kind) >= count)
        return [fact for fact in self.facts() if fact.type.endswith(f".{kind}")][count - 1]

    async def kill_media(self) -> None:
        """Every port, cell and recording is gone; new media is there when this returns."""
        await self.start_new_media()
        core, media = self.switch.core, self.media
        await until(lambda: core.media_ready and core.media_instance == media.instance, 10)

    async def start_new_media(self) -> None:
        """It may be there when this returns, and nobody has greeted it yet."""
        media = self.media
        await media.server.stop()
        media.ports.clear()
        media.cells.clear()
        media.recordings.clear()
        self._instances += 1
        media.instance = f"again {self._instances}"
        await media.server.start()

    async def restart(self) -> None:
        """A new switch takes up what the old one left, as after a kill."""
        await self.switch.stop()
        await self.resume()

    async def resume(self) -> None:
        """A switch on the ports and files of the one before."""
        port = self.flow.port
        sip = msgspec.structs.replace(self.settings.sip, udp_port=port)
        self.settings = msgspec.structs.replace(self.settings, sip=sip)
        self.switch = Switch(self.settings)
        await self.start()


@contextlib.asynccontextmanager
async def bench(folder: Path, **settings: object) -> AsyncIterator[Bench]:
    """A started bench."""
    one = Bench(folder, **settings)
    await one.media.server.start()
    await one.phone.start()
    await one.start()
    try:
        yield one
    finally:
        await one.switch.stop()
        await one.phone.stop()
        await one.media.server.stop()
