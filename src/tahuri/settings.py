"""Settings: one TOML file and the environment, checked at start, every problem listed at once."""

import os
import re
import ssl
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tahuri.numbers import is_country_code

PREFIX = "TAHURI_"
OTHERS = frozenset({"settings"})
"""Names after ``PREFIX`` that are no settings."""
LISTS = frozenset({"host_names"})
"""Settings that the environment gives parted by commas."""
PACKS = Path(__file__).parent / "city" / "packs"
SEAT_ID = re.compile(r"[A-Za-z0-9]{1,12}")
NODE_NAME = SEAT_ID
TRUNK_NAME_CHARS_MAX = 64
RESERVED_SEATS_MAX = 100
HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
CALLER_ID = re.compile(r"\+?[0-9*#]{2,20}")
AREA_CODE = re.compile(r"[1-9][0-9]{0,4}")
WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
STORE_ADDRESS = re.compile(r"https?://[^\s/@?#]+/?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
TEST_NUMBER = re.compile(r"\+?[0-9]{3,20}")
RECORDING_CLASSES = frozenset(
    ("normal", "informasi", "prank", "ghost", "abandoned", "ivr_prank", "unanswered", "test")
) | {"non_emergency"}
DAYS_MIN_REAL = 365
"""Recordings of real emergencies are evidence for a year at least."""
LANGUAGE = re.compile(r"[a-z][a-z-]{1,15}")
CALLED = re.compile(r"\+?[0-9*#]{2,20}")
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


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


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that may be set.  Names are those in the file; ``TAHURI_<NAME>`` overrides."""

    data: str = "data"
    """Folder for everything that must outlive a process."""
    city: str = "ambon"
    """A city pack that comes with Tahuri, or a folder."""
    database_url: str | None = None
    """PostgreSQL 15 or later, by a role that is not superuser; else one runs in ``data``."""
    node: str = ""
    """Name of this node where a centre has several; 1 to 12 letters and digits."""
    node_url: str | None = None
    """Where other nodes reach this one's pages, for its recordings; else ``host_names`` tell."""
    http_address: str = "127.0.0.1"
    """Address of the consoles' pages; anything but loopback is served by HTTPS."""
    http_port: int = 8112
    """Port of the consoles' pages."""
    signalling_port: int = 8113
    """Port on ``http_address`` where seats speak with the switch."""
    certificate: str | None = None
    """PEM file with the HTTPS certificate chain; else an authority of our own is made."""
    certificate_key: str | None = None
    """PEM file with its key."""
    host_names: tuple[str, ...] = ()
    """Further names and addresses that our own certificate is made for."""
    sip_address: str = "127.0.0.1"
    """Address where trunks and phones reach the switch."""
    sip_other_address: str | None = None
    """The same for the other IP family, where there are lines of both: IPv6 beside IPv4."""
    sip_port: int = 5060
    """Port for SIP, UDP and TCP."""
    sip_tls_port: int = 0
    """Port for SIP over TLS, with the certificate of the pages; 0: none."""
    session_expires_s: int = 1800
    """Seconds within which a trunk or phone in a call must show that it is there (RFC 4028)."""
    media_address: str = "127.0.0.1"
    """Address for audio, as told to trunks, phones and browsers."""
    media_other_address: str | None = None
    """The same for the other IP family, for trunks and phones; needed with the one of SIP."""
    rtp_first_port: int = 20000
    """First port for audio of trunks and phones."""
    rtp_last_port: int = 29999
    """Last port for audio of trunks and phones."""
    webrtc_port: int = 8114
    """UDP port for audio of all browser seats."""
    trunks: tuple[Trunk, ...] = ()
    """Lines to the telephone network."""
    sip_seats: tuple[SipSeat, ...] = ()
    """Seats that are SIP phones."""
    gateways: tuple[Gateway, ...] = ()
    """Radio gateways, called into a call by their names."""
    directory: dict[str, str] = {}
    """Names for third parties: alias → number or SIP address."""
    distribution: Literal["longest-idle", "ring-all"] = "longest-idle"
    """Whether a call rings at the seat that was idle longest, or at all ready seats at once."""
    called_numbers: tuple[CalledNumber, ...] = ()
    """Whom calls to certain numbers are for."""
    skill_wait_s: float = 10.0
    """Seconds a call waits for a seat with its language or agency while others are free."""
    reserved_seat_wait_s: float = 15.0
    """Seconds after which a seat kept for a trunk group goes to another group's waiting call."""
    precedence_open_incident: int = 1
    """Precedence of a caller who tells of an open incident again, or calls from beside it; 0–9."""
    precedence_call_back: int = 2
    """Precedence of a caller whose last call nobody answered, within the hour; 0–9."""
    overflow: tuple[Overflow, ...] = ()
    """Who takes part when a call has waited for long."""
    other_nodes_after_s: float = 10.0
    """Seconds a call waits before it may ring at other nodes' free seats as well; 0: never."""
    wrap_up_s: float = 0.0
    """Seconds after a call at which its seat becomes ready by itself; 0: never."""
    comfort_every_s: float = 30.0
    """Seconds between the comfort notices that a waiting caller hears; 0: none."""
    surge_notice_s: float = 20.0
    """Longest recorded notice that a supervisor may switch on, in seconds."""
    offer_s: float = 12.0
    """Seconds a call rings at one seat before the next is tried."""
    seat_vanish_s: float = 30.0
    """Seconds after which a seat that is not heard of is freed."""
    robot_after_s: float = 6.0
    """Seconds a call waits for a person before a robot seat may take it (demo)."""
    transfer_s: float = 30.0
    """Seconds the target of a transfer may ring before the call is back at its seat."""
    park_s: float = 60.0
    """Seconds a call stays parked before it rings where it was parked, then in the queue."""
    supervision_notice: bool = False
    """Whether a tone tells the seat (and the caller, of one who barges in) of a supervisor."""
    calls_max: int = 200
    """Calls at once; further ones are answered 503, counted and recorded."""
    spool_reserve_mb: int = 64
    """MiB of the disk kept for the facts of calls on a full disk, from 1 to 4096; 0: none."""
    spool_max_mb: int = 8192
    """MiB that facts may fill while the log takes none; from half of it on there is an alarm."""
    call_back_automatic: bool = True
    """Whether free seats are offered call-backs to callers who could not be answered."""
    call_back_after_s: float = 30.0
    """Seconds a caller is given to ring again before the centre itself calls back."""
    call_back_attempts: int = 2
    """Call-backs that the centre itself begins for one caller; then people decide."""
    call_back_spacing_s: float = 120.0
    """Seconds between two of them."""
    call_back_ring_s: float = 45.0
    """Seconds a call of ours may ring."""
    call_back_due_s: float = 180.0
    """Seconds within which a caller should have been called back; then the room is told loudly."""
    message_file: str | None = None
    """File in ``data`` to which messages for callers are written, a line of JSON each."""
    message_url: str | None = None
    """HTTP address that takes messages for callers, as JSON by POST; goes before the file."""
    caller_page_url: str | None = None
    """Public address of this centre's ``/caller``, to which messages then link."""
    caller_page_hours: float = 24.0
    """Hours for which such a link is good, from 1 to 168."""
    country_code: str | None = None
    """Country code of the numbers, digits only: +62…, 62…, 0… are one caller; else the city's."""
    area_code: str | None = None
    """Area code without its 0, for numbers that come without; empty: they stay; else the city's."""
    slow_lane_s: float = 20.0
    """Longest wait, from 1 to 30 seconds, of a measured number's call behind all others."""
    slow_lane_sample: float = 0.1
    """Share of measured numbers' calls, from 0.01 to 1, that bypass the slow lane by lot."""
    listen_in_s: float = 30.0
    """Seconds of listening to a silent caller before the call may be ended as silent."""
    noise_half_life_days: float = 30.0
    """Days after which a call weighs half in its number's score."""
    test_number: str | None = None
    """A number that is answered by loop-back, as ``urn:service:test.sos`` always is."""
    test_calls_max: int = 3
    """Test calls at once; further ones are answered 486."""
    test_call_s: float = 30.0
    """Seconds after which a test call is ended."""
    test_call_every_s: float = 60.0
    """Seconds between the test calls by which each trunk and our own edge are tried; 0: never."""
    limit_percent_max: float = 80.0
    """Percent of a limit (ports, calls, disk …) from which on there is an alarm."""
    recordings_copy: str | None = None
    """A second folder for closed recordings, best on another machine; each copy is read again."""
    recordings_store: str | None = None
    """Address of a store that speaks S3, ``https://host[:port]``, for a further copy of each."""
    recordings_store_bucket: str = ""
    """Its bucket; it must be there."""
    recordings_store_key: str = ""
    """Id of the access key."""
    recordings_store_secret: str = ""
    """The key's secret, best from the environment; or:"""
    recordings_store_secret_file: str | None = None
    """File that holds the secret alone."""
    recordings_store_region: str = "us-east-1"
    """The store's region, as its requests are signed."""
    recordings_store_verify: bool = True
    """Whether the store's certificate must be valid."""
    recordings_store_authority: str | None = None
    """PEM file of the authority that signs it, instead of those that the machine trusts."""
    recording_reread_days: float = 30.0
    """Days within which each recording, and each copy, is read again and compared with the log."""
    recording_reread_mb_s: float = 4.0
    """Millions of bytes a second that are read for it at most, all places together."""
    recording_days: dict[str, int] = {}
    """Days that recordings are kept, by class of call, over those of ``docs/operations.md``."""
    demo: bool = False
    """Shows demo accounts on the first page.  Never on a real centre."""

    def __repr__(self) -> str:
        """Without what is in it: some of it is secret."""
        return f"Settings(data={self.data!r})"

    @property
    def store_secret(self) -> str:
        """The secret of the store's key; empty where there is none that can be read."""
        if self.recordings_store_secret_file is None:
            return self.recordings_store_secret
        try:
            return Path(self.recordings_store_secret_file).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def secure(self) -> bool:
        """Whether pages are served by HTTPS: browsers give the microphone to no other page."""
        return not ip_address(self.http_address).is_loopback or self.certificate is not None

    @property
    def own_authority(self) -> bool:
        """Whether HTTPS stands on an authority of our own, whose root the consoles must trust."""
        return self.secure and self.certificate is None

    def page_url(self, name: str) -> str:
        """The pages' address by one of their host names."""
        host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.secure else 'http'}://{host}:{self.http_port}"

    @property
    def url(self) -> str:
        """Where people open the pages."""
        return self.page_url(self.host_names[0] if self.host_names else self.http_address)

    @property
    def near_url(self) -> str:
        """The pages as a program on this machine asks for them."""
        address = ip_address(self.http_address)
        anywhere = "::1" if address.version == 6 else "127.0.0.1"
        return self.page_url(anywhere if address.is_unspecified else self.http_address)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data).absolute()


