"""The robot's seat: registers, answers test calls, and lets them hear that it was there.

It gives back what it hears, so that a person hears themselves; the tone of `testcall` it answers
with another, which nothing else in the centre would say.
"""

import asyncio
import contextlib
import socket

import structlog

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.sdp import NoSession, answer, parse
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.testcall import ANSWER_TONE_HZ, FRAME, FRAME_S, frame, is_tone, received

USER = "tahuri-test-seat"
EXPIRES_S = 300
REGISTER_S = 2.0
TALK_S_MAX = 60.0
"""Whatever the switch does, no test call holds the robot for longer."""

log = structlog.get_logger()


class TestSeat:
    """One robot at one switch.

    Args:
        password: of `USER`, as the switch knows it.
        registrar: where the switch listens.
        source: local address.
    """

    __test__ = False

    def __init__(self, password: str, registrar: Flow, source: str) -> None:
        self._registrar, self.source = registrar, source
        self._phone = Phone(Account(USER, password), self._rings)
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False
        self._registering = asyncio.Lock()

    async def register(self) -> bool:
        """Be there for the next test call; False when the switch does not let us."""
        async with self._registering:
            return await self._register()

    async def _register(self) -> bool:
        try:
            if not self._started:
                await self._phone.start(self.source, user=USER)
                self._started = True
        except OSError as error:
            log.warning("the robot's seat cannot listen", error=str(error))
            return False
        try:
            async with asyncio.timeout(REGISTER_S):
                status = await self._phone.register(self._registrar, EXPIRES_S)
        except TimeoutError:
            status = 408
        if status != 200:
            log.warning("the robot's seat cannot register", status=status)
        return status == 200

    async def stop(self) -> None:
        """Hang up."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._started:
            await self._phone.stop()

    def _rings(self, call: PhoneCall) -> None:
        task = asyncio.create_task(self._talk(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, call: PhoneCall) -> None:
        family = socket.AF_INET6 if ":" in self.source else socket.AF_INET
        with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as ear:
            try:
                ear.setblocking(False)
                ear.bind((self.source, 0))
                stream = parse(call.session or b"")
            except (NoSession, OSError):
                call.reject(488)
                return
            call.accept(answer(stream, self.source, ear.getsockname()[1], 1))
            try:
                await self._give_back(call, ear, (stream.address, stream.udp), stream.payload)
            finally:
                call.hang_up()

    async def _give_back(
        self, call: PhoneCall, ear: socket.socket, to: tuple[str, int], payload: int
    ) -> None:
        begun_s, number = monotonic_s(), 0
        while not call.ended.is_set() and monotonic_s() - begun_s < TALK_S_MAX:
            for body in received(ear, payload):
                sound = g711.decode(payload, body)
                reply = body.tobytes()
                if is_tone(sound):
                    reply = frame(number, ANSWER_TONE_HZ, payload)[: len(reply)]
                packet = rtp.build(payload, number, number * FRAME, 0x7E58, reply)
                number += 1
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    ear.sendto(packet, to)
            await asyncio.sleep(FRAME_S / 2)
