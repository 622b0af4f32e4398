"""REGISTER from seats that are SIP phones, and from gateways: digest, bindings, expiry."""

import logging

from tahuri.telephony.protocol.facts.seat import SeatTaken
from tahuri.telephony.sip import events
from tahuri.telephony.sip.gate import Bucket
from tahuri.telephony.sip.grammar import (
    BadValue,
    NameAddress,
    name_address,
    parse_uri,
    whole_number,
)
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import seats
from tahuri.telephony.switch.config import Gateway, PhoneSeat, TestSeat
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.edge import edge
from tahuri.telephony.switch.edge.credentials import Credentials
from tahuri.telephony.switch.model import Gateway as Binding
from tahuri.telephony.switch.model import Seat
from tahuri.telephony.switch.queue import offers
from tahuri.telephony.token import Skills

EXPIRES_S = 300
EXPIRES_S_MIN = 10
EXPIRES_S_MAX = 3600
READY_AGAIN = ("technical", "missed-offer")
"""Reasons that the next registration ends: a phone has no key with which to say ready, and one that
missed a call must not be silent for the rest of the night."""
REFUSALS_TOLD_PER_S = 0.2
"""Lines in the log about phones that may not register; all are counted."""

log = logging.getLogger(__name__)


class Registrar:
    """Knows the phones of the configuration."""

    def __init__(self, core: Core, credentials: Credentials) -> None:
        self._core = core
        self._credentials = credentials
        self._told = Bucket(REFUSALS_TOLD_PER_S, 10, 10, core.monotonic_s())
        self._phones = {phone.username: phone for phone in core.settings.seats}
        self._gateways = {one.username: one for one in core.settings.gateways}
        for phone in core.settings.seats:
            seat = core.seats.get(phone.seat_id)
            if seat is None:
                seat = Seat(seat_id=phone.seat_id, kind="sip", since=core.now())
                core.seats[phone.seat_id] = seat
            seat.robot, seat.ready_when_registered = phone.robot, phone.ready_when_registered
            before = seats.skills_of(seat)
            seat.desk, seat.languages = phone.skills.desk, phone.skills.languages
            seat.agency_id = phone.skills.agency_id
            if seats.skills_of(seat) != before:
                seats.tell_skills(core, seat, SWITCH)

    def registering(self, event: events.Registering) -> None:
        """Challenge, refuse or bind."""
        core, request = self._core, event.request
        user = _user(request)
        phone = self._phones.get(user) or self._gateways.get(user) or self._test_seat(user)
        account = phone.account if phone is not None else None
        verdict = None
        if account is not None:
            verdict = self._credentials.verdict(request, account, event.flow)
        if verdict == "right" and phone is not None:
            if isinstance(phone, TestSeat):
                self._bind_gateway(event, core.test_seat)
            elif isinstance(phone, Gateway):
                self._bind_gateway(event, core.gateways[phone.name])
            else:
                self._bind(event, phone)
            return
        if request.get("authorization") is not None and verdict != "stale":
            core.gate.penalise(event.flow.host, core.sip_now)
            self._tell_refused(event.flow.host, phone)
        headers = self._credentials.challenges(account, event.flow, verdict == "stale")
        core.perform(core.endpoint.agent.respond(event.key, 401, core.sip_now, headers))

    def _tell_refused(self, source: str, phone: PhoneSeat | Gateway | TestSeat | None) -> None:
        """For whoever sets a phone up and sees only that it does not register."""
        core = self._core
        core.count("registrations-refused")
        if self._told.take(1, core.monotonic_s()):
            why = "unknown-username" if phone is None else "wrong-password"
            name = "" if phone is None else phone.username
            log.warning(
                "a phone may not register",
                extra={"why": why, "username": name, "pii.source": source},
            )

    def _test_seat(self, user: str) -> TestSeat | None:
        seat = self._core.settings.test_seat
        return seat if seat is not None and seat.username == user else None

    def _bind(self, event: events.Registering, phone: PhoneSeat) -> None:
        core, seat = self._core, self._core.seats[phone.seat_id]
        asked = _asked(event.request, seat.contact)
        if asked is not None and asked[1] == 0:
            self._unbind(seat)
        elif asked is not None:
            address, expires_s = asked
            seat.contact, seat.transport = address, event.flow.transport
            seat.host, seat.port_sip = event.flow.host, event.flow.port
            seat.nat = not edge.is_reachable(address, event.flow)
            self._reached_anew(seat, event.flow)
            seat.registered_until_s = core.monotonic_s() + expires_s
            self._seat_down(seat, phone)
        self._registered(event, seat.contact, seat.registered_until_s)
        offers.dispatch(core)

    def _bind_gateway(self, event: events.Registering, gateway: Binding) -> None:
        core = self._core
        asked = _asked(event.request, gateway.contact)
        if asked is not None:
            address, expires_s = asked
            gateway.registered_until_s = core.monotonic_s() + expires_s if expires_s else None
            if expires_s:
                gateway.contact, flow = address, event.flow
                gateway.transport, gateway.host, gateway.port = flow.transport, flow.host, flow.port
            core.changed()
        self._registered(event, gateway.contact, gateway.registered_until_s)

    def _registered(self, event: events.Registering, contact: str, until_s: float | None) -> None:
        """200 with what is bound now (RFC 3261 § 10.3, step 8)."""
        core = self._core
        headers: tuple[tuple[str, str], ...] = ()
        if until_s is not None:
            left_s = max(0, round(until_s - core.monotonic_s()))
            headers = (("contact", f"<{contact}>;expires={left_s}"),)
        core.perform(core.endpoint.agent.respond(event.key, 200, core.sip_now, headers))

    def _seat_down(self, seat: Seat, phone: PhoneSeat) -> None:
        seat.attached, seat.gone_since, seat.media = True, None, "connected"
        if seat.operator_id is None or seat.state == "vanished":
            seat.operator_id, seat.operator_name = phone.operator_id, phone.operator_name
            body = SeatTaken(operator_id=phone.operator_id, kind="sip", robot=phone.robot)
            self._core.of_seat(seat, body, SWITCH)
            if phone.skills != Skills():
                seats.tell_skills(self._core, seat, SWITCH)
            seats.not_ready(self._core, seat, "technical", SWITCH)
        if phone.ready_when_registered and (seat.reason in READY_AGAIN or phone.robot):
            seats.ready(self._core, seat)
        self._core.changed()

    def _reached_anew(self, seat: Seat, flow: Flow) -> None:
        """The phone connected again in mid-call: what we have to say goes over the new connection
        (RFC 5626 § 5.3)."""
        for call in self._core.calls.values():
            phone = offers.phone_at(call, seat.seat_id)
            if phone is None or seat.seat_id not in (call.seat_id, *call.rings_at):
                continue
            line = call.consultation
            for leg in (phone.leg, *([line.leg] if line is not None else [])):
                if flow.reliable and leg.transport == flow.transport and leg.flow != flow:
                    leg.host, leg.port, leg.asked = flow.host, flow.port, flow
                    self._core.save(call)

    def _unbind(self, seat: Seat) -> None:
        seat.attached, seat.registered_until_s = False, None
        if seat.state in ("busy", "offered"):
            seat.gone_since = self._core.monotonic_s()  # what it has in hand goes on, or is missed
        else:
            seats.leave(self._core, seat)