ROWS: Mapping[str, type[Struct]] = {
    "trunks": Trunk,
    "sip_seats": SipSeat,
    "gateways": Gateway,
    "called_numbers": CalledNumber,
    "overflow": Overflow,
}
"""Settings that are tables, each of whose rows is checked on its own."""


class SettingsError(Exception):
    """Settings that cannot be; ``problems`` lists all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(file: Path | None, environ: Mapping[str, str], **given: Any) -> Settings:
    """Settings from the file, then the environment, then the command line.

    Raises:
        SettingsError: with every problem found, each naming its setting.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {error}")
    known = {one.name: one for one in msgspec.structs.fields(Settings)}
    for name, text in environ.items():
        field = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or field in OTHERS:
            continue
        if field in known:
            values[field] = [one.strip() for one in text.split(",")] if field in LISTS else text
        else:
            problems.append(f"{name}: no such setting")
    values |= {name: value for name, value in given.items() if value is not None}
    settings = msgspec.convert(_converted(values, known, problems), Settings)
    problems += impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _converted(
    values: dict[str, Any], known: Mapping[str, msgspec.structs.FieldInfo], problems: list[str]
) -> dict[str, Any]:
    """Every value in its type; what cannot be goes to ``problems``."""
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            problems.append(f"{name}: no such setting")
        elif name in ROWS and isinstance(value, list):
            checked[name] = list(_rows(name, value, ROWS[name], problems))
        else:
            strict = isinstance(value, list | dict)
            try:
                checked[name] = msgspec.convert(value, known[name].type, strict=strict)
            except msgspec.ValidationError as error:
                problems.append(f"{name}: {error}")
    return checked


