"""Reliable provisional responses (RFC 3262): RSeq, PRACK, on both sides."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.leg import Leg, refresh_target, request_in
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.sessions import Sessions, has_tag
from tahuri.telephony.sip.transaction import T1_S, TIMEOUT_S, ServerKey
from tahuri.telephony.sip.transaction import Output as Lower

FIRST_RSEQ = 1


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
            leg.rseq += 1
            headers += [("require", "100rel"), ("rseq", str(leg.rseq))]
            self._waiting[key] = _Waiting(leg, leg.rseq, leg.remote_cseq, now + TIMEOUT_S)
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
        """A PRACK of theirs."""
        waiting = self._waiting.get(leg.invite_key) if leg.invite_key else None
        words = (request.get("rack") or "").split()
        if waiting is None or words != [str(waiting.rseq), str(waiting.cseq), "INVITE"]:
            return self.respond(key, 481, now)
        assert leg.invite_key is not None
        del self._waiting[leg.invite_key]
        return self.respond(key, 488 if request.body else 200, now)

    # ---- theirs -----------------------------------------------------------------------------

    def acknowledge_progress(self, leg: Leg, response: Response, now: float) -> list[Output] | None:
        """PRACK for a provisional response to our INVITE that asks for it.

        Returns:
            What to send; None when the response is a repetition or out of order: pass it over.
        """
        text = response.get("rseq") or ""
        if not has_tag(response, "require", "100rel") or not text.isdigit() or len(text) > 10:
            return []
        tag, rseq = response.to.tag or "", int(text)
        if rseq != leg.rseqs.get(tag, rseq - 1) + 1:
            return None
        leg.rseqs = {**leg.rseqs, tag: rseq}
        early = msgspec.structs.replace(leg, remote_tag=tag)
        early.routes = response.all("record-route")[::-1]
        refresh_target(early, response)
        request = request_in(early, "PRACK", self._contact_value(early))
        leg.local_cseq = early.local_cseq
        number, _ = response.cseq
        request.headers.append(("rack", f"{rseq} {number} INVITE"))
        return self._send_in(early, request, now)[1]
