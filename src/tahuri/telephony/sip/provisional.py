"""Reliable provisional responses (RFC 3262): RSeq, PRACK, on both sides."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tahuri.telephony.sip import events
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.grammar import whole_number
from tahuri.telephony.sip.leg import Leg, refresh_target, request_in
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.sessions import Sessions, has_tag
from tahuri.telephony.sip.transaction import T1_S, TIMEOUT_S, ServerKey
from tahuri.telephony.sip.transaction import Output as Lower


@dataclass(slots=True)
class _Waiting:
    """A provisional response of ours that is repeated until its PRACK comes."""

    leg: Leg
    rseq: int
    cseq: int
    until: float


class Provisionals(Sessions):
    """Dialogs whose beginning is acknowledged as well."""

    def __init__(self, identity: Identity, mint: Callable[[], str]) -> None:
        super().__init__(identity, mint)
        self._waiting: dict[ServerKey, _Waiting] = {}
        self._unacknowledged: list[Leg] = []

    # ---- ours -------------------------------------------------------------------------------

    def progress(self, leg: Leg, status: int, now: float, session: bytes = b"") -> list[Output]:
        """A provisional response, such as 180 or a 183 with a session (early media).

        It is repeated until acknowledged, if the caller asks for that; another one must wait until
        then, and is not sent.
        """
        key = leg.invite_key
        if key is None or leg.state != "incoming" or key in self._waiting:
            return []
        headers = [self._contact(leg)]
        if session:
            headers.append(("content-type", "application/sdp"))
        reliable = leg.prack == "required" or (leg.prack == "supported" and bool(session))
        if reliable:
            if session:
                leg.agreed, leg.session = leg.local_tag, session.decode("utf-8", "replace")
            leg.rseq += 1
            headers += [("require", "100rel"), ("rseq", str(leg.rseq))]
            self._waiting[key] = _Waiting(leg, leg.rseq, leg.invite_cseq, now + TIMEOUT_S)
            self._repeat_progress(key, now, T1_S)
        return self.respond(key, status, now, tuple(headers), session)

    def _repeat_progress(self, key: ServerKey, now: float, interval_s: float) -> None:
        def again(then: float) -> list[Lower]:
            waiting = self._waiting.get(key)
            if waiting is None:
                return []
            if not self.transactions.is_open(key):
                del self._waiting[key]
                return []
            if then >= waiting.until:
                del self._waiting[key]
                self._unacknowledged.append(waiting.leg)
                return self.transactions.respond(key, 504, then)
            self._repeat_progress(key, then, min(2 * interval_s, waiting.until - then))
            return self.transactions.repeat(key)

        self.transactions.after(now + interval_s, again)

    def never_pracked(self) -> list[Output]:
        """Calls that were refused because no PRACK came."""
        legs, self._unacknowledged = self._unacknowledged, []
        return [event for leg in legs for event in self._gone(leg, "no-acknowledgement")]

    def pracked(self, leg: Leg, key: ServerKey, request: Request, now: float) -> list[Output]:
        """A PRACK of theirs; one with a session answers our offer, or makes an offer of its own."""
        waiting = self._waiting.get(leg.invite_key) if leg.invite_key else None
        words = (request.get("rack") or "").split()
        if waiting is None or words != [str(waiting.rseq), str(waiting.cseq), "INVITE"]:
            return self.respond(key, 481, now)
        assert leg.invite_key is not None
        del self._waiting[leg.invite_key]
        session = session_of(request)
        if session is None:
            return self.respond(key, 415 if request.body else 200, now)
        if not leg.offered:  # our provisional response brought the offer
            answered = events.Reanswered(leg, 200, session)
            return [*self.respond(key, 200, now), answered]
        if status := self.not_now(leg):
            return self.respond(key, status, now, self.later(status))
        leg.reoffer_key = key
        return [events.Reoffered(leg, session)]

    # ---- offers before the answer (RFC 3311 § 5.2) ----------------------------------------------

    def not_now(self, leg: Leg) -> int:
        """The status with which an offer of theirs is refused for the moment; 0: it is taken.

        491 while an offer of ours is unanswered, 500 while one of theirs is.
        """
        if leg.offering:
            return 491
        if leg.reoffer_key:
            return 500
        match leg.state:
            case "up":
                return 0
            case "incoming":
                if not leg.offered and leg.invite_key in self._waiting:
                    return 491
                return 0 if leg.agreed else 500
            case _:
                return 0 if leg.agreed else 491

    def later(self, status: int) -> tuple[tuple[str, str], ...]:
        """With a 500: when to ask again, at random within 10 s."""
        wait_s = int.from_bytes(self._mint().encode()[-2:]) % 11
        return (("retry-after", str(wait_s)),) if status == 500 else ()

    def early_leg(self, request: Request) -> Leg | None:
        """The call of ours that an UPDATE before its answer belongs to."""
        names = (request.call_id, request.to.tag, request.from_.tag)
        found = (leg for leg in self._calling.values() if leg.state in ("calling", "cancelling"))
        early = (leg for leg in found if (leg.call_id, leg.local_tag, leg.agreed) == names)
        return next(early, None)

    # ---- theirs -----------------------------------------------------------------------------

    def acknowledge_progress(self, leg: Leg, response: Response, now: float) -> list[Output] | None:
        """PRACK for a provisional response to our INVITE that asks for it.

        Returns:
            What to send; None when the response is a repetition or out of order: pass it over.
        """
        rseq = whole_number(response.get("rseq") or "", 10)
        if not has_tag(response, "require", "100rel") or rseq is None:
            return []
        tag = response.to.tag or ""
        if rseq != leg.rseqs.get(tag, rseq - 1) + 1:
            return None
        leg.rseqs = {**leg.rseqs, tag: rseq}
        if session_of(response) is not None:
            if leg.agreed != tag:
                leg.remote_cseq = 0
            leg.agreed, leg.early_updated = tag, False
        early = msgspec.structs.replace(leg, remote_tag=tag)
        early.routes = response.all("record-route")[::-1]
        refresh_target(early, response)
        request = request_in(early, "PRACK", self._contact_value(early))
        leg.local_cseq = early.local_cseq
        number, _ = response.cseq
        request.headers.append(("rack", f"{rseq} {number} INVITE"))
        return self._send_in(early, request, now)[1]
