"""Settings that are tables of the file: one struct a row."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct


class Trunk(Struct, frozen=True, forbid_unknown_fields=True):
    """A line to the telephone network."""

    name: str
    """As facts and screens name it."""
    sources: tuple[str, ...]
    """Addresses or networks (CIDR) whose calls are taken."""
    host: str | None = None
    """``host`` or ``host:port`` for calls that we place; None where we place none."""
    test_call_to: str | None = None
    """A number that the far end sends back to us, to try the trunk with; needs ``host``."""
    out: bool = False
    """Whether third parties are called, and callers called back, through it by default."""
    edge: bool = False
    """Whether it is our own proxy in front of several nodes, which names each call's trunk."""
    node: bool = False
    """Whether it is another node of this centre: calls that wait may ring at its free seats."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """How ``host`` is reached: ``udp``, ``tcp`` or ``tls``."""
    verify: bool = True
    """Over TLS: whether its certificate must be valid and name ``host``."""
    authority: str | None = None
    """PEM file of who signs that certificate; else whom the machine trusts."""
    nat: bool = False
    """Whether answers and later requests go to where its messages come from, whatever they say."""
    options_every_s: float = 30.0
    """Seconds between two OPTIONS that ask whether ``host`` is there; 0: it is not asked."""
    caller_id: str | None = None
    """Number that is shown to whom we call through it; None is the city's number."""
    group: str = ""
    """Trunks of one group share what is reserved for it; empty: a group of its own."""
    reserved_calls: int = 0
    """Of ``calls_max``, so many are for calls of its group alone, whatever floods the others."""
    reserved_seats: int = 0
    """So many ready seats are left for calls of its group while others wait; one never is kept."""
    srtp: Literal["off", "optional", "required"] = "off"
    """Sound encrypted with keys in SIP: ``off``, ``optional`` or ``required``; needs TLS."""
    refer: bool = False
    """Whether its network takes a transferred call over itself (REFER); our recording then ends."""
    language: str | None = None
    """Language of its callers: a seat that speaks it is preferred."""
    agency_id: str | None = None
    """Agency that its calls are for: a seat of it is preferred."""


class CalledNumber(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom calls to one number are for; goes before what the trunk says."""

    number: str
    """As the trunk sends it: digits, ``+``, ``*``, ``#``."""
    language: str | None = None
    """Language of its callers: a seat that speaks it is preferred."""
    agency_id: str | None = None
    """Agency that its calls are for: a seat of it is preferred."""


class Overflow(Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes part when a call has waited for long."""

    after_s: float
    """Seconds that a call has waited."""
    to: Literal["supervisors", "agency-desks", "number"]
    """Whose seats take part, or that a number outside is called; the call waits on meanwhile."""
    address: str | None = None
    """Of ``to = "number"``: number, SIP address or name of the directory."""


class SipSeat(Struct, frozen=True, forbid_unknown_fields=True):
    """A seat that is a SIP phone; registering is signing on."""

    seat_id: str
    """1 to 12 letters and digits."""
    username: str
    """What the phone registers with."""
    password: str
    """What the phone proves by digest."""
    account: str
    """User name of the account that answers there."""
    robot: bool = False
    """Whether it takes only what no person takes (demo)."""
    languages: tuple[str, ...] = ()
    """Codes of the languages spoken there, such as ``id`` or ``en``."""
    agency_id: str | None = None
    """Agency that sits there."""
    desk: Literal["taker", "supervisor", "agency-desk"] = "taker"
    """A call taker's, or one that takes part when a call overflows to it."""


class Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    """A radio gateway, or another device that registers and is called into conversations."""

    name: str
    """As the directory names it."""
    username: str
    """What the gateway registers with."""
    password: str
    """What the gateway proves by digest."""


ROWS: Mapping[str, type[Struct]] = {
    "trunks": Trunk,
    "sip_seats": SipSeat,
    "gateways": Gateway,
    "called_numbers": CalledNumber,
    "overflow": Overflow,
}
"""Settings that are tables, each of whose rows is checked on its own."""
