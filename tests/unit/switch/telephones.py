"""A telephone outside, or of a seat, and what rings at it."""

import contextlib
from collections.abc import AsyncIterator

from switch_bench import ADDRESS, until

from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.phone import Phone, PhoneCall

S1 = Account("s1", "secret-S1")
"""As which the phone of seat S1 registers."""


class Telephone:
    """A phone and what rings at it, the oldest first."""

    def __init__(self, account: Account | None = None) -> None:
        self.rings: list[PhoneCall] = []
        self.phone = Phone(account, self.rings.append)

    @property
    def address(self) -> str:
        identity = self.phone.agent.identity
        return f"sip:damkar@{identity.host}:{identity.udp_port}"

    @property
    def requests(self) -> list[Request]:
        """The INVITEs of what rang."""
        return [call.request for call in self.rings if call.request is not None]

    async def rung(self, count: int = 1) -> PhoneCall:
        """The call that rang as the ``count``-th."""
        await until(lambda: len(self.rings) >= count)
        return self.rings[count - 1]


@contextlib.asynccontextmanager
async def telephone(
    account: Account | None = None, host: str = ADDRESS
) -> AsyncIterator[Telephone]:
    """One that is plugged in, not registered yet."""
    one = Telephone(account)
    await one.phone.start(host)
    try:
        yield one
    finally:
        await one.phone.stop()
