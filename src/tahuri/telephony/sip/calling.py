"""INVITEs of ours."""

from tahuri.telephony.sip import events
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import Output
from tahuri.telephony.sip.leg import (
    ALLOW,
    Leg,
    again,
    established,
    next_hop,
    request_in,
)
from tahuri.telephony.sip.message import Response
from tahuri.telephony.sip.reoffering import Reoffering
from tahuri.telephony.sip.transaction import Flow, Send

RANG_MAX = 16
"""Early dialogs of one INVITE of ours that are remembered."""


class Calling(Reoffering):
    """The side that calls."""

    def call(
        self,
        local: str,
        target: str,
        flow: Flow,
        session: bytes,
        now: float,
        content_type: str = "application/sdp",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> tuple[Leg, list[Output]]:
        """INVITE.  `events.Ringing`, then `events.Answered` or `events.Rejected` follow.

        Args:
            local: our From, e.g. ``<sip:112@192.0.2.1>``; no tag.
            target: Request-URI, also our To.
            flow: where to send it.
            session: the offer; empty for an INVITE without one.
        """
        leg = Leg(
            name=self._mint(),
            call_id=f"{self._mint()}@{self.identity.host}",
            local_tag=self._mint(),
            local=local,
            remote=f"<{target}>",
            target=target,
            transport=flow.transport,
            host=flow.host,
            port=flow.port,
            asked=flow,
            state="calling",
            outgoing=True,
        )
        leg.extra = list(headers) if not session else [*headers, ("content-type", content_type)]
        return leg, self._invite(leg, session, now, flow, ())

    def call_again(
        self, leg: Leg, session: bytes, authorization: tuple[str, str], now: float
    ) -> list[Output]:
        """The same INVITE with credentials, after 401 or 407."""
        leg.state, leg.remote_tag = "calling", ""
        return self._invite(leg, session, now, leg.flow, (authorization,))

    def abandon(self, leg: Leg, now: float) -> list[Output]:
        """CANCEL an INVITE that an earlier process sent and that may still ring there."""
        leg.state = "cancelling"
        request = request_in(leg, "INVITE", self._contact_value(leg), leg.invite_cseq)
        self._calling[leg.client] = leg
        self.forget_client_later(self._calling, leg.client, now)
        via = self._via(leg.flow)
        self.transactions.adopt(leg.client, request, leg.flow, via, now, again(leg))
        return self._lift(self.transactions.cancel(leg.client, now), now)

    def _invite(
        self,
        leg: Leg,
        session: bytes,
        now: float,
        flow: Flow,
        headers: tuple[tuple[str, str], ...],
    ) -> list[Output]:
        request = request_in(leg, "INVITE", self._contact_value(leg))
        request.headers += [("allow", ALLOW), *self.timer_offer(leg), *leg.extra, *headers]
        request.body = session
        leg.session = session.decode("utf-8", "replace")
        leg.invite_cseq = leg.local_cseq
        via = self._via(flow)
        leg.client, sent = self.transactions.request(request, flow, via, now, again(leg))
        self._calling[leg.client] = leg
        self.forget_client_later(self._calling, leg.client, now)
        return self._lift(sent, now)

    def _replied(self, client: str, response: Response, now: float) -> list[Output]:
        if leg := self._calling.get(client):
            return self._invite_replied(leg, response, now)
        if client in self._reoffering:
            return self.reoffer_replied(client, response, now)
        if client in self._refreshing:
            return self.refresh_replied(client, response, now)
        return [events.Replied(client, response)] if response.status >= 200 else []

    def _invite_replied(self, leg: Leg, response: Response, now: float) -> list[Output]:
        if response.status < 200:
            if leg.state == "cancelling":
                return self._lift(self.transactions.cancel(leg.client, now), now)
            return self._progressed(leg, response, now) if response.status > 100 else []
        if response.status >= 300:
            self._calling.pop(leg.client, None)
            if leg.state == "calling" and self.takes_more(leg, response):
                return self._invite(leg, leg.session.encode(), now, leg.flow, ())
            was, leg.state = leg.state, "ended"
            if was == "cancelling":
                return [events.Rejected(leg, 487, response)]
            return [events.Rejected(leg, response.status, response)]
        tag = response.to.tag or ""
        if leg.remote_tag == tag and leg.state in ("up", "ended"):  # repeated: our ACK was lost
            known = leg.acks.get(leg.invite_cseq)
            if known is None:  # one for a later INVITE stands there
                return [self._ack(leg, leg.invite_cseq)]
            ack = known.encode("utf-8", "surrogateescape")
            return [Send(ack, next_hop(leg), again(leg))]
        if leg.remote_tag and leg.remote_tag != tag:
            return self._unwanted_fork(leg, response, now)
        established(leg, response)
        if leg.agreed != tag:
            leg.remote_cseq = 0  # that was another dialog
        outputs: list[Output] = [self._ack(leg, leg.invite_cseq)]
        self.legs[leg.dialog] = leg
        if leg.state == "cancelling":  # the 200 crossed our CANCEL
            leg.state = "up"
            outputs += self.hang_up(leg, now, "cancelled")
            return [
                *(o for o in outputs if isinstance(o, Send)),
                events.Rejected(leg, 487, response),
            ]
        leg.state, leg.confirmed = "up", True
        self.timer_agreed(leg, response, now)
        session = session_of(response)
        changed = leg.early_updated and leg.agreed == tag
        if leg.early and (session is None or changed):
            session = leg.early.encode()  # it came before, and is not said twice
        return [events.Answered(leg, session, response), *outputs]

    def _progressed(self, leg: Leg, response: Response, now: float) -> list[Output]:
        outputs = self.acknowledge_progress(leg, response, now)
        if outputs is None:
            return []
        session = session_of(response)
        tag = response.to.tag
        if tag and tag not in leg.rang and len(leg.rang) < RANG_MAX:
            leg.rang = [*leg.rang, tag]
        if session is not None:
            leg.early = session.decode("utf-8", "replace")
        return [*outputs, events.Ringing(leg, response.status, session)]

    def _unwanted_fork(self, leg: Leg, response: Response, now: float) -> list[Output]:
        """A second phone answered the same INVITE: acknowledge and hang up at once."""
        other = Leg(
            name=self._mint(),
            call_id=leg.call_id,
            local_tag=leg.local_tag,
            local=leg.local,
            remote=leg.remote,
            target=leg.target,
            local_cseq=leg.local_cseq,
            transport=leg.transport,
            host=leg.host,
            port=leg.port,
            asked=leg.asked,
            nat=leg.nat,
            state="up",
            outgoing=True,
        )
        established(other, response)
        outputs: list[Output] = [self._ack(other, leg.invite_cseq)]
        outputs += [o for o in self.hang_up(other, now, "fork") if isinstance(o, Send)]
        return outputs

    def _unanswered(self, client: str, now: float) -> list[Output]:
        if leg := self._calling.pop(client, None):
            leg.state = "ended"
            return [events.Rejected(leg, 408, None)]
        if client in self._reoffering:
            return self.reoffer_unanswered(client, now)
        if client in self._refreshing:
            return self.refresh_unanswered(client, now)
        return [events.Replied(client, None)]