def _rows(
    name: str, values: list[Any], kind: type[Struct], problems: list[str]
) -> Iterator[Struct]:
    """Each table of a list on its own, so that a fault in one hides none in the next."""
    for number, value in enumerate(values, 1):
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            first = msgspec.structs.fields(kind)[0].name
            called = value.get(first, number) if isinstance(value, dict) else number
            problems.append(f"{name}[{called}]: {error}")


def checked(settings: Settings) -> Settings:
    """The same settings.

    Raises:
        SettingsError: with every problem found.
    """
    problems = impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def impossible(settings: Settings) -> list[str]:
    """All that cannot be, each line naming its setting; no network is touched."""
    return [
        *_addresses(settings),
        *_ports(settings),
        *_numbers(settings),
        *_https(settings),
        *_messages(settings),
        *_folder(settings.folder),
        *_node(settings),
        *_keeping(settings),
        *_city(settings.city),
        *_lines(settings.trunks),
        *_reserves(settings),
        *_phones(settings.sip_seats),
        *_gateways(settings),
        *_distribution(settings),
        *(f"directory: {alias!r}: empty" for alias, to in settings.directory.items() if not to),
    ]


OTHER_FAMILY = ("sip_other_address", "media_other_address")


def _addresses(settings: Settings) -> Iterator[str]:
    given = ("http_address", "sip_address", "media_address")
    others = [name for name in OTHER_FAMILY if getattr(settings, name) is not None]
    for name in (*given, *others):
        text = getattr(settings, name)
        try:
            anywhere = ip_address(text).is_unspecified
        except ValueError:
            yield f"{name}: not an IP address: {text!r}"
            continue
        if anywhere and name in ("media_address", "media_other_address"):
            yield f"{name}: phones and browsers are told it: it must be an address of this machine"
        if anywhere and name == "http_address" and not settings.host_names:
            yield f"host_names: needed with http_address {text!r}: how consoles name this machine"
    unlike = (":" in settings.sip_address) != (":" in settings.media_address)
    if unlike and settings.sip_address in ("0.0.0.0", "::"):
        yield "sip_address: an address of this machine, or IPv4 or IPv6 as media_address is"
    for name in others:
        first = name.replace("_other", "")
        if (":" in getattr(settings, name)) == (":" in getattr(settings, first)):
            yield f"{name}: of the same IP family as {first}"
    if len(others) == 1:
        [missing] = set(OTHER_FAMILY) - set(others)
        yield f"{missing}: needed with {others[0]}"
    for name in settings.host_names:
        if not HOST_NAME.fullmatch(name) and not _is_address(name):
            yield f"host_names: neither a name nor an address: {name!r}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ports(settings: Settings) -> Iterator[str]:
    """Ports that are none, and two uses of one port.  One host: the addresses may be the same."""
    tcp: tuple[str, ...] = ("http_port", "signalling_port", "sip_port")
    if settings.sip_tls_port != 0:
        tcp = (*tcp, "sip_tls_port")
    udp = ("sip_port", "webrtc_port")
    first, last = settings.rtp_first_port, settings.rtp_last_port
    for name in dict.fromkeys((*tcp, *udp, "rtp_first_port", "rtp_last_port")):
        if not 1 <= getattr(settings, name) <= 65535:
            yield f"{name}: not a port: {getattr(settings, name)}"
    if last - first < 3:
        yield "rtp_last_port: at least 4 ports are needed from rtp_first_port on"
    for names in (tcp, udp):
        for one, other in combinations(names, 2):
            if getattr(settings, one) == getattr(settings, other):
                yield f"{other}: the same as {one}: {getattr(settings, one)}"
    for name in udp:
        if first <= getattr(settings, name) <= last:
            yield f"{name}: {getattr(settings, name)} lies in rtp_first_port to rtp_last_port"


