"""One SIP dialog as we hold it, and how requests inside it look (RFC 3261 § 12).  Pure."""

import ipaddress
from typing import Literal

from msgspec import Struct

from tahuri.telephony.sip.grammar import BadValue, Uri, in_uri, name_address, parse_uri
from tahuri.telephony.sip.message import Message, Request, Response
from tahuri.telephony.sip.transaction import Flow, ServerKey, default_port

LegState = Literal["incoming", "calling", "cancelling", "up", "ended"]
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REGISTER, REFER, NOTIFY"
ACCEPT = "application/sdp, multipart/mixed, application/pidf+xml"


class Leg(Struct, kw_only=True):
    """A dialog, or what may become one; a journal can keep it as JSON and bring it back."""

    name: str
    """Our own name for it."""
    call_id: str
    local_tag: str
    remote_tag: str = ""
    local: str
    """Our From or To without tag."""
    remote: str
    """Theirs without tag."""
    target: str
    """Where requests inside the dialog go: their Contact."""
    routes: list[str] = []
    local_cseq: int = 0
    remote_cseq: int = 0
    transport: str = "UDP"
    host: str = ""
    port: int = 5060
    """Where their last request, or their answer, came from."""
    asked: Flow | None = None
    """Where we called, if we did: there they can be connected to again."""
    nat: bool = False
    """Their Contact names an address that nobody outside can reach."""
    state: LegState
    outgoing: bool
    confirmed: bool = False
    """Whether the far end acknowledged our 2xx."""
    invite_key: ServerKey | None = None
    client: str = ""
    """Our INVITE's transaction."""
    invite_cseq: int = 0
    sdp_version: int = 0
    offering: bool = False
    """A re-INVITE of ours waits for its answer."""
    offer_client: str = ""
    """Its transaction: whatever else is answered meanwhile is no answer to it."""
    owed: bool = False
    """``session`` is newer than what the far end was told, and could not be offered yet."""
    owed_due: float = 0.0
    """When to try, on the clock that never steps."""
    owed_since: float = 0.0
    owed_tries: int = 0
    """How often it was refused for the moment."""
    reoffer_key: ServerKey | None = None
    """A re-INVITE of theirs that we have not answered or that is not acknowledged."""
    reoffer_cseq: int = 0
    """Its CSeq: an ACK with a lower one is for what came before it."""
    acks: dict[int, str] = {}
    """Our ACKs by CSeq, as text, to repeat them."""
    extra: list[tuple[str, str]] = []
    """Headers of our INVITE, to repeat it with credentials or a longer interval."""
    session: str = ""
    """What we described last, to refresh the dialog with it."""
    expires_s: float = 0.0
    """The agreed interval of refreshes; 0: none."""
    refreshes: Literal["", "us", "them"] = ""
    session_due: float = 0.0
    """When to refresh, or to hang up if they do not, on the clock that never steps."""
    probe: bool = False
    """It was taken up after a kill, and nobody knows yet whether the far end is still there."""
    missed_since: float | None = None
    """Since when refreshes of ours get no answer, on the clock that never steps."""
    least_s: int = 0
    """The shortest interval that they take."""
    updates: bool = False
    """Whether they take UPDATE."""
    timer: bool = False
    """Whether they know session timers."""
    wanted: tuple[int, str, int] = (0, "", 0)
    """What their last INVITE or UPDATE says: interval in s, who refreshes, least interval in s."""
    prack: Literal["", "supported", "required"] = ""
    """Whether they take, or demand, reliable provisional responses."""
    rseq: int = 0
    """Number of our last one."""
    rseqs: dict[str, int] = {}
    """Numbers of their last ones, by tag."""
    early: str = ""
    """The session of a provisional response of theirs, or of an UPDATE of theirs after it."""
    rang: list[str] = []
    """Tags of those who sent provisional responses to our INVITE."""
    agreed: str = ""
    """Tag of the early dialog in which offer and answer are exchanged: a reliable provisional
    response brought the answer."""
    early_offer: str = ""
    """The session of an UPDATE of theirs before the answer, until we answer it."""
    early_updated: bool = False
    """An UPDATE of theirs changed that session: the one in their 2xx is older."""
    referred: str = ""
    """The event of the NOTIFYs for their last REFER; from their second on it names that (RFC 3515
    § 2.4.6)."""
    offered: bool = True
    """Whether their INVITE brought an offer."""

    @property
    def flow(self) -> Flow:
        return Flow(self.transport, self.host, self.port)

    @property
    def dialog(self) -> tuple[str, str, str]:
        return self.call_id, self.local_tag, self.remote_tag


