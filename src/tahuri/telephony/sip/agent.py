"""The user agent without I/O: messages in; bytes to send and events out."""

from collections.abc import Iterable
from typing import assert_never

from tahuri.telephony.sip import events
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import KEY_HEADER, RETURN_HEADER, Output
from tahuri.telephony.sip.grammar import BadValue
from tahuri.telephony.sip.leg import (
    ACCEPT,
    ALLOW,
    Leg,
    from_invite,
    refresh_target,
)
from tahuri.telephony.sip.message import Malformed, Request, Response, is_supported_uri
from tahuri.telephony.sip.referring import Referring
from tahuri.telephony.sip.sessions import has_tag
from tahuri.telephony.sip.transaction import (
    AckSeen,
    Asked,
    CancelAsked,
    Flow,
    NeverAcknowledged,
    Replied,
    Send,
    ServerKey,
    Stray,
    Unanswered,
    server_key,
)
from tahuri.telephony.sip.transaction import Output as Lower

EXTENSIONS = frozenset(
    {
        "geolocation-sip",
        "geolocation-http",
        "histinfo",
        "privacy",
        "timer",
        "100rel",
        "replaces",
        "resource-priority",
    }
)
"""Option tags a request may require of us."""
KEYS = tuple("0123456789*#ABCD")
KNOWN_METHODS = frozenset({"MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER"})
"""Known, and not allowed here (405); what we never heard of gets 501."""