def _numbers(settings: Settings) -> Iterator[str]:
    for name in (
        "offer_s",
        "seat_vanish_s",
        "robot_after_s",
        "test_call_s",
        "transfer_s",
        "park_s",
    ):
        if not 1 <= getattr(settings, name) <= 600:
            yield f"{name}: from 1 to 600 seconds"
    if not 90 <= settings.session_expires_s <= 86_400:
        yield "session_expires_s: from 90 to 86400 seconds"
    for name in (
        "call_back_after_s",
        "call_back_spacing_s",
        "call_back_ring_s",
        "call_back_due_s",
    ):
        if not 1 <= getattr(settings, name) <= 86_400:
            yield f"{name}: from 1 to 86400 seconds"
    if not 0 <= settings.call_back_attempts <= 20:
        yield "call_back_attempts: from 0 to 20"
    for name, least, most in (
        ("skill_wait_s", 0, 600),
        ("reserved_seat_wait_s", 1, 60),
        ("wrap_up_s", 0, 3600),
        ("surge_notice_s", 1, 60),
    ):
        if not least <= getattr(settings, name) <= most:
            yield f"{name}: from {least} to {most} seconds"
    for name in ("precedence_open_incident", "precedence_call_back"):
        if not 0 <= getattr(settings, name) <= 9:
            yield f"{name}: from 0 to 9"
    if settings.comfort_every_s != 0 and not 10 <= settings.comfort_every_s <= 600:
        yield "comfort_every_s: 0, or from 10 to 600 seconds"
    if settings.calls_max < 1:
        yield "calls_max: at least 1"
    if not 0 <= settings.spool_reserve_mb <= 4096:
        yield "spool_reserve_mb: from 1 to 4096 MiB, or 0"
    if settings.spool_max_mb < 64:
        yield "spool_max_mb: at least 64 MiB"
    if settings.country_code is not None and not is_country_code(settings.country_code):
        yield f"country_code: no country has it: {settings.country_code!r}"
    if settings.area_code and not AREA_CODE.fullmatch(settings.area_code):
        yield f"area_code: 1 to 5 digits without the leading 0, or empty: {settings.area_code!r}"
    if not 1 <= settings.slow_lane_s <= 30:
        yield "slow_lane_s: from 1 to 30 seconds"
    if not 0.01 <= settings.slow_lane_sample <= 1:
        yield "slow_lane_sample: from 0.01 to 1: without a sample nobody knows what the lane costs"
    if not 5 <= settings.listen_in_s <= 300:
        yield "listen_in_s: from 5 to 300 seconds"
    if not 1 <= settings.noise_half_life_days <= 365:
        yield "noise_half_life_days: from 1 to 365 days"
    if settings.test_calls_max < 1:
        yield "test_calls_max: at least 1"
    if settings.test_call_every_s != 0 and not 10 <= settings.test_call_every_s <= 3600:
        yield "test_call_every_s: 0, or from 10 to 3600 seconds"
    if not 10 <= settings.limit_percent_max <= 100:
        yield "limit_percent_max: from 10 to 100 percent"
    if settings.database_url is not None:
        try:
            conninfo_to_dict(settings.database_url)
        except ProgrammingError as error:
            yield f"database_url: {error}".strip()


