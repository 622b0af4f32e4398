"""A phone without sound, for programs: registers, calls, is called.  Media is the program's own."""

import asyncio
import ssl
from collections.abc import Callable

from tahuri.telephony.sip import digest, events
from tahuri.telephony.sip.agent import Agent
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import Output
from tahuri.telephony.sip.endpoint import Endpoint, mint
from tahuri.telephony.sip.grammar import in_uri
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.transaction import Flow

REGISTER_EXPIRES_S = 300


class CallFailed(Exception):  # noqa: N818
    """The call was not accepted; ``status`` is the SIP status (408: no answer at all)."""

    def __init__(self, status: int) -> None:
        super().__init__(f"SIP {status}")
        self.status = status


class PhoneCall:
    """One call, made or received."""

    def __init__(self, phone: "Phone", leg: Leg, offer: bytes | None) -> None:
        self._phone = phone
        self.leg = leg
        self.session: bytes | None = offer
        """The far side's latest session description."""
        self.request: Request | None = None
        """The INVITE, of a call received."""
        self.ringing = asyncio.Event()
        self.early: bytes | None = None
        """The session of the far side's 183."""
        self.answered: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.end_reason = ""
        self.on_reoffer: Callable[[bytes | None], bytes | None] = lambda _: None
        """Gives our session for a re-INVITE of theirs; None refuses it with 488."""
        self.reanswered: asyncio.Queue[int] = asyncio.Queue(maxsize=16)
        """Statuses of the answers to our re-INVITEs."""
        self.on_refer: Callable[[str], int] = lambda _: 603
        """Gives the status with which a REFER of theirs, to that target, is answered."""
        self.refer_progress: asyncio.Queue[int] = asyncio.Queue(maxsize=16)
        """The answer to our REFER, then the statuses of which NOTIFYs tell."""

    async def wait_answered(self, timeout_s: float = 35.0) -> bytes | None:
        """The session of the far side's 200.  Raises CallFailed, TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(self.answered)

    async def wait_ended(self, timeout_s: float = 35.0) -> str:
        """Why the call is over.  Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            await self.ended.wait()
        return self.end_reason

    def ring(self, session: bytes = b"") -> None:
        """180; 183 with a session, which the caller hears before the answer."""
        status = 183 if session else 180
        agent = self._phone.agent
        self._phone.perform(agent.progress(self.leg, status, self._phone.now, session))

    def accept(self, session: bytes) -> None:
        """200."""
        self._phone.perform(self._phone.agent.accept(self.leg, session, self._phone.now))

    def reject(self, status: int) -> None:
        self._phone.perform(self._phone.agent.reject(self.leg, status, self._phone.now))
        self.finished("rejected")

    def reoffer(self, session: bytes) -> None:
        """re-INVITE: hold, or a new address."""
        self._phone.perform(self._phone.agent.reoffer(self.leg, session, self._phone.now))

    def refer(self, target: str) -> None:
        """Ask the far side to call somebody in our place; see ``refer_progress``."""
        self._phone.perform(self._phone.agent.refer(self.leg, target, self._phone.now))

    def notify(self, status: int) -> None:
        """How the transfer goes that the far side asked for."""
        self._phone.perform(self._phone.agent.notify(self.leg, status, "", self._phone.now))

    def hang_up(self) -> None:
        """CANCEL, BYE or a refusal, whatever is right now."""
        self._phone.perform(self._phone.agent.hang_up(self.leg, self._phone.now))

    def finished(self, reason: str) -> None:
        """Called by the phone."""
        self.end_reason = reason
        self.ended.set()


