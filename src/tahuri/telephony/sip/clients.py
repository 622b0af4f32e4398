"""Client transactions (RFC 3261 § 17.1, RFC 6026): requests of ours until they have an answer."""

from collections.abc import Callable
from dataclasses import dataclass

from tahuri.telephony.sip.message import MAGIC, Request, Response, ack_of
from tahuri.telephony.sip.timers import Timers
from tahuri.telephony.sip.transaction import (
    T1_S,
    T2_S,
    T4_S,
    TIMEOUT_S,
    Flow,
    Output,
    Replied,
    Send,
    Stray,
    Unanswered,
)


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


class Clients(Timers):
    """The side that asks.

    Args:
        mint: makes a random token for branches.
    """

    def __init__(self, mint: Callable[[], str]) -> None:
        super().__init__()
        self._mint = mint
        self._clients: dict[str, _Client] = {}

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

    # ---- time -------------------------------------------------------------------------------

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

    # ---- answers ----------------------------------------------------------------------------

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
