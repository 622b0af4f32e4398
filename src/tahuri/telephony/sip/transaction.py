"""Transactions (RFC 3261 § 17, RFC 6026) without I/O: messages and time in, outputs out."""

import heapq
import re
from collections.abc import Callable
from dataclasses import dataclass

from tahuri.telephony.sip.grammar import BadValue, host_port, parameters_of
from tahuri.telephony.sip.message import MAGIC, Request, Response, ack_of, response_to, sent_by

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
TIMEOUT_S = 64 * T1_S
"""Timers B, F, H, J, L and M."""
KEPT_S = 3 * TIMEOUT_S
"""What belongs to a request of ours is known for so long: it may wait, be cancelled, and have an
answer that is repeated."""
TRANSACTIONS_MAX = 20_000
"""Transactions kept at once; further requests get 503, unremembered."""
STRAY_MAX = TRANSACTIONS_MAX // 2
"""The same for requests outside any call: a storm of OPTIONS leaves room for callers."""

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


@dataclass(slots=True)
class _Server:
    request: Request
    flow: Flow
    tag: str
    last: bytes | None = None
    status: int = 0
    acknowledged: bool = False
    started: float = 0.0


@dataclass(slots=True)
class _Client:
    request: Request
    flow: Flow
    started: float
    status: int = 0
    instead: Flow | None = None
    data: bytes = b""
    ack: bytes = b""
    cancelled: bool = False


