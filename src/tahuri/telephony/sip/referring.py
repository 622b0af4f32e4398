"""REFER inside a dialog, ours and theirs, and the NOTIFYs that tell how it goes (RFC 3515).

Only what a transfer needs: one REFER at a time in a dialog, no subscription that is refreshed.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from tahuri.telephony.sip import events, replaces
from tahuri.telephony.sip.calling import Calling
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.grammar import BadValue, name_address, parse_uri
from tahuri.telephony.sip.leg import Leg, request_in
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.transaction import Asked, ServerKey

SUBSCRIBED_S = 60
"""What we say of how long NOTIFYs may come."""
_ONE_WORD = re.compile(r"^[\x21-\x7e]+\Z")
"""What was escaped in a URI must not break the header that it becomes."""
_STATUS_LINE = re.compile(rb"^SIP/2\.0 (\d{3})[ \r\n]")


class Referring(Calling):
    """The side that asks for transfers, and is asked."""

    def __init__(self, identity: Identity, mint: Callable[[], str]) -> None:
        super().__init__(identity, mint)
        self._referring: dict[str, Leg] = {}

    def refer(self, leg: Leg, target: str, now: float) -> list[Output]:
        """Ask the far side to call ``target`` in our place.

        `events.ReferAnswered` follows, then, if it agreed, `events.ReferProgress`.
        """
        if leg.state != "up":
            return []
        request = request_in(leg, "REFER", self._contact_value(leg))
        request.headers += [
            ("refer-to", f"<{target}>"),
            ("referred-by", self.identity.contact(leg.transport, leg.host)),
        ]
        client, sent = self._send_in(leg, request, now)
        self._referring[client] = leg
        return sent

    def answer_refer(self, leg: Leg, key: ServerKey, status: int, now: float) -> list[Output]:
        """Answer `events.ReferAsked`: 202, or why not."""
        return self.respond(key, status, now, (self._contact(leg),))

    def notify(self, leg: Leg, status: int, reason: str, now: float) -> list[Output]:
        """Tell the far side how its transfer goes; a final status ends the telling."""
        if leg.state != "up":
            return []
        state = f"active;expires={SUBSCRIBED_S}" if status < 200 else "terminated;reason=noresource"
        request = request_in(leg, "NOTIFY", self._contact_value(leg))
        request.headers += [
            ("event", leg.referred or "refer"),
            ("subscription-state", state),
            ("content-type", "message/sipfrag;version=2.0"),
        ]
        request.body = f"SIP/2.0 {status} {reason}\r\n".encode()
        return self._send_in(leg, request, now)[1]

    def _replied(self, client: str, response: Response, now: float) -> list[Output]:
        leg = self._referring.get(client)
        if leg is None:
            return super()._replied(client, response, now)
        if response.status < 200:
            return []
        del self._referring[client]
        return [events.ReferAnswered(leg, response.status)]

    def _unanswered(self, client: str, now: float) -> list[Output]:
        leg = self._referring.pop(client, None)
        return [events.ReferAnswered(leg, 408)] if leg else super()._unanswered(client, now)

    def _referred(self, leg: Leg, asked: Asked, now: float) -> list[Output]:
        """A REFER of theirs: somebody must answer it."""
        targets = asked.request.all("refer-to")
        try:
            if len(targets) != 1:
                raise BadValue("refer-to")
            target, replaced = _target(name_address(targets[0]).uri)
        except BadValue:
            return self.respond(asked.key, 400, now)
        if leg.state != "up":
            return self.respond(asked.key, 481, now)
        leg.referred = "refer" if not leg.referred else f"refer;id={asked.request.cseq[0]}"
        return [events.ReferAsked(leg, asked.key, target, replaced)]

    def _notified(self, leg: Leg, request: Request, key: ServerKey, now: float) -> list[Output]:
        """A NOTIFY about a REFER of ours; any other event is not ours to hear of (489)."""
        if (request.get("event") or "").partition(";")[0].strip().lower() != "refer":
            return self.respond(key, 489, now, (("allow-events", "refer"),))
        outputs = self.respond(key, 200, now)
        found = _STATUS_LINE.match(request.body.lstrip())
        if found is not None:
            outputs.append(events.ReferProgress(leg, int(found[1])))
        return outputs


def _target(uri: str) -> tuple[str, str]:
    """The URI to call without its headers, and what its ``Replaces`` names.  Raises BadValue.

    The other headers that a URI can bring are not taken over: the INVITE is ours.
    """
    parse_uri(uri)
    target, _, rest = uri.partition("?")
    pairs = [part.partition("=") for part in rest.split("&") if part]
    found = [unquote(value) for name, _, value in pairs if name.lower() == "replaces"]
    if len(found) > 1 or not all(map(_ONE_WORD.match, found)):
        raise BadValue("replaces")
    for value in found:
        replaces.parsed(value)
    return target, found[0] if found else ""
