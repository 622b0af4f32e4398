"""A SIP phone with sound for tests: says a tone for ever, measures what it hears."""

import asyncio
import struct

import numpy as np
from tones import levels, tone

from tahuri.simulate.line import FRAME, PCMA, Line
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.sip.phone import PhoneCall

LISTEN_S = 1.5
DTMF = 101


class SoundPhone(Line):
    """One phone, one call at a time.

    Args:
        tone_hz: what it says, for ever.
        account: (user name, password) to register as a seat; None is a caller.
    """

    def __init__(self, tone_hz: float, account: tuple[str, str] | None = None) -> None:
        super().__init__(account)
        octets = g711.encode(PCMA, tone(tone_hz, 1.0)).tobytes()
        self._frames = [octets[at : at + FRAME] for at in range(0, len(octets), FRAME)]
        self._at = 0
        self._presses = 0

    def next_frame(self) -> bytes:
        """The next 20 ms of the tone."""
        self._at = (self._at + 1) % len(self._frames)
        return self._frames[self._at]

    def press(self, digit: int) -> None:
        """One key, as a phone sends it (RFC 4733): the end of the event three times."""
        assert self._to is not None
        self._presses += 1
        for copy in range(3):
            number = 50_000 + 3 * self._presses + copy
            body = struct.pack("!BBH", digit, 0x8A, 800)
            packet = rtp.build(DTMF, number, 1_000 * self._presses, 1, body)
            self._socket.sendto(packet, self._to)

    async def ring(self, sip: str, number: str = "112", caller: str = "0811000001") -> PhoneCall:
        """Calls and waits for the 200."""
        return await self.dial(sip, number, f"<sip:{caller}@127.0.0.1>")

    async def hears(self, *tones_hz: float, seconds: float = LISTEN_S) -> dict[float, float]:
        """What is heard from now on: tone → level in dBFS."""
        self.heard.clear()
        await asyncio.sleep(seconds)
        samples = np.concatenate(list(self.heard)) if self.heard else np.zeros(8, np.int16)
        return levels(samples, list(tones_hz))

    async def hears_at_last(self, tone_hz: float, seconds: float = 30.0) -> None:
        """Waits until a tone is heard.

        Raises:
            TimeoutError: it never is.
        """
        async with asyncio.timeout(seconds):
            while (await self.hears(tone_hz, seconds=0.8))[tone_hz] < -30:
                pass

    @property
    def address(self) -> str:
        """Where it can be called."""
        return f"sip:line@127.0.0.1:{self._phone.agent.identity.udp_port}"
