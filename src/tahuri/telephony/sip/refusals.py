"""INVITEs refused without a transaction: a repetition gets the same answer and is told once.  Pure.

A far end that lost our 400 or 503 sends its INVITE again for 32 s.  One call of one caller must
not stand in the log as several, nor be let in after it was told to go elsewhere.
"""

from hashlib import blake2b

from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import TIMEOUT_S, Flow

REFUSALS_MAX = 10_000
"""Refusals remembered; the oldest is forgotten first."""
_NAMING = ("via", "call-id", "cseq", "from")


class Refusals:
    """Remembers for 32 s; what an INVITE is known by costs 16 bytes however long it was."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def status(self, invite: Request, flow: Flow, now: float) -> int:
        """What this very INVITE was refused with before; 0 if it was not."""
        if not self._kept:
            return 0
        status, until = self._kept.get(_name(invite, flow), (0, 0.0))
        return status if now < until else 0

    def is_new(self, invite: Request, flow: Flow, status: int, now: float) -> bool:
        """Remember a refusal; whether it is the first of that INVITE."""
        name = _name(invite, flow)
        _, until = self._kept.pop(name, (0, 0.0))
        while self._kept and (len(self._kept) >= REFUSALS_MAX or self._oldest_until() <= now):
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (status, until if now < until else now + TIMEOUT_S)
        return until <= now

    def _oldest_until(self) -> float:
        return next(iter(self._kept.values()))[1]


def _name(invite: Request, flow: Flow) -> bytes:
    """The address it came from and what RFC 3261 tells one INVITE from another by."""
    digest = blake2b(flow.host.encode(), digest_size=16)
    for header in _NAMING:
        value = invite.get(header) or ""
        digest.update(b"\0" + value.encode("utf-8", "surrogateescape"))
    return digest.digest()
