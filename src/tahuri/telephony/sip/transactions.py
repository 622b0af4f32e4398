"""All transactions without I/O: messages and time in, outputs out.

Here are the server transactions (RFC 3261 § 17.2, RFC 6026), requests of theirs until they have
their answer; those of ours are in `clients`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tahuri.telephony.sip.clients import Clients
from tahuri.telephony.sip.grammar import BadValue, host_port
from tahuri.telephony.sip.message import Request, Response, response_to, sent_by
from tahuri.telephony.sip.transaction import (
    T1_S,
    T2_S,
    T4_S,
    TIMEOUT_S,
    AckSeen,
    Asked,
    CancelAsked,
    Flow,
    NeverAcknowledged,
    Output,
    Send,
    ServerKey,
    default_port,
    response_flow,
    server_key,
)

TRANSACTIONS_MAX = 20_000
"""Transactions kept at once; further requests get 503, unremembered."""
STRAY_MAX = TRANSACTIONS_MAX // 2
"""The same for requests outside any call: a storm of OPTIONS leaves room for callers."""


@dataclass(slots=True)
class _Server:
    request: Request
    flow: Flow
    tag: str
    last: bytes | None = None
    status: int = 0
    acknowledged: bool = False
    started: float = 0.0


class Transactions(Clients):
    """All transactions of one element.

    Args:
        mint: makes a random token for tags and branches.
    """

    def __init__(self, mint: Callable[[], str]) -> None:
        super().__init__(mint)
        self._servers: dict[ServerKey, _Server] = {}

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

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