def _https(settings: Settings) -> Iterator[str]:
    certificate, key = settings.certificate, settings.certificate_key
    if (certificate is None) != (key is None):
        yield f"{'certificate' if certificate is None else 'certificate_key'}: both go together"
    faults = [
        f"{name}: cannot be read: {file}"
        for name, file in (("certificate", certificate), ("certificate_key", key))
        if file is not None and not (os.path.isfile(file) and os.access(file, os.R_OK))
    ]
    yield from faults
    if certificate is None or key is None or faults:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM").lower().replace("_", " ")
        yield f"certificate_key: does not fit the certificate, or is not readable PEM: {reason}"


def _messages(settings: Settings) -> Iterator[str]:
    url, page = settings.message_url, settings.caller_page_url
    if url is not None and not WEB_ADDRESS.fullmatch(url):
        yield f"message_url: not an http or https address: {url!r}"
    if page is not None:
        if not WEB_ADDRESS.fullmatch(page) or set("#?{}") & set(page):
            yield f"caller_page_url: not a web address without ? and #: {page!r}"
        elif not page.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            yield "caller_page_url: needs https: browsers tell no place to other pages"
        if url is None and settings.message_file is None:
            yield "message_url: needed with caller_page_url: who else would send the link?"
    if not 1 <= settings.caller_page_hours <= 168:
        yield "caller_page_hours: from 1 to 168"
    file = settings.message_file
    if file is not None and (not file or Path(file).is_absolute() or ".." in Path(file).parts):
        yield f"message_file: a file in the data folder, without ..: {file!r}"