class Transactions:
    """All transactions of one element.

    Args:
        mint: makes a random token for tags and branches.
    """

    def __init__(self, mint: Callable[[], str]) -> None:
        self._mint = mint
        self._servers: dict[ServerKey, _Server] = {}
        self._clients: dict[str, _Client] = {}
        self._timers: list[tuple[float, int, Callable[[float], list[Output]]]] = []
        self._timer_number = 0

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    # ---- time -------------------------------------------------------------------------------

    def wake_at(self) -> float | None:
        """When `elapse` must be called next, in seconds of the caller's clock."""
        return self._timers[0][0] if self._timers else None

    def elapse(self, now: float) -> list[Output]:
        """Run every timer that is due."""
        outputs: list[Output] = []
        while self._timers and self._timers[0][0] <= now:
            outputs += heapq.heappop(self._timers)[2](now)
        return outputs

    def after(self, at: float, action: Callable[[float], list[Output]]) -> None:
        """Call ``action`` from `elapse` when that time has come."""
        self._timer_number += 1
        heapq.heappush(self._timers, (at, self._timer_number, action))

    # ---- receiving --------------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        """Take a parsed message from the wire."""
        if isinstance(message, Response):
            return self._receive_response(message, now)
        key = server_key(message)
        known = self._servers.get(key)
        if message.method == "ACK":
            if known is None or known.status < 300:
                return [AckSeen(message)]
            known.acknowledged = True
            return []
        if known is not None:
            return [_response(known.last, message, flow)] if known.last else []
        needed = message.method in ("INVITE", "CANCEL") or message.to.tag
        if len(self._servers) >= (TRANSACTIONS_MAX if needed else STRAY_MAX):
            return [self._stateless(message, flow, 503)]
        self._servers[key] = _Server(message, flow, self._mint(), started=now)
        if message.method != "INVITE":
            self._forget_later(key, now + TIMEOUT_S)
        if message.method != "CANCEL":
            return [Asked(key, message, flow)]
        target = (key[0], key[1], "INVITE")
        if target not in self._servers:
            return self.respond(key, 481, now)
        self._servers[key].tag = self._servers[target].tag  # § 9.2: the same as the INVITE's
        return [*self.respond(key, 200, now), CancelAsked(target)]

    def _receive_response(self, response: Response, now: float) -> list[Output]:
        client = self._clients.get(response.branch)
        _, method = response.cseq
        if client is None and 200 <= response.status < 300 and method == "INVITE":
            return [Stray(response)] if len(response.vias) == 1 else []
        if client is None or client.request.method != method or len(response.vias) > 1:
            return []
        name, invite = response.branch, client.request.method == "INVITE"
        if response.status < 200:
            if client.status >= 200:
                return []
            client.status = response.status
            return [Replied(name, response)]
        if client.status >= 300:  # repeated: acknowledge again, tell nobody
            return [Send(client.ack, client.flow, client.instead)] if invite else []
        if client.status >= 200 and not (invite and response.status < 300):
            return []
        first = client.status < 200
        client.status = response.status
        outputs: list[Output] = []
        if invite and response.status >= 300:
            client.ack = ack_of(client.request, response).encoded()
            outputs.append(Send(client.ack, client.flow, client.instead))
        if first:
            linger_s = TIMEOUT_S if invite else (0 if client.flow.reliable else T4_S)
            self.after(now + linger_s, lambda _: self._forget_client(name))
        return [*outputs, Replied(name, response)]

    # ---- answering --------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another request."""
        return len(self._servers) >= TRANSACTIONS_MAX

    def is_open(self, key: ServerKey) -> bool:
        """Whether a request still waits for its final response."""
        server = self._servers.get(key)
        return server is not None and server.status < 200

    def knows(self, key: ServerKey) -> bool:
        """Whether a request is a repetition."""
        return key in self._servers

    def tag(self, key: ServerKey) -> str:
        """The tag our responses to that request carry on To."""
        server = self._servers.get(key)
        return server.tag if server else ""

    def respond(
        self,
        key: ServerKey,
        status: int,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> list[Output]:
        """Send a response; nothing if the final one has been sent or the transaction is gone."""
        server = self._servers.get(key)
        if server is None or server.status >= 200:
            return []
        source = (server.flow.host, server.flow.port)
        response = response_to(server.request, status, source, server.tag, headers, body)
        server.last, server.status = response.encoded(), status
        if key[2] == "INVITE" and status >= 200:
            server.started = now
            if status < 300 or not server.flow.reliable:
                self._repeat_later(key, now, T1_S)
            else:
                self._forget_later(key, now + TIMEOUT_S)
        return [_response(server.last, server.request, server.flow)]

    def repeat(self, key: ServerKey) -> list[Output]:
        """Send the last response once more."""
        server = self._servers.get(key)
        if server is None or server.last is None:
            return []
        return [_response(server.last, server.request, server.flow)]

    def acknowledge(self, key: ServerKey) -> None:
        """The ACK for our 2xx came: stop repeating it."""
        server = self._servers.get(key)
        if server is not None:
            server.acknowledged = True

    def _stateless(self, request: Request, flow: Flow, status: int) -> Send:
        retry = (("retry-after", "2"),) if status == 503 else ()
        source = (flow.host, flow.port)
        response = response_to(request, status, source, self._mint(), retry)
        return _response(response.encoded(), request, flow)

    def refuse(self, request: Request, flow: Flow, status: int) -> list[Output]:
        """Answer without remembering anything: overload, or a message that cannot be trusted."""
        return [] if request.method == "ACK" else [self._stateless(request, flow, status)]

    def _repeat_later(self, key: ServerKey, now: float, interval_s: float) -> None:
        self.after(now + interval_s, lambda then: self._repeat(key, then, interval_s))

    def _repeat(self, key: ServerKey, now: float, interval_s: float) -> list[Output]:
        """Timers G and H, and the repetition of a 2xx (RFC 3261 § 13.3.1.4)."""
        server = self._servers.get(key)
        if server is None or server.last is None:
            return []
        if server.acknowledged:
            self._forget_later(key, now + (T4_S if server.status >= 300 else TIMEOUT_S))
            return []
        if now - server.started >= TIMEOUT_S:
            del self._servers[key]
            return [NeverAcknowledged(key)] if server.status < 300 else []
        self._repeat_later(key, now, min(2 * interval_s, T2_S))
        return [_response(server.last, server.request, server.flow)]

    def _forget_later(self, key: ServerKey, at: float) -> None:
        def forget(_: float) -> list[Output]:
            self._servers.pop(key, None)
            return []

        self.after(at, forget)

    # ---- asking -----------------------------------------------------------------------------

    def request(
        self,
        request: Request,
        flow: Flow,
        via: str,
        now: float,
        instead: Flow | None = None,
    ) -> tuple[str, list[Output]]:
        """Send a request other than ACK; returns the transaction's name (the branch).

        Args:
            via: host and port for our Via.
            instead: where to connect to when the connection ``flow`` is gone.
        """
        name = MAGIC + self._mint()
        request.headers.insert(0, ("via", f"SIP/2.0/{flow.transport} {via};branch={name};rport"))
        client = _Client(request, flow, now, instead=instead, data=request.encoded())
        self._clients[name] = client
        if not flow.reliable:
            self._resend_later(name, now, T1_S)
        self.after(now + TIMEOUT_S, lambda then: self._time_out(name, then))
        return name, [Send(client.data, flow, instead)]

    def adopt(
        self,
        name: str,
        invite: Request,
        flow: Flow,
        via: str,
        now: float,
        instead: Flow | None = None,
    ) -> None:
        """An INVITE of an earlier process, by its branch; it is taken to ring."""
        invite.headers.insert(0, ("via", f"SIP/2.0/{flow.transport} {via};branch={name};rport"))
        self._clients[name] = _Client(invite, flow, now, status=180, instead=instead)

    def cancel(self, name: str, now: float) -> list[Output]:
        """CANCEL an INVITE of ours; only after a provisional response (RFC 3261 § 9.1)."""
        client = self._clients.get(name)
        if client is None or not 100 <= client.status < 200:
            return []
        number, _ = client.request.cseq
        cancel = Request(method="CANCEL", uri=client.request.uri)
        cancel.headers = [
            pair
            for pair in client.request.headers
            if pair[0] in ("route", "from", "to", "call-id", "max-forwards")
        ]
        cancel.headers.insert(0, client.request.headers[0])
        cancel.headers.append(("cseq", f"{number} CANCEL"))
        if not client.cancelled:
            client.cancelled = True
            self.after(now + TIMEOUT_S, lambda _: self._give_up(name))
            if not client.flow.reliable:
                self._recancel_later(name, cancel.encoded(), now, T1_S)
        return [Send(cancel.encoded(), client.flow, client.instead)]

    def _recancel_later(self, name: str, data: bytes, now: float, interval_s: float) -> None:
        def again(then: float) -> list[Output]:
            client = self._clients.get(name)
            if client is None or client.status >= 200:
                return []
            self._recancel_later(name, data, then, min(2 * interval_s, T2_S))
            return [Send(data, client.flow, client.instead)]

        self.after(now + interval_s, again)

    def unreachable(self, flow: Flow) -> list[Output]:
        """Nobody takes connections there: requests that wait for an answer get none."""
        lost = [
            name
            for name, client in self._clients.items()
            if flow in (client.flow, client.instead) and client.status < 100
        ]
        for name in lost:
            del self._clients[name]
        return [Unanswered(name) for name in lost]

    def _give_up(self, name: str) -> list[Output]:
        client = self._clients.get(name)
        if client is None or client.status >= 200:
            return []
        del self._clients[name]
        return [Unanswered(name)]

    def _resend_later(self, name: str, now: float, interval_s: float) -> None:
        self.after(now + interval_s, lambda then: self._resend(name, then, interval_s))

    def _resend(self, name: str, now: float, interval_s: float) -> list[Output]:
        """Timers A and E."""
        client = self._clients.get(name)
        if client is None or client.status >= 200:
            return []
        invite = client.request.method == "INVITE"
        if invite and client.status:
            return []
        following_s = 2 * interval_s if invite else min(2 * interval_s, T2_S)
        self._resend_later(name, now, following_s if not client.status else T2_S)
        return [Send(client.data, client.flow, client.instead)]

    def _time_out(self, name: str, now: float) -> list[Output]:
        """Timers B and F.  An INVITE that rings is its owner's to cancel; one inside a dialog rings
        for nobody, and whoever said 100 to it has waited long enough."""
        client = self._clients.get(name)
        if client is None or client.status >= 200:
            return []
        if client.request.method == "INVITE" and client.status:
            return self.cancel(name, now) if client.request.to.tag else []
        del self._clients[name]
        return [Unanswered(name)]

    def _forget_client(self, name: str) -> list[Output]:
        self._clients.pop(name, None)
        return []


def server_key(request: Request) -> ServerKey:
    """RFC 3261 § 17.2.3; for elements of RFC 2543 a key out of Call-ID, CSeq and From tag."""
    via = request.vias[0]
    method = "INVITE" if request.method == "ACK" else request.method
    branch = parameters_of(via.partition(";")[2]).get("branch", "")
    if not branch.startswith(MAGIC) or len(branch) == len(MAGIC):
        branch = f"{request.call_id} {request.cseq[0]} {request.from_.tag}"
    return branch, sent_by(via).lower(), method


def _response(data: bytes, request: Request, flow: Flow) -> Send:
    """A response to a request that came over ``flow``; over a new connection if that one is gone
    (RFC 3261 § 18.2.2)."""
    if not flow.reliable:
        return Send(data, response_flow(request, flow))
    try:
        port = host_port(sent_by(request.vias[0]), default_port(flow.transport))[1]
    except BadValue:
        return Send(data, flow)
    return Send(data, flow, Flow(flow.transport, flow.host, port))


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
