"""REGISTER from seats that are SIP phones: digest, bindings, expiry."""

import hmac
import secrets

from tahuri.telephony.protocol import SeatTaken
from tahuri.telephony.sip import digest, events
from tahuri.telephony.sip.grammar import BadValue, NameAddress, name_address, parse_uri
from tahuri.telephony.sip.message import Request
from tahuri.telephony.switch import offers, seats
from tahuri.telephony.switch.config import REALM, PhoneSeat
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Seat

EXPIRES_S = 300
EXPIRES_S_MIN = 10
EXPIRES_S_MAX = 3600


class Registrar:
    """Knows the phones of the configuration."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._key = secrets.token_bytes(32)
        self._phones = {phone.username: phone for phone in core.settings.seats}
        for phone in core.settings.seats:
            seat = core.seats.get(phone.seat_id)
            if seat is None:
                seat = Seat(seat_id=phone.seat_id, kind="sip", since=core.now())
                core.seats[phone.seat_id] = seat
            seat.robot, seat.ready_when_registered = phone.robot, phone.ready_when_registered
            seat.desk, seat.languages = phone.skills.desk, phone.skills.languages
            seat.agency_id = phone.skills.agency_id

    def registering(self, event: events.Registering) -> None:
        """Challenge, refuse or bind."""
        core, request = self._core, event.request
        phone = self._phones.get(_user(request))
        value = request.get("authorization")
        now_s = int(core.monotonic_s())
        # A key for each address: credentials that were overheard prove nothing from another.
        key = hmac.digest(self._key, event.flow.host.encode(), "sha256")
        verdict: digest.Verdict | None = None
        if value is not None and phone is not None:
            verdict = digest.check(value, "REGISTER", phone.account, REALM, key, now_s)
        if verdict == "right" and phone is not None:
            self._bind(event, phone)
            return
        if value is not None and verdict != "stale":
            core.gate.penalise(event.flow.host, core.sip_now)
        algorithms = phone.account.algorithms if phone else digest.ALGORITHMS
        asked = digest.challenges(REALM, key, now_s, verdict == "stale", algorithms)
        headers = tuple(("www-authenticate", challenge) for challenge in asked)
        core.perform(core.endpoint.agent.respond(event.key, 401, core.sip_now, headers))

    def _bind(self, event: events.Registering, phone: PhoneSeat) -> None:
        core, seat = self._core, self._core.seats[phone.seat_id]
        contacts = event.request.all("contact")
        headers: tuple[tuple[str, str], ...] = ()
        if contacts:
            expires_s = _expires_s(event.request, contacts[0])
            if expires_s == 0:
                self._unbind(seat)
            else:
                address = name_address(contacts[0]).uri
                seat.contact, seat.transport = address, event.flow.transport
                seat.host, seat.port_sip = event.flow.host, event.flow.port
                seat.registered_until_s = core.monotonic_s() + expires_s
                self._seat_down(seat, phone)
                headers = (("contact", f"<{address}>;expires={expires_s}"),)
        core.perform(core.endpoint.agent.respond(event.key, 200, core.sip_now, headers))
        offers.dispatch(core)

    def _seat_down(self, seat: Seat, phone: PhoneSeat) -> None:
        seat.attached, seat.gone_since, seat.media = True, None, "connected"
        if seat.operator_id is None or seat.state == "vanished":
            seat.operator_id, seat.operator_name = phone.operator_id, phone.operator_name
            body = SeatTaken(operator_id=phone.operator_id, kind="sip", robot=phone.robot)
            self._core.of_seat(seat, body, SWITCH)
            seats.not_ready(self._core, seat, "technical", SWITCH)
        if phone.ready_when_registered and (seat.reason == "technical" or phone.robot):
            seats.ready(self._core, seat)
        self._core.changed()

    def _unbind(self, seat: Seat) -> None:
        seat.attached, seat.registered_until_s = False, None
        if seat.state not in ("busy", "offered"):
            seats.leave(self._core, seat)


def _user(request: Request) -> str:
    try:
        return parse_uri(request.to.uri).user
    except BadValue:
        return ""


def _expires_s(request: Request, contact: str) -> int:
    address = NameAddress("", "", {}) if contact == "*" else name_address(contact)
    value = address.parameters.get("expires") or request.get("expires") or str(EXPIRES_S)
    asked = int(value) if value.isdigit() and len(value) < 10 else EXPIRES_S
    return 0 if asked == 0 or contact == "*" else min(max(asked, EXPIRES_S_MIN), EXPIRES_S_MAX)