class Phone:
    """One user agent on its own ports.

    Args:
        account: for digest; None cannot register.
        on_call: called with each incoming call; without it calls get 486.
    """

    def __init__(
        self,
        account: digest.Account | None = None,
        on_call: Callable[[PhoneCall], None] | None = None,
    ) -> None:
        self._account = account
        self._on_call = on_call
        self._endpoint = Endpoint(self._happened)
        self._calls: dict[str, PhoneCall] = {}
        self._proved: set[str] = set()
        """Legs whose INVITE has brought credentials."""
        self._asked: dict[str, asyncio.Future[Response | None]] = {}
        self._register_call_id = mint()
        self._register_cseq = 0

    async def start(
        self,
        address: str = "127.0.0.1",
        user: str = "phone",
        context: ssl.SSLContext | None = None,
        udp_port: int = 0,
    ) -> None:
        """Listen on free ports, or on the one given; over TLS as well with a certificate of ours.

        Raises OSError: the port is taken.
        """
        tls_port = 0 if context is not None else None
        await self._endpoint.start(address, udp_port, user=user, tls_port=tls_port, context=context)

    def trust(self, flow: Flow, context: ssl.SSLContext) -> None:
        """How the certificate of whoever is there is checked."""
        self._endpoint.trust(flow.host, flow.port, context)

    async def stop(self) -> None:
        await self._endpoint.stop()

    @property
    def agent(self) -> Agent:
        return self._endpoint.agent

    @property
    def now(self) -> float:
        return self._endpoint.now

    def perform(self, outputs: list[Output]) -> None:
        self._endpoint.perform(outputs)

    def call(
        self,
        target: str,
        to: Flow,
        session: bytes,
        from_: str = "",
        content_type: str = "application/sdp",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> PhoneCall:
        """INVITE; await `PhoneCall.wait_answered`.

        Args:
            target: Request-URI.
            from_: From without tag, e.g. ``<sip:+620000@192.0.2.1>``.
        """
        identity = self._endpoint.agent.identity
        local = from_ or f"<sip:{identity.user}@{in_uri(identity.host)}>"
        leg, outputs = self._endpoint.agent.call(
            local, target, to, session, self.now, content_type, headers
        )
        call = self._calls[leg.name] = PhoneCall(self, leg, None)
        self.perform(outputs)
        return call

    async def register(self, registrar: Flow, expires_s: int = REGISTER_EXPIRES_S) -> int:
        """Register, answering a challenge; 0 s takes the registration back.

        Returns:
            The final status; 408 when nobody answers.
        """
        response = await self._register(registrar, expires_s, ())
        if response is not None and response.status == 401 and self._account is not None:
            challenge = response.get("www-authenticate") or ""
            uri = f"sip:{in_uri(registrar.host)}:{registrar.port}"
            value = digest.credentials(challenge, "REGISTER", uri, self._account, mint())
            response = await self._register(registrar, expires_s, (("authorization", value),))
        return response.status if response is not None else 408

    async def _register(
        self, registrar: Flow, expires_s: int, headers: tuple[tuple[str, str], ...]
    ) -> Response | None:
        identity = self._endpoint.agent.identity
        user = self._account.username if self._account else identity.user
        address = f"<sip:{user}@{in_uri(registrar.host)}:{registrar.port}>"
        self._register_cseq += 1
        request = Request(method="REGISTER", uri=f"sip:{in_uri(registrar.host)}:{registrar.port}")
        request.headers = [
            ("max-forwards", "70"),
            ("from", f"{address};tag={mint()}"),
            ("to", address),
            ("call-id", self._register_call_id),
            ("cseq", f"{self._register_cseq} REGISTER"),
            ("contact", identity.contact(registrar.transport, registrar.host)),
            ("expires", str(expires_s)),
            *headers,
        ]
        future: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        name, outputs = self._endpoint.agent.ask(request, registrar, self.now)
        self._asked[name] = future
        self.perform(outputs)
        return await future

    def _happened(self, event: events.Event) -> None:
        match event:
            case events.Incoming():
                self._incoming(event)
            case events.Replied(client, response):
                future = self._asked.pop(client, None)
                if future is not None and not future.done():
                    future.set_result(response)
            case events.Registering(key, _, _):
                self.perform(self._endpoint.agent.respond(key, 405, self.now))
            case events.InviteRefused() | events.OptionsSeen():
                pass
            case _:
                call = self._calls.get(event.leg.name)
                if call is not None:
                    self._happened_to(call, event)

    def _incoming(self, event: events.Incoming) -> None:
        if self._on_call is None:
            self.perform(self._endpoint.agent.reject(event.leg, 486, self.now))
            return
        call = PhoneCall(self, event.leg, session_of(event.request))
        call.request = event.request
        self._calls[event.leg.name] = call
        self._on_call(call)

    def _happened_to(self, call: PhoneCall, event: events.Event) -> None:
        match event:
            case events.Ringing(_, _, session):
                call.early = session or call.early
                call.ringing.set()
            case events.Answered(_, session):
                call.session = session
                if not call.answered.done():
                    call.answered.set_result(session)
            case events.Acknowledged(_, session):
                call.session = session or call.session
                if not call.answered.done():
                    call.answered.set_result(session)
            case events.Rejected(leg, 401, response) if response and self._proves(leg, response):
                pass
            case events.Rejected(_, status, _):
                if not call.answered.done():
                    call.answered.set_exception(CallFailed(status))
                    call.answered.exception()  # may be of no interest to anybody
                self._over(call, f"rejected-{status}")
            case events.Reoffered(leg, session):
                answer = call.on_reoffer(session)
                call.session = session or call.session
                self.perform(self._endpoint.agent.answer_reoffer(leg, answer, self.now))
            case events.Reanswered(_, status, session):
                call.session = session or call.session
                if not call.reanswered.full():
                    call.reanswered.put_nowait(status)
            case events.ReferAsked(leg, key, target, _):
                status = call.on_refer(target)
                self.perform(self._endpoint.agent.answer_refer(leg, key, status, self.now))
            case events.ReferAnswered(_, status) | events.ReferProgress(_, status):
                if not call.refer_progress.full():
                    call.refer_progress.put_nowait(status)
            case events.Ended(_, reason):
                self._over(call, reason)
            case _:
                pass

    def _proves(self, leg: Leg, response: Response) -> bool:
        """Call again with credentials; False: there are none, or they were not enough."""
        challenge = response.get("www-authenticate")
        if self._account is None or challenge is None or leg.name in self._proved:
            return False
        self._proved.add(leg.name)
        value = digest.credentials(challenge, "INVITE", leg.target, self._account, mint())
        again, session = ("authorization", value), leg.session.encode()
        self.perform(self._endpoint.agent.call_again(leg, session, again, self.now))
        return True

    def _over(self, call: PhoneCall, reason: str) -> None:
        self._calls.pop(call.leg.name, None)
        self._proved.discard(call.leg.name)
        call.finished(reason)
