"""Session timers (RFC 4028): a far end that is gone is found, even while its sound seems to come.

Whoever refreshes sends UPDATE, or a re-INVITE with the same session, at half the interval; the
other side hangs up when nothing comes.  A far end that knows no timers is refreshed by us all the
same: any answer but 408 and 481 shows that it is there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tahuri.telephony.sip import events
from tahuri.telephony.sip.body import session_of
from tahuri.telephony.sip.dialogs import Dialogs, Identity, Output
from tahuri.telephony.sip.grammar import parameters_of, whole_number
from tahuri.telephony.sip.leg import ALLOW, Leg, refresh_target, request_in
from tahuri.telephony.sip.message import Message, Request, Response
from tahuri.telephony.sip.transaction import KEPT_S
from tahuri.telephony.sip.transaction import Output as Lower

SUPPORTED = "timer, 100rel, replaces"
EXPIRES_S = 1800
LEAST_S = 90
"""RFC 4028 § 4: no interval may be shorter."""
AGAIN_S = 5.0
"""After which a refresh is tried again that met another request of theirs or of ours."""
SLACK_S_MAX = 32.0
"""So long before the end of the interval the side that waits hangs up, at most."""
LOOK_EVERY_S = 32.0
PROBE_S = 10.0
"""A dialog that is taken up after a kill is refreshed after so long, and up to as much again: its
far end may have hung up in that very moment."""
MISSES_S = 60.0
"""So long refreshes may go unanswered: a line that is down for a moment ends no call."""
NOBODY = frozenset({408, 487})
"""Said by a machine on the way for a silent far end; 487 when we took a re-INVITE back."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Times:
    """What this element wants."""

    expires_s: int = EXPIRES_S
    least_s: int = LEAST_S


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message says of timers."""

    expires_s: int
    """0: nothing."""
    refresher: str
    """``uac``, ``uas`` or empty."""
    least_s: int


def asked_in(message: Message) -> Asked:
    """Session-Expires and Min-SE of a message; what cannot be read counts as absent."""
    value, _, rest = (message.get("session-expires") or "").partition(";")
    refresher = parameters_of(rest).get("refresher", "").lower()
    least = (message.get("min-se") or "").partition(";")[0]
    return Asked(
        whole_number(value) or 0,
        refresher if refresher in ("uac", "uas") else "",
        whole_number(least) or 0,
    )


def has_tag(message: Message, name: str, tag: str) -> bool:
    """Whether a list of option tags or methods names that one."""
    return tag.lower() in (one.lower() for one in message.all(name))


class Sessions(Dialogs):
    """Dialogs that are refreshed, and end when nobody refreshes them."""

    def __init__(self, identity: Identity, mint: Callable[[], str]) -> None:
        super().__init__(identity, mint)
        self.times = Times()
        self._refreshing: dict[str, Leg] = {}
        self._due: list[Leg] = []

    # ---- what messages say ------------------------------------------------------------------

    def too_brief(self, request: Request) -> Headers | None:
        """The headers of a 422, if the request wants an interval below ours."""
        asked = asked_in(request)
        if not 0 < asked.expires_s < self.times.least_s:
            return None
        if not has_tag(request, "supported", "timer"):
            return None
        return (("min-se", str(self.times.least_s)),)

    def note_request(self, leg: Leg, request: Request) -> None:
        """Keep what an INVITE or UPDATE of theirs says, for its answer."""
        asked = asked_in(request)
        leg.timer = has_tag(request, "supported", "timer")
        leg.wanted = (asked.expires_s, asked.refresher, asked.least_s)
        if request.get("allow") is not None:
            leg.updates = has_tag(request, "allow", "UPDATE")

    def timer_answer(self, leg: Leg, now: float) -> Headers:
        """Headers of our 2xx to what `note_request` kept; the interval begins."""
        expires_s, refresher, least_s = leg.wanted
        ours_s = max(self.times.expires_s, least_s)
        interval_s = min(expires_s, ours_s) if expires_s else ours_s
        refresher = (refresher or "uac") if leg.timer else "uas"
        self._begin(leg, interval_s, refresher == "uas", now)
        headers: Headers = (
            ("supported", SUPPORTED),
            ("session-expires", f"{interval_s};refresher={refresher}"),
        )
        return (*headers, ("require", "timer")) if refresher == "uac" else headers

    def timer_offer(self, leg: Leg) -> Headers:
        """Headers of an INVITE or UPDATE of ours."""
        interval_s = max(int(leg.expires_s) or self.times.expires_s, leg.least_s)
        who = {"us": ";refresher=uac", "them": ";refresher=uas", "": ""}[leg.refreshes]
        return (
            ("supported", SUPPORTED),
            ("session-expires", f"{interval_s}{who}"),
            ("min-se", str(max(self.times.least_s, leg.least_s))),
        )

    def timer_agreed(self, leg: Leg, response: Response, now: float) -> None:
        """Take what a 2xx to our INVITE or UPDATE says; the interval begins."""
        asked = asked_in(response)
        if response.get("allow") is not None:
            leg.updates = has_tag(response, "allow", "UPDATE")
        interval_s = asked.expires_s or max(self.times.expires_s, leg.least_s)
        self._begin(leg, interval_s, not asked.expires_s or asked.refresher != "uas", now)

    def takes_more(self, leg: Leg, response: Response) -> bool:
        """Whether to ask again after a 422: it wants a longer interval than we asked for."""
        least_s = asked_in(response).least_s
        if response.status != 422 or least_s <= max(leg.least_s, self.times.least_s):
            return False
        leg.least_s = least_s
        return True

    # ---- time -------------------------------------------------------------------------------

    def adopt(self, leg: Leg, now: float) -> None:
        super().adopt(leg, now)
        leg.missed_since = None  # while nobody asked, nobody was silent
        if leg.refreshes:
            share = int.from_bytes(self._mint().encode()[-2:]) % 100 / 100
            probe_s = PROBE_S * (1 + share)
            if leg.refreshes == "us":
                probe_s = min(probe_s, max(0.0, leg.session_due - now))
            leg.probe = leg.refreshes == "us" or leg.expires_s > probe_s  # else they say so sooner
            self._later(leg, probe_s if leg.probe else leg.expires_s, now)

    def sessions_due(self, now: float) -> list[Output]:
        """Refresh, or hang up, whatever it is time for."""
        due, self._due = self._due, []
        outputs: list[Output] = []
        for leg in due:
            if leg.state != "up" or now < leg.session_due:
                continue  # refreshed meanwhile
            if leg.refreshes == "them" and not leg.probe:
                outputs += self.hang_up(leg, now, "session-expired")
            else:
                outputs += self._refresh(leg, now)
        return outputs

    def _begin(self, leg: Leg, interval_s: int, by_us: bool, now: float) -> None:
        leg.expires_s, leg.refreshes = interval_s, "us" if by_us else "them"
        leg.missed_since, leg.probe = None, False
        wait_s = interval_s / 2 if by_us else interval_s - min(SLACK_S_MAX, interval_s / 3)
        leg.session_due = now + wait_s
        self._watch(leg, now)

    def _watch(self, leg: Leg, now: float) -> None:
        """Wakes when the leg is due; looks now and then, so that no ended leg is kept till then."""
        wanted = leg.session_due

        def look(then: float) -> list[Lower]:
            if leg.state == "up" and leg.session_due == wanted:
                if then >= wanted:
                    self._due.append(leg)
                else:
                    self.transactions.after(min(wanted, then + LOOK_EVERY_S), look)
            return []

        self.transactions.after(min(wanted, now + LOOK_EVERY_S), look)

    def _later(self, leg: Leg, wait_s: float, now: float) -> None:
        leg.session_due = now + wait_s
        self._watch(leg, now)

    # ---- refreshing -------------------------------------------------------------------------

    def _refresh(self, leg: Leg, now: float) -> list[Output]:
        if leg.offering or leg.reoffer_key is not None:
            self._later(leg, AGAIN_S, now)
            return []
        update = leg.updates or not leg.session
        request = request_in(leg, "UPDATE" if update else "INVITE", self._contact_value(leg))
        request.headers += [("allow", ALLOW), *self.timer_offer(leg)]
        if not update:
            leg.offering = True
            request.headers.append(("content-type", "application/sdp"))
            request.body = leg.session.encode()
        name, sent = self._send_in(leg, request, now)
        if not update:
            leg.offer_client = name
        self._refreshing[name] = leg
        self.transactions.after(now + KEPT_S, lambda _: self._forget_refresh(name))
        self._later(leg, KEPT_S, now)  # in case that nothing comes of it
        return sent

    def _forget_refresh(self, name: str) -> list[Lower]:
        self._refreshing.pop(name, None)
        return []

    def refresh_replied(self, client: str, response: Response, now: float) -> list[Output]:
        """An answer to a refresh of ours."""
        leg, method = self._refreshing[client], response.cseq[1]
        if response.status < 200:
            return []
        outputs: list[Output] = []
        if response.status < 300:
            refresh_target(leg, response)
            if method == "INVITE":
                outputs.append(self._ack(leg, response.cseq[0]))
        repeated = method == "INVITE" and not self._waited_for(leg, client)
        if repeated or leg.state != "up":
            return outputs
        if response.status < 300:
            self.timer_agreed(leg, response, now)
            session = session_of(response)
            if session is not None:
                outputs.append(events.Reanswered(leg, response.status, session))
            return [*outputs, events.Refreshed(leg)]
        return [*outputs, *self._refresh_refused(leg, response, now)]

    def _refresh_refused(self, leg: Leg, response: Response, now: float) -> list[Output]:
        if response.status == 481:
            return self.hang_up(leg, now, "lost")
        if response.status in NOBODY:
            return self._missed(leg, now)
        leg.missed_since = None
        if self.takes_more(leg, response):
            return self._refresh(leg, now)
        if response.status in (405, 501) and leg.updates:
            leg.updates = False
            return self._refresh(leg, now) if leg.session else []
        wait_s = AGAIN_S if response.status == 491 else max(AGAIN_S, leg.expires_s / 4)
        if leg.probe and response.status != 491:
            leg.probe = False  # it is there
            wait_s = leg.expires_s if leg.refreshes == "them" else wait_s
        self._later(leg, wait_s, now)
        return [events.Refreshed(leg)]

    @staticmethod
    def _waited_for(leg: Leg, client: str) -> bool:
        """Whether that re-INVITE of ours is the one that waits for its answer; from now on none."""
        waits = leg.offering and leg.offer_client == client
        leg.offering = leg.offering and not waits
        return waits

    def refresh_unanswered(self, client: str, now: float) -> list[Output]:
        """Nobody answered a refresh, or could be connected to."""
        leg = self._refreshing.pop(client)
        self._waited_for(leg, client)
        return self._missed(leg, now) if leg.state == "up" else []

    def _missed(self, leg: Leg, now: float) -> list[Output]:
        if leg.missed_since is None:
            leg.missed_since = now
        if now - leg.missed_since >= MISSES_S:
            return self.hang_up(leg, now, "lost")
        self._later(leg, AGAIN_S, now)
        return [events.Refreshed(leg)]
