"""The switch's edge: certificates of trunks, and peers whose addresses cannot be believed."""

from ipaddress import ip_address

from tahuri.kernel import mint
from tahuri.telephony.sip.grammar import BadValue, parse_uri
from tahuri.telephony.sip.leg import flow_to
from tahuri.telephony.sip.message import Request
from tahuri.telephony.sip.sessions import Times
from tahuri.telephony.sip.tls import client_context
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.edge import identity
from tahuri.telephony.switch.edge.trunks import flow_of
from tahuri.telephony.switch.model import Seat

NAT_EVERY_S = 25.0
"""Home routers forget a UDP mapping after 30 s of silence."""


def prepare(core: Core) -> None:
    """Tell the endpoint what the settings say of trunks.  Raises OSError: a file is missing."""
    endpoint, sip = core.endpoint, core.settings.sip
    endpoint.agent.times = Times(sip.session_expires_s, sip.session_least_s)
    for trunk in core.settings.trunks:
        flow = flow_of(trunk)
        if flow is not None and flow.transport == "TLS":
            context = client_context(trunk.verify, trunk.authority)
            endpoint.trust(flow.host, flow.port, context)
    endpoint.needed = lambda flow: any(_phone_flow(seat) == flow for seat in _registered(core))
    endpoint.behind_nat = lambda host: _is_nat_trunk(core, host)


def is_behind_nat(core: Core, flow: Flow) -> bool:
    """Whether whoever is there is to be answered there, whatever their Contact says."""
    if _is_nat_trunk(core, flow.host):
        return True
    return any(seat.nat and _phone_flow(seat) == flow for seat in _registered(core))


def is_reachable(contact: str, flow: Flow) -> bool:
    """Whether a phone's Contact names the address that it registers from."""
    try:
        named = flow_to(parse_uri(contact))
        ip_address(named.host)
    except (BadValue, ValueError):
        return False
    if flow.reliable:
        return named.host == flow.host
    return (named.host, named.port) == (flow.host, flow.port)


class NatPings:
    """Keeps the mappings of phones behind NAT: OPTIONS to where they registered from."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._due_s: dict[str, float] = {}

    def tick(self) -> None:
        """Ask whom it is time to ask; call it often.  Instant."""
        core, now_s = self._core, self._core.monotonic_s()
        for seat in _registered(core):
            if not seat.nat or now_s < self._due_s.get(seat.seat_id, 0.0):
                continue
            self._due_s[seat.seat_id] = now_s + NAT_EVERY_S
            flow = _phone_flow(seat)
            request = Request(method="OPTIONS", uri=seat.contact)
            request.headers = [
                ("max-forwards", "70"),
                ("from", f"{core.local(core.settings.city_number)};tag={mint.new_id()}"),
                ("to", f"<{seat.contact}>"),
                ("call-id", mint.new_id()),
                ("cseq", "1 OPTIONS"),
                ("contact", core.endpoint.agent.identity.contact(flow.transport, flow.host)),
            ]
            core.perform(core.endpoint.agent.ask(request, flow, core.sip_now)[1])


def _registered(core: Core) -> list[Seat]:
    return [seat for seat in core.seats.values() if seat.kind == "sip" and seat.attached]


def _phone_flow(seat: Seat) -> Flow:
    return Flow(seat.transport, seat.host, seat.port_sip)


def _is_nat_trunk(core: Core, host: str) -> bool:
    try:
        trunk = identity.trunk_of(core.settings.trunks, core.endpoint.names.get(host, host))
    except ValueError:
        return False  # a name that has not been found yet
    return trunk is not None and trunk.nat