class Agent(Referring):
    """Every dialog of one element.  Methods return what to send and what happened.

    Args:
        identity: our address.
        mint: makes a random token.
    """

    says_trying = True
    """100 to each INVITE at once; else whoever hears of `events.Incoming` says it by `trying`, when
    it has written down that it owes an answer."""
    taking_calls = True
    """Told to who asks by OPTIONS: an edge leaves a node out that answers 503."""

    # ---- wire and time ----------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow, now: float) -> list[Output]:
        """Take a message that came over ``flow``."""
        return self._lift(self.transactions.receive(message, flow, now), now)

    def malformed(self, error: Malformed, flow: Flow) -> list[Output]:
        """Answer what could not be read, if it can be answered at all."""
        request = error.request
        if request is None or request.method == "ACK" or not request.get("via"):
            return []
        try:
            outputs: list[Output] = [*self.refusal(request, flow, error.status)]
        except (BadValue, IndexError):
            return []
        if request.method == "INVITE":
            outputs.append(events.InviteRefused(flow, error.status, str(error)))
        return outputs

    def unreachable(self, flow: Flow, now: float) -> list[Output]:
        """No connection can be made there: calls that wait for it fail at once."""
        return self._lift(self.transactions.unreachable(flow), now)

    def failed(self, error: Malformed, flow: Flow, now: float) -> list[Output]:
        """Taking a request met a fault: it is answered all the same, and nothing of it is kept."""
        request = error.request
        key = server_key(request) if request is not None else None
        if key is None or not self.transactions.knows(key):
            return self.malformed(error, flow)
        if leg := self._invited.get(key):
            self._forget(leg)
        if not self.transactions.is_open(key):
            return []
        outputs = self.respond(key, error.status, now)
        if key[2] == "INVITE" and request is not None and not request.to.tag:
            outputs.append(events.InviteRefused(flow, error.status, str(error)))
        return outputs

    def wake_at(self) -> float | None:
        return self.transactions.wake_at()

    def elapse(self, now: float) -> list[Output]:
        outputs = self._lift(self.transactions.elapse(now), now)
        return outputs + self.never_pracked() + self.sessions_due(now) + self.offers_due(now)

    def _lift(self, lower: Iterable[Lower], now: float) -> list[Output]:
        outputs: list[Output] = []
        for output in lower:
            match output:
                case Send():
                    outputs.append(output)
                case Asked():
                    outputs += self._asked(output, now)
                case CancelAsked(key):
                    outputs += self._cancelled(key, now)
                case AckSeen(request):
                    outputs += self._acknowledged(request)
                case NeverAcknowledged(key):
                    outputs += self._never_acknowledged(key, now)
                case Replied(client, response):
                    outputs += self._replied(client, response, now)
                case Stray(response):
                    outputs += self.acknowledge_stray(response)
                case Unanswered(client):
                    outputs += self._unanswered(client, now)
                case _:
                    assert_never(output)
        return outputs

    # ---- requests of theirs -----------------------------------------------------------------

    def _asked(self, asked: Asked, now: float) -> list[Output]:
        request = asked.request
        status, headers = self._objection(request)
        to_tag = request.to.tag
        if status:
            outputs = self.respond(asked.key, status, now, headers)
            if request.method == "INVITE" and not to_tag and status != 422:  # 422: it asks again
                outputs.append(events.InviteRefused(asked.flow, status, "objection"))
            return outputs
        if to_tag:
            leg = self.legs.get((request.call_id, to_tag, request.from_.tag or ""))
            if leg is None and request.method == "UPDATE":
                leg = self.early_leg(request)
            return self._inside(leg, asked, now) if leg else self.respond(asked.key, 481, now)
        match request.method:
            case "INVITE":
                return self._invited_by(asked, now)
            case "OPTIONS":
                status = 200 if self.taking_calls else 503
                headers = (("allow", ALLOW), ("accept", ACCEPT))
                outputs = self.respond(asked.key, status, now, headers)
                return [*outputs, events.OptionsSeen(asked.flow)]
            case "REGISTER":
                return [events.Registering(asked.key, request, asked.flow)]
            case "BYE" | "UPDATE" | "INFO" | "PRACK":
                return self.respond(asked.key, 481, now)
            case _:
                status = 405 if request.method in KNOWN_METHODS else 501
                return self.respond(asked.key, status, now, (("allow", ALLOW),))

    def _objection(self, request: Request) -> tuple[int, tuple[tuple[str, str], ...]]:
        """The status with which any request is refused before its method counts; 0 if none."""
        if status := is_supported_uri(request.uri):
            return status, ()
        unknown = [tag for tag in request.all("require") if tag.lower() not in EXTENSIONS]
        if unknown:
            return 420, (("unsupported", ", ".join(unknown)),)
        if request.method != "INVITE" and request.get("replaces") is not None:
            return 400, ()  # RFC 3891 § 3
        if request.method in ("INVITE", "UPDATE") and (brief := self.too_brief(request)):
            return 422, brief
        if request.method == "INVITE":
            accepted = [value.partition(";")[0].strip().lower() for value in request.all("accept")]
            if accepted and not {"application/sdp", "application/*", "*/*"} & set(accepted):
                return 406, ()
            kind = request.content_type
            carried = kind == "application/sdp" or kind.startswith("multipart/")
            if request.body and (not carried or request.get("content-encoding")):
                return 415, (("accept", ACCEPT),)
        return 0, ()

    def _invited_by(self, asked: Asked, now: float) -> list[Output]:
        if self._is_merged(asked.request):
            merged = events.InviteRefused(asked.flow, 482, "the same call by another way")
            return [*self.respond(asked.key, 482, now), merged]
        tag = self.transactions.tag(asked.key)
        try:
            leg = from_invite(self._mint(), asked.request, asked.flow, asked.key, tag)
        except BadValue:
            refused = events.InviteRefused(asked.flow, 400, "contact")
            return [*self.respond(asked.key, 400, now), refused]
        self.note_request(leg, asked.request)
        leg.offered = session_of(asked.request) is not None
        for name in ("supported", "require"):
            if has_tag(asked.request, name, "100rel"):
                leg.prack = "supported" if name == "supported" else "required"
        self.legs[leg.dialog] = leg
        self._invited[asked.key] = leg
        trying = self.trying(leg, now) if self.says_trying else []
        return [*trying, events.Incoming(leg, asked.request, asked.flow)]

    def trying(self, leg: Leg, now: float) -> list[Output]:
        """100: the far end stops repeating its INVITE, and relies on us."""
        return self.respond(leg.invite_key, 100, now) if leg.invite_key is not None else []

    def _is_merged(self, request: Request) -> bool:
        """Whether a call that stands came once more, by another way (RFC 3261 § 8.2.2.2).

        Until the caller has acknowledged our 200 the first way may be dead: the copy is let in.
        """
        name = (request.call_id, request.from_.tag or "", request.cseq[0])
        return any(
            leg.confirmed and (leg.call_id, leg.remote_tag, leg.invite_cseq) == name
            for leg in self._invited.values()
        )

    def _inside(self, leg: Leg, asked: Asked, now: float) -> list[Output]:
        request = asked.request
        number = request.cseq[0]
        if number < leg.remote_cseq:
            return self.respond(asked.key, 500, now)
        leg.remote_cseq = number
        flow = asked.flow
        if leg.transport != "TLS" or flow.transport == "TLS":  # secured stays secured
            leg.transport, leg.host, leg.port = flow.transport, flow.host, flow.port
        match request.method:
            case "BYE":
                outputs = self.respond(asked.key, 200, now)
                if leg.invite_key and self.transactions.is_open(leg.invite_key):
                    outputs += self.respond(leg.invite_key, 487, now)
                elif leg.invite_key:
                    self.transactions.acknowledge(leg.invite_key)  # they know of our 200
                outputs += self._refuse_reoffer(leg, now)
                returned = request.get(RETURN_HEADER) is not None
                return outputs + self._gone(leg, "returned" if returned else "hung-up")
            case "INVITE" | "UPDATE":
                return self._reoffered(leg, asked, now)
            case "PRACK":
                return self.pracked(leg, asked.key, request, now)
            case "INFO" if (digit := request.get(KEY_HEADER)) and digit in KEYS:
                return [*self.respond(asked.key, 200, now), events.KeyTold(leg, digit)]
            case "OPTIONS" | "INFO":
                return self.respond(asked.key, 200, now)
            case "REFER":
                return self._referred(leg, asked, now)
            case "NOTIFY":
                return self._notified(leg, request, asked.key, now)
            case _:
                return self.respond(asked.key, 405, now, (("allow", ALLOW),))

    def _reoffered(self, leg: Leg, asked: Asked, now: float) -> list[Output]:
        session = session_of(asked.request)
        status = self.not_now(leg)
        if asked.request.method == "UPDATE" and session is None and leg.state != "up":
            status = 0  # it moves the far side, and asks for nothing
        elif asked.request.method == "INVITE" and leg.state != "up":
            status = 500
        if status:
            return self.respond(asked.key, status, now, self.later(status))
        refresh_target(leg, asked.request)
        if leg.state == "up":
            self.note_request(leg, asked.request)
        if asked.request.method == "UPDATE" and session is None:
            timer = self.timer_answer(leg, now) if leg.state == "up" else ()
            headers = (self._contact(leg), ("allow", ALLOW), *timer)
            return [*self.respond(asked.key, 200, now, headers), events.Refreshed(leg)]
        leg.reoffer_key, leg.reoffer_cseq = asked.key, asked.request.cseq[0]
        if leg.state == "calling" and session is not None:
            leg.early_offer = session.decode("utf-8", "replace")
        return [events.Reoffered(leg, session)]

    def answer_reoffer(self, leg: Leg, session: bytes | None, now: float) -> list[Output]:
        """Answer `events.Reoffered` with a session, or refuse it (488) with None."""
        key = leg.reoffer_key
        if key is None:
            return []
        if session is None:
            leg.reoffer_key = None
            return self.respond(key, 488, now)
        if key[2] != "INVITE":
            leg.reoffer_key = None
        if leg.state == "calling":
            leg.early, leg.early_updated = leg.early_offer, True
        leg.session, leg.owed = session.decode("utf-8", "replace"), False  # this is the newest
        timer = self.timer_answer(leg, now) if leg.state == "up" and key[2] != "PRACK" else ()
        return self.respond(key, 200, now, (*self._session_headers(leg), *timer), session)

    def _cancelled(self, key: ServerKey, now: float) -> list[Output]:
        leg = self._invited.get(key)
        if leg is None or not self.transactions.is_open(key):
            return []  # our 2xx was first: the far end will BYE
        return self.respond(key, 487, now) + self._gone(leg, "cancelled")

    def _acknowledged(self, request: Request) -> list[Output]:
        leg = self.legs.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if leg is None:
            return []
        waits = leg.reoffer_key if leg.reoffer_key and leg.reoffer_key[2] == "INVITE" else None
        if waits and request.cseq[0] >= leg.reoffer_cseq:
            self.transactions.acknowledge(waits)
            leg.reoffer_key = None
            return [events.Reacknowledged(leg, session_of(request))]
        if leg.confirmed or leg.invite_key is None:
            return []
        self.transactions.acknowledge(leg.invite_key)
        leg.confirmed = True
        return [events.Acknowledged(leg, session_of(request))]

    def _never_acknowledged(self, key: ServerKey, now: float) -> list[Output]:
        found = (leg for leg in self.legs.values() if key in (leg.invite_key, leg.reoffer_key))
        leg = next(found, None)
        return [] if leg is None else self.hang_up(leg, now, "no-acknowledgement")

    # ---- an INVITE of theirs ----------------------------------------------------------------

    def refusal(self, request: Request, flow: Flow, status: int) -> list[Send]:
        """How we would refuse it without remembering it; for the process after this one."""
        sent = self.transactions.refuse(request, flow, status)
        return [output for output in sent if isinstance(output, Send)]

    def accept(
        self, leg: Leg, session: bytes, now: float, told: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """200; nothing if the caller has gone meanwhile (look at ``leg.state``).

        Args:
            told: further headers.
        """
        if leg.state != "incoming" or leg.invite_key is None:
            return []
        leg.state = "up"
        leg.session = session.decode("utf-8", "replace")
        headers = (*self._session_headers(leg), *self.timer_answer(leg, now), *told)
        return self.respond(leg.invite_key, 200, now, headers, session)

    def reject(
        self, leg: Leg, status: int, now: float, headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """Refuse; no `events.Ended` follows."""
        if leg.state != "incoming" or leg.invite_key is None:
            return []
        self._forget(leg)
        return self.respond(leg.invite_key, status, now, headers)