def _user(request: Request) -> str:
    try:
        return parse_uri(request.to.uri).user
    except BadValue:
        return ""


def _asked(request: Request, bound: str) -> tuple[str, int] | None:
    """Contact and seconds that a REGISTER asks for, 0 to be off; None: what is bound stays.

    A phone whose address has changed takes the old Contact back, in the same message or in the
    next one: it is off only where it takes back what is bound, or everything.
    """
    contacts = [(one, _expires_s(request, one)) for one in request.all("contact")]
    for contact, expires_s in contacts:
        if expires_s:
            return name_address(contact).uri, expires_s
    gone = any(one == "*" or _place(name_address(one).uri) == _place(bound) for one, _ in contacts)
    return (bound, 0) if gone else None


def _place(uri: str) -> tuple[str, str, int | None]:
    """User, host and port; parameters do not tell one telephone from another."""
    try:
        read = parse_uri(uri)
    except BadValue:
        return uri, "", None
    return read.user, read.host, read.port


def _expires_s(request: Request, contact: str) -> int:
    address = NameAddress("", "", {}) if contact == "*" else name_address(contact)
    value = address.parameters.get("expires") or request.get("expires") or str(EXPIRES_S)
    number = whole_number(value)
    asked = EXPIRES_S if number is None else number
    return 0 if asked == 0 or contact == "*" else min(max(asked, EXPIRES_S_MIN), EXPIRES_S_MAX)