def _folder(folder: Path) -> Iterator[str]:
    """Whether it can be written, or made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield f"data: not a folder: {there}"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield f"data: cannot be written: {there}"


def _keeping(settings: Settings) -> Iterator[str]:
    """Test numbers, the second folder of recordings, and how long they are kept."""
    numbers = {"test_number": settings.test_number}
    numbers |= {f"trunks[{one.name}].test_call_to": one.test_call_to for one in settings.trunks}
    for name, number in numbers.items():
        if number is not None and not TEST_NUMBER.fullmatch(number):
            yield f"{name}: 3 to 20 digits, perhaps after a +: {number!r}"
    for trunk in settings.trunks:
        if trunk.test_call_to is not None and trunk.host is None:
            yield f"trunks[{trunk.name}].host: needed with test_call_to"
    if settings.recordings_copy is not None:
        copy = Path(settings.recordings_copy)
        if not copy.is_absolute():
            yield f"recordings_copy: not an absolute path: {settings.recordings_copy!r}"
        elif copy == settings.folder / "recordings" or settings.folder in copy.parents:
            yield f"recordings_copy: lies in the data folder itself: {settings.recordings_copy!r}"
    if not 1 <= settings.recording_reread_days <= 365:
        yield "recording_reread_days: from 1 to 365 days"
    if not 0.1 <= settings.recording_reread_mb_s <= 100:
        yield "recording_reread_mb_s: from 0.1 to 100 million bytes a second"
    yield from _store(settings)
    for name, days in settings.recording_days.items():
        if name not in RECORDING_CLASSES:
            yield f"recording_days: no such class of call: {name!r}"
        elif days < (DAYS_MIN_REAL if name == "normal" else 1):
            least = DAYS_MIN_REAL if name == "normal" else 1
            yield f"recording_days: {name}: at least {least}"


def _store(settings: Settings) -> Iterator[str]:
    """The store for copies: all that belongs to it, and nothing without it."""
    if settings.recordings_store is None:
        if settings.recordings_store_bucket or settings.recordings_store_key:
            yield "recordings_store: needed with a bucket or a key"
        return
    if not STORE_ADDRESS.fullmatch(settings.recordings_store):
        yield f"recordings_store: neither https:// nor http://: {settings.recordings_store!r}"
    if not BUCKET.fullmatch(settings.recordings_store_bucket):
        yield (
            "recordings_store_bucket: 3 to 63 small letters, digits, dots and dashes: "
            f"{settings.recordings_store_bucket!r}"
        )
    if not settings.recordings_store_key:
        yield "recordings_store_key: empty"
    if not settings.recordings_store_region:
        yield "recordings_store_region: empty"
    if settings.recordings_store_secret and settings.recordings_store_secret_file is not None:
        yield "recordings_store_secret: either it or recordings_store_secret_file"
    elif not settings.store_secret:
        which = "_file" if settings.recordings_store_secret_file is not None else ""
        yield f"recordings_store_secret{which}: {'cannot be read, or ' if which else ''}empty"
    authority = settings.recordings_store_authority
    if authority is not None and not _is_authority(authority):
        yield f"recordings_store_authority: not a readable PEM file: {authority}"


def _city(city: str) -> Iterator[str]:
    if not any((folder / "pack.toml").is_file() for folder in (PACKS / city, Path(city))):
        known = ", ".join(sorted(one.name for one in PACKS.iterdir()))
        yield f"city: neither a pack that comes with Tahuri ({known}) nor a pack's folder: {city!r}"


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def _node(settings: Settings) -> Iterator[str]:
    if settings.node and not NODE_NAME.fullmatch(settings.node):
        yield f"node: 1 to 12 letters and digits: {settings.node!r}"
    if settings.node_url is not None and not WEB_ADDRESS.fullmatch(settings.node_url):
        yield f"node_url: neither http:// nor https://: {settings.node_url!r}"
    if settings.node_url is not None and not settings.node:
        yield "node: needed with node_url"


def _lines(trunks: tuple[Trunk, ...]) -> Iterator[str]:
    owner: dict[str, str] = {}
    for trunk in trunks:
        place = f"trunks[{trunk.name}]"
        if not trunk.name:
            yield f"{place}.name: empty"
        if len(trunk.name) > TRUNK_NAME_CHARS_MAX:
            yield f"{place}.name: longer than {TRUNK_NAME_CHARS_MAX} letters"
        if not trunk.sources:
            yield f"{place}.sources: none: no call could come in by it"
        for source in trunk.sources:
            try:
                network = str(ip_network(source))
            except ValueError as error:
                yield f"{place}.sources: not a network: {error}"
                continue
            if owner.setdefault(network, trunk.name) != trunk.name:
                yield f"{place}.sources: {source} belongs to trunk {owner[network]!r} already"
        found = HOST_PORT.fullmatch(trunk.host) if trunk.host is not None else None
        if trunk.host is not None and not (found and 1 <= int(found[2] or 5060) <= 65535):
            yield f"{place}.host: neither host nor host:port: {trunk.host!r}"
        if trunk.caller_id is not None and not CALLER_ID.fullmatch(trunk.caller_id):
            yield f"{place}.caller_id: not a telephone number: {trunk.caller_id!r}"
        if trunk.out and trunk.host is None:
            yield f"{place}.host: needed with out = true"
        if trunk.authority is not None and not _is_authority(trunk.authority):
            yield f"{place}.authority: not a readable PEM file: {trunk.authority}"
        if trunk.transport != "tls" and (trunk.authority is not None or not trunk.verify):
            yield f"{place}.transport: 'tls' is needed with authority or verify = false"
        if trunk.options_every_s != 0 and not 1 <= trunk.options_every_s <= 3600:
            yield f"{place}.options_every_s: 0, or from 1 to 3600 seconds"
        if trunk.node and (trunk.edge or trunk.out or trunk.test_call_to is not None):
            yield f"{place}.node: not with edge, out or test_call_to"
        if trunk.node and trunk.host is None:
            yield f"{place}.host: needed with node = true"
    yield from (f"trunks: name {name!r} twice" for name in _twice(one.name for one in trunks))
    if sum(trunk.out for trunk in trunks) > 1:
        yield "trunks: out = true on more than one"


def _is_authority(file: str) -> bool:
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError):
        return False
    return True


def _reserves(settings: Settings) -> Iterator[str]:
    """What is kept for trunks must fit, and leave a call that any of them may use."""
    for trunk in settings.trunks:
        if trunk.reserved_calls < 0:
            yield f"trunks[{trunk.name}].reserved_calls: at least 0"
        if not 0 <= trunk.reserved_seats <= RESERVED_SEATS_MAX:
            yield f"trunks[{trunk.name}].reserved_seats: from 0 to {RESERVED_SEATS_MAX}"
    total = sum(max(0, trunk.reserved_calls) for trunk in settings.trunks)
    if total and total >= settings.calls_max:
        yield (
            f"trunks.reserved_calls: {total} together, but calls_max is {settings.calls_max}: "
            "one call at least must be free for any trunk"
        )


def _distribution(settings: Settings) -> Iterator[str]:
    if settings.other_nodes_after_s != 0 and not 1 <= settings.other_nodes_after_s <= 3600:
        yield "other_nodes_after_s: 0, or from 1 to 3600 seconds"
    for number, rule in enumerate(settings.overflow, 1):
        place = f"overflow[{number}]"
        if not 0 <= rule.after_s <= 3600:
            yield f"{place}.after_s: from 0 to 3600 seconds"
        if (rule.to == "number") != bool(rule.address):
            wants = "needed" if rule.to == "number" else "only"
            yield f'{place}.address: {wants} with to = "number"'
        called = settings.directory.get(rule.address or "", rule.address or "")
        if (
            called
            and "@" not in called
            and not any(one.host and not one.node for one in settings.trunks)
        ):
            yield f"{place}.address: a number needs a trunk with a host"
    for one in settings.called_numbers:
        place = f"called_numbers[{one.number}]"
        if not CALLED.fullmatch(one.number):
            yield f"{place}.number: digits, +, * and # only"
        if one.language is None and one.agency_id is None:
            yield f"{place}: neither language nor agency_id"
    numbers = (one.number for one in settings.called_numbers)
    yield from (f"called_numbers: number {number!r} twice" for number in _twice(numbers))
    spoken = [
        *((f"trunks[{one.name}].language", one.language) for one in settings.trunks),
        *(
            (f"called_numbers[{one.number}].language", one.language)
            for one in settings.called_numbers
        ),
        *(
            (f"sip_seats[{seat.seat_id}].languages", language)
            for seat in settings.sip_seats
            for language in seat.languages
        ),
    ]
    for place, language in spoken:
        if language is not None and not LANGUAGE.fullmatch(language):
            yield f"{place}: a code of 2 to 16 small letters and dashes: {language!r}"
    for seat in settings.sip_seats:
        if seat.desk == "agency-desk" and seat.agency_id is None:
            yield f'sip_seats[{seat.seat_id}].agency_id: needed with desk = "agency-desk"'


def _phones(seats: tuple[SipSeat, ...]) -> Iterator[str]:
    for seat in seats:
        place = f"sip_seats[{seat.seat_id}]"
        if not SEAT_ID.fullmatch(seat.seat_id):
            yield f"{place}.seat_id: 1 to 12 letters and digits: {seat.seat_id!r}"
        for name in ("username", "password", "account"):
            if not getattr(seat, name):
                yield f"{place}.{name}: empty"
    for name in ("seat_id", "username"):
        values = (getattr(seat, name) for seat in seats)
        yield from (f"sip_seats: {name} {value!r} twice" for value in _twice(values))


def _gateways(settings: Settings) -> Iterator[str]:
    for one in settings.gateways:
        place = f"gateways[{one.name}]"
        for name in ("name", "username", "password"):
            if not getattr(one, name):
                yield f"{place}.{name}: empty"
        if one.name.lower() in {alias.lower() for alias in settings.directory}:
            yield f"{place}.name: stands in the directory as well"
        if one.username in {seat.username for seat in settings.sip_seats}:
            yield f"{place}.username: belongs to a SIP seat"
    for name in ("name", "username"):
        values = (getattr(one, name) for one in settings.gateways)
        yield from (f"gateways: {name} {value!r} twice" for value in _twice(values))
