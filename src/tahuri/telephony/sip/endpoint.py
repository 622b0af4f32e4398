"""A user agent on real sockets and a real clock."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Iterable

from tahuri.kernel import clock
from tahuri.telephony.sip import events
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.gate import Gate
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.message import Malformed, Request, ask_rport, parse
from tahuri.telephony.sip.refusals import Refusals
from tahuri.telephony.sip.transaction import Flow, Send, server_key
from tahuri.telephony.sip.transport import Transports

Listener = Callable[[events.Event], None]
log = logging.getLogger(__name__)


def _as_told(address: str, public: Iterable[str | None]) -> str:
    """What far ends know an address as: the public one of its family, or itself."""
    told = [one for one in public if one is not None and (":" in one) == (":" in address)]
    return told[0] if told else address


def mint() -> str:
    """A token of 80 bits for tags, branches and Call-IDs."""
    return secrets.token_hex(10)


class Endpoint:
    """Feeds one `Agent` from the network.

    Args:
        on_event: called with each event, in order; must not wait.
        gate: limits of sources; None admits all (a phone).
    """

    def __init__(self, on_event: Listener, gate: Gate | None = None) -> None:
        self._on_event = on_event
        self._gate = gate
        self.names: dict[str, str] = {}
        """An address by each name that is known; the owner keeps it."""
        self._transports = Transports(
            self._received, self._needs, self._greets, self._unreachable, self.names
        )
        self._refusals = Refusals()
        self._is_deaf = False
        self.needed: Callable[[Flow], bool] = lambda _: False
        """Whether the owner needs a connection that no dialog uses."""
        self.behind_nat: Callable[[str], bool] = lambda _: False
        """Whether answers to that address go back to the very port that asked."""
        self._timer: asyncio.TimerHandle | None = None
        self.agent = Agent(Identity("127.0.0.1", 0, 0), mint)

    async def start(
        self,
        address: str,
        udp_port: int = 0,
        tcp_port: int | None = 0,
        public_address: str | None = None,
        user: str = "tahuri",
        tls_port: int | None = None,
        context: ssl.SSLContext | None = None,
        other_address: str | None = None,
        other_public_address: str | None = None,
    ) -> None:
        """Listen; port 0 takes a free one, None for ``tcp_port`` or ``tls_port`` none at all.

        Args:
            context: needed with a ``tls_port``.
            other_address: of the other IP family, to listen at with the same ports.

        Raises:
            OSError: a port is taken.
        """
        addresses = (address,) if other_address is None else (address, other_address)
        ports = await self._transports.start(addresses, udp_port, tcp_port, tls_port, context)
        public = (public_address, other_public_address)
        host = _as_told(address, public)
        other = None if other_address is None else _as_told(other_address, public)
        self.agent.identity = Identity(host, *ports[:2], user, ports[2], other, self.names)
        self._set_timer()  # dialogs that were taken up have timers already

    def trust(self, host: str, port: int, context: ssl.SSLContext) -> None:
        """How the certificate of somebody is checked whom we connect to over TLS."""
        self._transports.peers[host, port] = context

    def fault(self, flow: Flow) -> str:
        """Why a peer could not be reached last (`tls.fault_of`); empty where nothing is known."""
        return self._transports.faults.get(flow, "")

    def deafen(self) -> None:
        """Take nothing more in: what comes now is repeated, and is for the next process."""
        self._is_deaf = True

    async def stop(self) -> None:
        """Close the sockets; dialogs are left as they are."""
        if self._timer is not None:
            self._timer.cancel()
        await self._transports.stop()

    @property
    def now(self) -> float:
        """The agent's clock, in seconds."""
        return clock.monotonic_s()

    def perform(self, outputs: list[Output]) -> None:
        """Send, tell, and set the timer anew.

        An answer to an INVITE of ours is told before its ACK is sent: whoever has that repeats the
        answer no more, so that a process killed between the two must leave a note of it.
        """
        happened: list[events.Event] = []
        for output in outputs:
            if isinstance(output, Send):
                self._transports.send(output.data, output.flow, output.instead)
            elif isinstance(output, events.Answered):
                self._tell(output)
            else:
                happened.append(output)
        for event in happened:
            self._tell(event)
        self._set_timer()

    def _tell(self, event: events.Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("what the user agent told met a bug")
            self._unheard(event)

    def _unheard(self, event: events.Event) -> None:
        """A bug of the owner's: a caller whom nobody took gets an answer and an outcome."""
        if isinstance(event, events.Incoming) and event.leg.state == "incoming":
            self.perform(self.agent.reject(event.leg, 500, self.now))
            self.perform([events.InviteRefused(event.flow, 500, "bug")])

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._is_deaf:
            return
        now = self.now
        source = flow.host
        verdict = self._gate.admit(source, data, now, flow.reliable) if self._gate else "in"
        if verdict == "shed":
            if flow.reliable:
                self._transports.drop(flow)
            return
        try:
            message = parse(data, stream=flow.reliable)
            if verdict == "too-large":
                request = message if isinstance(message, Request) else None
                raise Malformed(513, "too large for a datagram", request)
        except Malformed as error:
            if self._gate and verdict == "in":  # too large has cost its penalty already
                self._gate.penalise(source, now)
            self._refuse(error, flow, now)
            return
        try:
            if isinstance(message, Request) and (status := self._was_refused(message, flow, now)):
                self._refuse(Malformed(status, "repeated", message), flow, now)
                return
            if isinstance(message, Request) and self._is_overload(message, source, now):
                self._refuse(Malformed(503, "overload", message), flow, now)
                return
            if isinstance(message, Request) and self.behind_nat(source):
                ask_rport(message)
            self.perform(self.agent.receive(message, flow, now))
        except BadValue as error:
            if isinstance(message, Request):
                self.perform(self.agent.failed(Malformed(400, str(error), message), flow, now))
        except Exception:
            log.exception("a sip message met a bug")
            if isinstance(message, Request):
                self.perform(self.agent.failed(Malformed(500, "bug", message), flow, now))

    def _needs(self, names: set[Flow]) -> bool:
        """A live dialog may be silent for an hour and still need its connection."""
        if any(leg.flow in names or leg.asked in names for leg in self.agent.legs.values()):
            return True
        return any(self.needed(name) for name in names)

    def _greets(self, host: str) -> bool:
        return self._gate is None or self._gate.admit(host, b"", self.now, True) == "in"

    def _unreachable(self, flow: Flow) -> None:
        self.perform(self.agent.unreachable(flow, self.now))

    def _refuse(self, error: Malformed, flow: Flow, now: float) -> None:
        """Answer without a transaction; an INVITE that comes again is told once."""
        outputs, request = self.agent.malformed(error, flow), error.request
        invite = request if request is not None and request.method == "INVITE" else None
        if invite and not self._refusals.is_new(invite, flow, error.status, now):
            outputs = [output for output in outputs if isinstance(output, Send)]
        self.perform(outputs)

    def _was_refused(self, request: Request, flow: Flow, now: float) -> int:
        return self._refusals.status(request, flow, now) if request.method == "INVITE" else 0

    def _is_overload(self, request: Request, source: str, now: float) -> bool:
        if self._gate is None or request.method != "INVITE" or request.to.tag:
            return False
        if self.agent.transactions.knows(server_key(request)):
            return False
        return self.agent.transactions.is_full or not self._gate.admit_call(now, source)

    def _set_timer(self) -> None:
        at = self.agent.wake_at()
        if self._timer is not None:
            if at is not None and not self._timer.cancelled() and self._timer.when() <= at:
                return  # it wakes early enough and sets itself anew
            self._timer.cancel()
            self._timer = None
        if at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(loop.time() + max(0.0, at - self.now), self._elapsed)

    def _elapsed(self) -> None:
        self._timer = None
        try:
            self.perform(self.agent.elapse(self.now))
        except Exception:
            log.exception("a sip timer met a bug")
            self._set_timer()
