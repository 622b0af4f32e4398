"""Seats that answer at once: SIP phones, and browsers without browsers."""

import asyncio
from collections.abc import Callable
from typing import Self

from tests.telephony.centre import SeatClient
from tests.telephony.media_bench import ADDRESS, until

from bench.browsers import Browsers
from bench.farends import note
from bench.room import Room
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import REGISTER_EXPIRES_S, Phone, PhoneCall

CONNECTED_WITHIN_S = 60.0


class Answering:
    """What both kinds do: tasks that end with the room, and a failure that is told."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    def do(self, work: "asyncio.Task[None]") -> None:
        """Keeps a task until it is over, and what it failed with."""
        self._tasks.add(work)
        work.add_done_callback(self._over)

    def check(self) -> None:
        """Raises RuntimeError: a seat is not there any more; what was measured says nothing."""
        if self._failed:
            raise RuntimeError("a seat failed") from self._failed[0]

    async def cancel(self) -> None:
        """Ends all that still runs."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)


class PhoneSeats(Answering):
    """So many SIP phones; `seats_of` is their configuration."""

    kind = "phone seats"

    def __init__(self, room: Room, count: int) -> None:
        super().__init__()
        self._room = room
        self._phones = [
            Phone(Account(f"s{number}", f"secret-{number}"), self._rung) for number in range(count)
        ]

    async def __aenter__(self) -> Self:
        for number, phone in enumerate(self._phones):
            await phone.start(ADDRESS, f"s{number}")
        await self._register()
        self.do(asyncio.create_task(self._stay_registered()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cancel()
        for phone in self._phones:
            await phone.stop()

    async def end(self) -> str:
        """Their legs are those of the room's voices, which tell for them."""
        return ""

    async def _register(self) -> None:
        for number, phone in enumerate(self._phones):
            status = await phone.register(self._room.exchange.flow)
            if status != 200:
                raise RuntimeError(f"seat {number} could not register: {status}")

    async def _stay_registered(self) -> None:
        while True:
            await asyncio.sleep(REGISTER_EXPIRES_S / 3)
            await self._register()

    def _rung(self, call: PhoneCall) -> None:
        assert call.request is not None
        assert call.session is not None
        self._room.rung(call.request.get("from") or "")
        self.do(asyncio.create_task(self._answer(call, call.session)))

    async def _answer(self, call: PhoneCall, session: bytes) -> None:
        voices = self._room.voices
        leg = voices.take()
        try:
            call.ring()
            theirs = sdp.parse(session)
            call.accept(sdp.answer(theirs, ADDRESS, voices.ports[leg], 1))
            voices.talk(leg, theirs.udp)
            await call.ended.wait()
        finally:
            voices.give_back(leg)


class BrowserSeats(Answering):
    """So many browser seats: the console's WebSocket, and legs with ICE, DTLS and SRTP."""

    kind = "browser seats"

    def __init__(self, room: Room, browsers: Browsers) -> None:
        super().__init__()
        self._room, self._browsers = room, browsers
        self._seats = [
            SeatClient(room.exchange, f"M{number}", f"op-{number}")
            for number in range(browsers.legs)
        ]
        self._answered: dict[str, str] = {}
        """Call by seat, so that one offer is answered once."""

    async def __aenter__(self) -> Self:
        answers = []
        for seat, offer in zip(self._seats, self._browsers.offers, strict=True):
            await seat.attach()
            answers.append(str(_of(await seat.ask("webrtc", sdp=offer), "sdp")))
        self._browsers.connect(answers)
        for seat in self._seats:
            await until(lambda seat=seat: _seat(seat)["media"] == "connected", CONNECTED_WITHIN_S)  # type: ignore[misc]
            await seat.ask("ready")
            seat.on_state = self._listening(seat)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cancel()
        for seat in self._seats:
            seat.on_state = lambda: None
            await seat.close()

    async def end(self) -> str:
        """They fall silent; how their own process fared."""
        return f"browsers: {note(await self._browsers.end())}"

    def _listening(self, seat: SeatClient) -> Callable[[], None]:
        def changed() -> None:
            offer = seat.state.get("offer")
            if isinstance(offer, dict):
                call_id = str(offer["call_id"])
                if self._answered.get(seat.seat_id) != call_id:
                    self._answered[seat.seat_id] = call_id
                    self._room.rung(str(offer["number"]))
                    self.do(asyncio.create_task(_ask(seat, "answer", call_id=call_id)))
            elif _seat(seat)["reason"] == "wrap-up":
                self.do(asyncio.create_task(_ask(seat, "ready")))

        return changed


async def _ask(seat: SeatClient, op: str, **arguments: object) -> None:
    await seat.ask(op, **arguments)


def _seat(seat: SeatClient) -> dict[str, object]:
    found = seat.state["seat"]
    assert isinstance(found, dict)
    return found


def _of(answer: object, name: str) -> object:
    assert isinstance(answer, dict)
    return answer[name]


def seats_of(count: int) -> list[dict[str, object]]:
    """Configuration of so many phone seats."""
    return [
        {
            "seat_id": f"S{number}",
            "username": f"s{number}",
            "password": f"secret-{number}",
            "operator_id": f"op-{number}",
            "operator_name": f"Operator {number}",
        }
        for number in range(count)
    ]
