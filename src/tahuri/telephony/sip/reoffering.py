"""New sessions for calls that stand: re-INVITEs of ours (RFC 3261 § 14), until they are taken.

What the far end cannot take now (another offer is under way, 491, 500) is owed: it is offered again
when the way is free, also by the process after this one.  The newest session alone counts.
"""

from collections.abc import Callable

from tahuri.telephony.sip import events
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.grammar import whole_number
from tahuri.telephony.sip.leg import ALLOW, Leg, refresh_target, request_in
from tahuri.telephony.sip.message import Response
from tahuri.telephony.sip.provisional import Provisionals
from tahuri.telephony.sip.sessions import MISSES_S, NOBODY
from tahuri.telephony.sip.transaction import KEPT_S, TIMEOUT_S
from tahuri.telephony.sip.transaction import Output as Lower

LOOK_EVERY_S = 0.25
"""How often it is looked whether the way is free."""
UNCONFIRMED_S = 2.0
"""So long an ACK is waited for: the process before this one may have had it."""
ADOPTED_S = 0.6
"""Before a session is offered anew that the process before this one had offered: the far end
repeats its answer, and is to hear our ACK first."""
TRIES_MAX = 12
"""Refusals for the moment, of 2 s or more each, before the call counts as without sound."""
LATER_S = 2.0
LATER_S_MAX = 4.0
"""Whoever waits for sound is not made to wait for the ten seconds that Retry-After may ask for."""


class Reoffering(Provisionals):
    """The side that changes a session."""

    def __init__(self, identity: Identity, mint: Callable[[], str]) -> None:
        super().__init__(identity, mint)
        self._reoffering: dict[str, Leg] = {}
        self._owing: list[Leg] = []

    def adopt(self, leg: Leg, now: float) -> None:
        owed = leg.owed or leg.offering
        super().adopt(leg, now)
        if owed and leg.state == "up":
            leg.owed_since = now
            self._owe(leg, ADOPTED_S, now)

    def reoffer(self, leg: Leg, session: bytes, now: float) -> list[Output]:
        """Re-INVITE with a new session, now or as soon as may be; `events.Reanswered` follows."""
        if leg.state != "up":
            return []
        leg.session = session.decode("utf-8", "replace")
        leg.owed_tries, leg.owed_since = 0, now
        return self._offer(leg, now)

    def offers_due(self, now: float) -> list[Output]:
        """Offer what is owed and may be offered now."""
        owing, self._owing = self._owing, []
        return [
            out for leg in owing if leg.state == "up" and leg.owed for out in self._offer(leg, now)
        ]

    def _offer(self, leg: Leg, now: float) -> list[Output]:
        unconfirmed = leg.invite_key is not None and not leg.confirmed
        waits = unconfirmed and now - leg.owed_since < UNCONFIRMED_S
        if leg.offering or leg.reoffer_key is not None or waits:
            self._owe(leg, LOOK_EVERY_S, now)
            return []
        leg.owed, leg.offering = False, True
        request = request_in(leg, "INVITE", self._contact_value(leg))
        request.headers += [("allow", ALLOW), *self.timer_offer(leg)]
        request.headers.append(("content-type", "application/sdp"))
        request.body = leg.session.encode()
        client, sent = self._send_in(leg, request, now)
        leg.offer_client = client
        self._reoffering[client] = leg
        self.forget_client_later(self._reoffering, client, now)
        return sent

    def _owe(self, leg: Leg, wait_s: float, now: float) -> None:
        leg.owed, leg.owed_due = True, now + wait_s

        def look(then: float) -> list[Lower]:
            if leg.owed and then >= leg.owed_due:
                self._owing.append(leg)
            return []

        self.transactions.after(leg.owed_due, look)

    def reoffer_replied(self, client: str, response: Response, now: float) -> list[Output]:
        """An answer to a re-INVITE of ours."""
        leg = self._reoffering[client]
        if response.status < 200:
            return []
        outputs: list[Output] = []
        if response.status < 300:
            refresh_target(leg, response)
            outputs.append(self._ack(leg, response.cseq[0]))
        if not self._waited_for(leg, client) or leg.state != "up":
            return outputs  # a repeated 200, or the call is over
        if response.status in NOBODY:
            return self._nobody(leg, now)
        if response.status < 300:
            self.timer_agreed(leg, response, now)
        elif self.takes_more(leg, response):
            return self._offer(leg, now)
        elif wait_s := self._wait_s(leg, response):
            leg.owed_tries += 1
            self._owe(leg, wait_s, now)
            return []
        if leg.owed and response.status != 481:  # there is a newer one
            refused = response.status >= 300
            told = [] if refused else [self._reanswered(leg, response)]
            return [*outputs, *told, *self._offer(leg, now)]
        outputs.append(self._reanswered(leg, response))
        if response.status == 481:
            outputs += self.hang_up(leg, now, "lost")
        return outputs

    @staticmethod
    def _reanswered(leg: Leg, response: Response) -> events.Reanswered:
        return events.Reanswered(leg, response.status, session_of(response))

    def _wait_s(self, leg: Leg, response: Response) -> float:
        """After how long to offer again what was refused for the moment; 0: it was not.

        491 by § 14.1: whoever made the Call-ID waits for 2.1 to 4 s, the other for up to 2 s.
        """
        if response.status not in (491, 500) or leg.owed_tries >= TRIES_MAX:
            return 0.0
        if response.status == 500:
            value = (response.get("retry-after") or "").partition(";")[0]
            asked = whole_number(value.partition("(")[0])
            return min(float(asked), LATER_S_MAX) if asked else LATER_S
        share = int.from_bytes(self._mint().encode()[-2:]) % 200 / 200
        return 2.1 + 1.9 * share if leg.outgoing else 0.01 + 1.99 * share

    def reoffer_unanswered(self, client: str, now: float) -> list[Output]:
        """Nobody answered a re-INVITE, or could be connected to."""
        leg = self._reoffering.pop(client)
        waited = self._waited_for(leg, client)
        return self._nobody(leg, now) if waited and leg.state == "up" else []

    def _nobody(self, leg: Leg, now: float) -> list[Output]:
        """A session of ours met silence: a line that is down for a moment ends no call."""
        if now - leg.owed_since < MISSES_S:
            self._owe(leg, LATER_S, now)
            return []
        return [events.Reanswered(leg, 408, None), *self.hang_up(leg, now, "lost")]

    def acknowledge_stray(self, response: Response) -> list[Output]:
        """A 2xx to an INVITE that the process before this one sent, or one that comes very late:
        without our ACK the far end would hang up."""
        tags = response.from_.tag or "", response.to.tag or ""
        leg = self.legs.get((response.call_id, *tags))
        return [self._ack(leg, response.cseq[0])] if leg is not None and leg.state == "up" else []

    def forget_client_later(self, kept: dict[str, Leg], client: str, now: float) -> None:
        """A repeated 200 must still find its leg, for as long as the far end may repeat it."""

        def forget(then: float) -> list[Lower]:
            leg = kept.get(client)
            if leg is not None and leg.state in ("calling", "cancelling"):
                self.transactions.after(then + TIMEOUT_S, forget)  # it still rings
            else:
                kept.pop(client, None)
            return []

        self.transactions.after(now + KEPT_S, forget)
