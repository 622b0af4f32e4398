"""A telephone with sound: one SIP phone, one call at a time, says what it is given, listens."""

import asyncio
import socket
from collections import deque

import numpy as np
import numpy.typing as npt

from tahuri.telephony.media import g711, rtp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.sdp import answer, offer, parse
from tahuri.telephony.sip.transaction import Flow

FRAME_S = 0.02
FRAME = 160
PCMA = 8
SILENCE = g711.encode(PCMA, np.zeros(FRAME, np.int16)).tobytes()
LOUD = 600
"""Peak of a frame, of 32,767, that counts as somebody speaking."""
HEARD_MAX = 500
"""Frames that are kept: 10 s."""

Samples = npt.NDArray[np.int16]


def flow(sip: str) -> Flow:
    """``host:port`` over UDP."""
    host, _, port = sip.rpartition(":")
    return Flow("UDP", host, int(port))


class Line:
    """A phone.

    Args:
        account: (user name, password) to register with; None only places calls.
        picks_up: whether an incoming call is accepted at once; it is put into ``calls`` anyway.
    """

    def __init__(self, account: tuple[str, str] | None = None, picks_up: bool = True) -> None:
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.call: PhoneCall | None = None
        self.heard: deque[Samples] = deque(maxlen=HEARD_MAX)
        self.loud_at_s = 0.0
        """When the far side was last loud, by the loop's clock."""
        self._picks_up = picks_up
        self._phone = Phone(Account(*account) if account else None, self._rings)
        self._saying: deque[bytes] = deque()
        self._said = asyncio.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._to: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens its ports."""
        await self._phone.start(user="line")
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Hangs up and closes its ports."""
        if self.call is not None:
            self.call.hang_up()
            await asyncio.sleep(FRAME_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._phone.stop()
        self._socket.close()

    async def register(self, sip: str, expires_s: int = 60) -> int:
        """Registers at ``host:port``; the final status, 408 when nobody answers."""
        return await self._phone.register(flow(sip), expires_s)

    @property
    def offered(self) -> bytes:
        """The session that it offers."""
        return offer("127.0.0.1", self._socket.getsockname()[1], 1)

    async def dial(
        self,
        sip: str,
        number: str,
        caller: str,
        *,
        body: tuple[str, bytes] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> PhoneCall:
        """Calls and waits for the 200.

        Args:
            caller: From, e.g. ``<sip:+62011200001@127.0.0.1>``.
            body: (content type, body) instead of the offer alone.

        Raises:
            CallFailed, TimeoutError: it was not accepted.
        """
        kind, content = body or ("application/sdp", self.offered)
        self.call = self._phone.call(
            f"sip:{number}@{sip}", flow(sip), content, caller, kind, headers
        )
        self._follow(self.call)
        session = await self.call.wait_answered()
        self._speak_to(session)
        return self.call

    def hang_up(self) -> None:
        """BYE, or CANCEL."""
        if self.call is not None:
            self.call.hang_up()

    def accept(self, call: PhoneCall) -> None:
        """Picks up."""
        assert call.session is not None
        self.call = call
        self._follow(call)
        port = self._socket.getsockname()[1]
        call.accept(answer(parse(call.session), "127.0.0.1", port, 1))
        self._speak_to(call.session)

    def say(self, samples: Samples) -> None:
        """Says something after what is still being said; 8 kHz."""
        whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        self._saying.extend(g711.encode(PCMA, frame).tobytes() for frame in whole)
        self._said.clear()

    async def said(self) -> None:
        """Waits until all is said."""
        if self._saying:
            await self._said.wait()

    async def quiet(self, seconds: float, at_most_s: float) -> None:
        """Waits until the far side has been quiet for ``seconds`` from now on, as people do."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        end = begun + at_most_s
        while (  # noqa: ASYNC110
            (now := loop.time()) < end and now - max(self.loud_at_s, begun) < seconds
        ):
            await asyncio.sleep(0.1)

    def next_frame(self) -> bytes:
        """20 ms of what it says now."""
        if self._saying:
            frame = self._saying.popleft()
            if not self._saying:
                self._said.set()
            return frame
        return SILENCE

    def _rings(self, call: PhoneCall) -> None:
        self.calls.put_nowait(call)
        call.ring()
        if self._picks_up:
            self.accept(call)

    def _follow(self, call: PhoneCall) -> None:
        """Goes along with a new session of the far side, as telephones do."""

        def taken(session: bytes | None) -> bytes:
            if session is None:
                return self.offered
            self._speak_to(session)
            return answer(parse(session), "127.0.0.1", self._socket.getsockname()[1], 2)

        call.on_reoffer = taken

    def _speak_to(self, session: bytes | None) -> None:
        assert session is not None
        stream = parse(session)
        assert stream.address is not None
        self._to = (stream.address, stream.udp)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        start, number = loop.time(), 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, start + number * FRAME_S - loop.time()))
            if self._to is not None:
                packet = rtp.build(PCMA, number, number * FRAME, 1, self.next_frame())
                self._socket.sendto(packet, self._to)
            self._listen(loop.time())

    def _listen(self, now_s: float) -> None:
        while True:
            try:
                packet = rtp.parse(self._socket.recv(rtp.DATAGRAM_BYTES_MAX))
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # the far side's port is closed for the moment
            if packet is None or packet.payload != PCMA or not packet.body:
                continue
            samples = g711.decode(PCMA, np.frombuffer(packet.body, np.uint8))
            self.heard.append(samples)
            if int(np.abs(samples.astype(np.int32)).max()) > LOUD:
                self.loud_at_s = now_s
