"""What every dialog needs, whoever began it: answers, ACK, BYE, the far side's address."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from tahuri.telephony.families import of_family
from tahuri.telephony.sip import events
from tahuri.telephony.sip.grammar import in_uri
from tahuri.telephony.sip.leg import ALLOW, Leg, again, next_hop, request_in
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow, Send, ServerKey, default_port
from tahuri.telephony.sip.transaction import Output as Lower
from tahuri.telephony.sip.transactions import Transactions

Output = Send | events.Event
RETURN_HEADER = "p-tahuri-return"
"""In a BYE between nodes: nobody there can go on with the caller, who is to wait again."""
KEY_HEADER = "p-tahuri-key"
"""In an INFO between nodes: a key that the caller has pressed."""
CSEQ_SKIPPED = 100
"""More requests than a leg can have sent after its last save."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How we name ourselves on the wire."""

    host: str
    """IP address in Via and Contact."""
    udp_port: int
    tcp_port: int
    user: str = "tahuri"
    tls_port: int = 0
    other_host: str | None = None
    """Our address of the other IP family, told to those who have one of it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What names of far ends stand for, as far as that is known."""

    def host_for(self, peer: str) -> str:
        """Our address of the peer's family; the first for a name of which nothing is known."""
        return of_family((self.host, self.other_host), self.names.get(peer, peer))

    def port(self, transport: str) -> int:
        if transport == "TLS":
            return self.tls_port or default_port(transport)
        return self.udp_port if transport == "UDP" else self.tcp_port

    def via(self, transport: str, peer: str) -> str:
        return f"{in_uri(self.host_for(peer))}:{self.port(transport)}"

    def contact(self, transport: str, peer: str, secure: bool = False) -> str:
        """Our Contact; ``secure``: a ``sips:`` one, which every hop must reach over TLS."""
        if secure:
            return f"<sips:{self.user}@{self.via('TLS', peer)}>"
        over = "" if transport == "UDP" else f";transport={transport.lower()}"
        return f"<sip:{self.user}@{self.via(transport, peer)}{over}>"


class Dialogs(ABC):
    """Every dialog of one element.  Methods return what to send and what happened.

    Args:
        identity: our address.
        mint: makes a random token.
    """

    def __init__(self, identity: Identity, mint: Callable[[], str]) -> None:
        self.identity = identity
        self.transactions = Transactions(mint)
        self.legs: dict[tuple[str, str, str], Leg] = {}
        self._mint = mint
        self._invited: dict[ServerKey, Leg] = {}
        self._calling: dict[str, Leg] = {}

    @abstractmethod
    def _lift(self, lower: Iterable[Lower], now: float) -> list[Output]:
        """Turn what transactions say into sends and events."""

    def respond(
        self,
        key: ServerKey,
        status: int,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> list[Output]:
        """Answer a request that came up; nothing if it has its answer."""
        return self._lift(self.transactions.respond(key, status, now, headers, body), now)

    def adopt(self, leg: Leg, now: float) -> None:
        """Take a dialog up again that an earlier process had.

        What it sent last may be newer than what it kept, so CSeq goes on well above (§ 12.2.1.1).
        """
        leg.offering, leg.reoffer_key = False, None
        leg.local_cseq += CSEQ_SKIPPED
        self.legs[leg.dialog] = leg

    def hang_up(
        self, leg: Leg, now: float, reason: str = "hung-up", *, returning: bool = False
    ) -> list[Output]:
        """End it in whatever way its state asks for; `events.Ended` follows if it was up.

        Args:
            returning: tells the node at the far end that its caller is to wait again.
        """
        match leg.state:
            case "incoming":
                key = leg.invite_key
                self._forget(leg)
                return self.respond(key, 480, now) if key else []
            case "calling":
                leg.state = "cancelling"
                return self._lift(self.transactions.cancel(leg.client, now), now)
            case "up":
                request = request_in(leg, "BYE", self._contact_value(leg))
                request.headers += [(RETURN_HEADER, "1")] if returning else []
                _, sent = self._send_in(leg, request, now)
                return [*sent, *self._refuse_reoffer(leg, now), *self._gone(leg, reason)]
            case "cancelling" | "ended":
                return []
            case _:
                assert_never(leg.state)

    def tell_key(self, leg: Leg, digit: str, now: float) -> list[Output]:
        """INFO with a key that was pressed; nothing unless the dialog stands."""
        if leg.state != "up":
            return []
        request = request_in(leg, "INFO", self._contact_value(leg))
        request.headers.append((KEY_HEADER, digit))
        return self._send_in(leg, request, now)[1]

    def ask(self, request: Request, flow: Flow, now: float) -> tuple[str, list[Output]]:
        """A request outside any dialog; `events.Replied` with the returned name follows."""
        name, sent = self.transactions.request(request, flow, self._via(flow), now)
        return name, self._lift(sent, now)

    def _send_in(self, leg: Leg, request: Request, now: float) -> tuple[str, list[Output]]:
        """Send a request inside the dialog; returns its transaction's name as well."""
        flow = next_hop(leg)
        name, sent = self.transactions.request(request, flow, self._via(flow), now, again(leg))
        return name, self._lift(sent, now)

    def _ack(self, leg: Leg, cseq: int) -> Send:
        ack = request_in(leg, "ACK", self._contact_value(leg), cseq)
        flow = next_hop(leg)
        via = f"SIP/2.0/{flow.transport} {self._via(flow)};branch=z9hG4bK{self._mint()};rport"
        ack.headers.insert(0, ("via", via))
        data = ack.encoded()
        leg.acks = {cseq: data.decode("utf-8", "surrogateescape")}
        return Send(data, flow, again(leg))

    def _refuse_reoffer(self, leg: Leg, now: float) -> list[Output]:
        """487 to an offer of theirs that waits for our answer: the dialog is over (§ 15.1.2)."""
        return self.respond(leg.reoffer_key, 487, now) if leg.reoffer_key is not None else []

    def _gone(self, leg: Leg, reason: str) -> list[Output]:
        self._forget(leg)
        return [events.Ended(leg, reason)]

    def _forget(self, leg: Leg) -> None:
        leg.state = "ended"
        self.legs.pop(leg.dialog, None)
        if leg.invite_key is not None:
            self._invited.pop(leg.invite_key, None)
        if leg.reoffer_key is not None:
            self.transactions.acknowledge(leg.reoffer_key)

    def _contact(self, leg: Leg) -> tuple[str, str]:
        return "contact", self._contact_value(leg)

    def _contact_value(self, leg: Leg) -> str:
        return self.identity.contact(
            leg.transport, leg.host, leg.target.lower().startswith("sips:")
        )

    def _session_headers(self, leg: Leg) -> tuple[tuple[str, str], ...]:
        return self._contact(leg), ("allow", ALLOW), ("content-type", "application/sdp")

    def _via(self, flow: Flow) -> str:
        return self.identity.via(flow.transport, flow.host)