def next_hop(leg: Leg) -> Flow:
    """Where requests inside the dialog go.

    The route or Contact counts when it names an address that can be reached; a host name or a
    broken one gives way to where the far end's messages come from, so that a call never waits for a
    name server.
    """
    named = _named(leg)
    if leg.nat or leg.transport == "TLS" or named is None:
        return leg.flow  # what came secured never goes out in the clear
    ours = named.host == leg.host or (leg.asked is not None and leg.asked.host == leg.host)
    if named.transport == leg.transport == "TCP" and ours:
        return leg.flow  # the connection that is there
    return named


def again(leg: Leg) -> Flow | None:
    """Where to connect to when the connection of the dialog is gone (RFC 5923 § 5)."""
    if leg.transport == "UDP":
        return None
    if leg.asked is not None:
        return leg.asked
    named = None if leg.nat else _named(leg)
    if named is None or named.transport == leg.transport:
        return named
    return Flow(leg.transport, named.host, default_port(leg.transport))


def flow_to(uri: Uri) -> Flow:
    """The transport, host and port that a ``sip:`` or ``sips:`` URI names."""
    transport = uri.parameters.get("transport", "udp").upper()
    if uri.scheme == "sips":
        transport = "TLS"
    elif transport not in ("TCP", "TLS"):
        transport = "UDP"
    try:
        host = str(ipaddress.ip_address(uri.host))  # one spelling of an IPv6 address
    except ValueError:
        host = uri.host
    return Flow(transport, host, uri.port or default_port(transport))


def _named(leg: Leg) -> Flow | None:
    """What the route or Contact names, if that is an address."""
    try:
        uri = parse_uri(name_address(leg.routes[0]).uri if leg.routes else leg.target)
        ipaddress.ip_address(uri.host)
    except (BadValue, ValueError):
        return None
    return flow_to(uri)


def from_invite(name: str, request: Request, flow: Flow, key: ServerKey, tag: str) -> Leg:
    """What an INVITE of theirs may become.  Raises BadValue for a Contact without an address.

    An element of RFC 2543 may send none; then requests go back to where the INVITE came from.
    """
    contacts = request.all("contact") or [f"<sip:{in_uri(flow.host)}:{flow.port}>"]
    return Leg(
        name=name,
        call_id=request.call_id,
        local_tag=tag,
        remote_tag=request.from_.tag or "",
        local=_without_tag(request.get("to") or ""),
        remote=_without_tag(request.get("from") or ""),
        target=name_address(contacts[0]).uri,
        routes=request.all("record-route"),
        remote_cseq=request.cseq[0],
        invite_cseq=request.cseq[0],
        transport=flow.transport,
        host=flow.host,
        port=flow.port,
        state="incoming",
        outgoing=False,
        invite_key=key,
    )


def established(leg: Leg, response: Response) -> None:
    """Take the dialog's far side from a 2xx to our INVITE."""
    leg.remote_tag = response.to.tag or ""
    leg.routes = response.all("record-route")[::-1]
    refresh_target(leg, response)


def refresh_target(leg: Leg, message: Message) -> None:
    """A re-INVITE, an UPDATE and their answers may move the far side (§ 12.2)."""
    contacts = message.all("contact")
    if contacts and contacts[0] != "*":
        leg.target = name_address(contacts[0]).uri


def request_in(leg: Leg, method: str, contact: str, cseq: int | None = None) -> Request:
    """A request inside the dialog; counts CSeq up unless one is given (ACK)."""
    if cseq is None:
        leg.local_cseq += 1
        cseq = leg.local_cseq
    remote = f"{leg.remote};tag={leg.remote_tag}" if leg.remote_tag else leg.remote
    request = Request(method=method, uri=leg.target)
    request.headers = [
        ("max-forwards", "70"),
        ("from", f"{leg.local};tag={leg.local_tag}"),
        ("to", remote),
        ("call-id", leg.call_id),
        ("cseq", f"{cseq} {method}"),
        ("contact", contact),
        *(("route", route) for route in leg.routes),
    ]
    return request


def _without_tag(value: str) -> str:
    address = name_address(value)
    display = f'"{_escaped(address.display_name)}" ' if address.display_name else ""
    kept = "".join(f";{n}={v}" for n, v in address.parameters.items() if n != "tag")
    return f"{display}<{address.uri}>{kept}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
