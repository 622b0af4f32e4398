"""What transactions (RFC 3261 § 17) speak of: ways, keys, times, and what they tell their owner."""

import re
from dataclasses import dataclass

from tahuri.telephony.sip.grammar import BadValue, host_port, parameters_of
from tahuri.telephony.sip.message import MAGIC, Request, Response, sent_by

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
TIMEOUT_S = 64 * T1_S
"""Timers B, F, H, J, L and M."""
KEPT_S = 3 * TIMEOUT_S
"""What belongs to a request of ours is known for so long: it may wait, be cancelled, and have an
answer that is repeated."""
ServerKey = tuple[str, str, str]
"""Branch, sent-by, method: names a transaction that the far end began."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a message came from or goes."""

    transport: str
    """``UDP``, ``TCP`` or ``TLS``."""
    host: str
    port: int

    @property
    def reliable(self) -> bool:
        return self.transport != "UDP"


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire."""

    data: bytes
    flow: Flow
    instead: Flow | None = None
    """Where to connect to when the connection ``flow`` is gone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A new request; answer it with ``respond(key, …)``.  Never ACK or CANCEL."""

    key: ServerKey
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """CANCEL for a transaction that is known; it has been answered 200 already."""

    key: ServerKey


@dataclass(frozen=True, slots=True)
class AckSeen:
    """ACK outside an INVITE transaction: it is for a 2xx."""

    request: Request


@dataclass(frozen=True, slots=True)
class NeverAcknowledged:
    """Our 2xx was repeated for 32 s and nobody acknowledged it."""

    key: ServerKey


@dataclass(frozen=True, slots=True)
class Replied:
    """A response to a request of ours; 2xx to INVITE come once for each repetition."""

    client: str
    response: Response


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No final response to a request of ours in time."""

    client: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A 2xx to an INVITE of which nothing is known here (any more)."""

    response: Response


Output = Send | Asked | CancelAsked | AckSeen | NeverAcknowledged | Replied | Stray | Unanswered


def server_key(request: Request) -> ServerKey:
    """RFC 3261 § 17.2.3; for elements of RFC 2543 a key out of Call-ID, CSeq and From tag."""
    via = request.vias[0]
    method = "INVITE" if request.method == "ACK" else request.method
    branch = parameters_of(via.partition(";")[2]).get("branch", "")
    if not branch.startswith(MAGIC) or len(branch) == len(MAGIC):
        branch = f"{request.call_id} {request.cseq[0]} {request.from_.tag}"
    return branch, sent_by(via).lower(), method


def default_port(transport: str) -> int:
    """Where SIP is when no port is named."""
    return 5061 if transport == "TLS" else 5060


def response_flow(request: Request, flow: Flow) -> Flow:
    """Where responses go (RFC 3261 § 18.2.2, RFC 3581); always to the address it came from."""
    if flow.reliable:
        return flow
    via = request.vias[0]
    if re.search(r";\s*rport", via, re.IGNORECASE):
        return flow
    try:
        return Flow(flow.transport, flow.host, host_port(sent_by(via), 5060)[1])
    except BadValue:
        return flow
