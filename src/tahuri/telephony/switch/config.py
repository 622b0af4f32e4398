"""The switch's settings: one JSON file, written by the supervisor."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from tahuri.telephony.families import of_family
from tahuri.telephony.protocol.words import OverflowTo
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.sdes import Srtp
from tahuri.telephony.sip.sessions import EXPIRES_S, LEAST_S
from tahuri.telephony.token import Skills

REALM = "tahuri"
"""Realm of seats' digest; ``password_ha1`` is the hex MD5 of ``username:tahuri:password``."""


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    cert: Path
    key: Path


class Sip(Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    udp_port: int
    tcp_port: int
    tls_port: int | None = None
    tls: Tls | None = None
    """Needed with a ``tls_port``."""
    session_expires_s: int = EXPIRES_S
    """Seconds within which a far end must show that it is there (RFC 4028)."""
    session_least_s: int = LEAST_S
    """The shortest such time that is granted."""
    other_address: str | None = None
    """Of the other IP family; the ports are the same."""


class Websocket(Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    port: int
    tls: Tls | None = None
    origins: list[str] = []
    """Allowed values of Origin; a client that sends none (no browser) is let in as well."""


class Trunk(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sources: list[str]
    """Networks its calls come from."""
    host: str | None = None
    """``host:port`` that takes our calls."""
    default_out: bool = False
    edge: bool = False
    """A proxy of ours in front of several nodes: it names the trunk that the call came by."""
    node: bool = False
    """Another node of this centre: calls that wait at one of the two may ring at the other."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """How ``host`` is reached."""
    verify: bool = True
    """Over TLS: whether its certificate must be valid and name ``host``."""
    authority: Path | None = None
    """PEM file of who signs that certificate; None: whom the machine trusts."""
    nat: bool = False
    """Whether answers and later requests go to where its messages come from, whatever they say."""
    options_every_s: float = 30
    """Seconds between the questions whether ``host`` is there; 0: it is not asked."""
    caller_id: str | None = None
    """Number that is shown to whom we call; None is the city's number."""
    group: str = ""
    """Trunks of one group share what is kept for it; empty: a group of its own."""
    reserved_calls: int = 0
    """Of ``calls_max``, so many that only calls of its group may use."""
    reserved_seats: int = 0
    """Ready seats that calls of other groups leave to those of its group for a while."""
    srtp: Srtp = "off"
    refer: bool = False
    """Whether it takes a transferred call over itself (REFER)."""
    language: str | None = None
    agency_id: str | None = None
    """Whom its calls are for, if such a seat is free soon."""

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(source) for source in self.sources]

    def takes(self, source: str) -> bool:
        """Whether its calls come from that address."""
        return any(ip_address(source) in network for network in self.networks)


class CalledNumber(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom calls to one number are for, if such a seat is free soon."""

    number: str
    language: str | None = None
    agency_id: str | None = None


class Overflow(Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes part when a call has waited for so long."""

    after_s: float
    to: OverflowTo
    address: str | None = None
    """Of ``to = "number"``: what is called, as an operator would type it."""


class PhoneSeat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seat that is a SIP phone, or a robot that speaks SIP."""

    seat_id: str
    username: str
    operator_id: str
    operator_name: str
    password: str | None = None
    password_ha1: str | None = None
    """Instead of the password; such a phone is challenged with MD5 alone, as old phones need."""
    robot: bool = False
    ready_when_registered: bool = True
    skills: Skills = Skills()

    @property
    def account(self) -> Account:
        return Account(self.username, self.password, self.password_ha1)


PROMPTS = Path(__file__).parents[1] / "prompts"
"""Those that come with Tahuri."""


class TestSeat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The robot's seat: test calls are put through to it, and nobody else's."""

    __test__ = False
    username: str
    password_ha1: str
    numbers: list[str] = []
    """Called numbers of test calls that go there; those of our own machine always do."""

    @property
    def account(self) -> Account:
        return Account(self.username, None, self.password_ha1)


class Gateway(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A radio gateway that registers, and is called into conversations by its name."""

    name: str
    username: str
    password: str | None = None
    password_ha1: str | None = None
    """As for `PhoneSeat`."""

    @property
    def account(self) -> Account:
        return Account(self.username, self.password, self.password_ha1)


class Prompts(Struct, frozen=True, forbid_unknown_fields=True):
    """WAV files, 8 kHz, mono."""

    notice: Path
    """Played once to each caller, at most 5 s long."""
    tone: Path
    hold: Path
    challenge: Path = PROMPTS / "challenge.wav"
    """Instead of the notice, to a caller whose number a supervisor put into the slow lane."""
    ghost: Path = PROMPTS
    """Folder of ``ghost-<question>.wav``, asked of a caller who does not speak."""
    beep: Path | None = None
    """Tells that a supervisor takes part."""
    comfort: Path | None = None
    """Played now and then to who waits; it says nothing of places in the queue."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data_dir: Path
    node: str = ""
    """Name of this node in facts and towards other nodes; empty where there is but one."""
    city_number: str = "112"
    sip: Sip
    public_address: str
    """Where media speaks, as far ends are told."""
    other_public_address: str | None = None
    """Likewise, of the other IP family."""
    websocket: Websocket
    media_socket: Path
    rpc_socket: Path
    trunks: list[Trunk]
    numbers: list[str] = []
    seats: list[PhoneSeat] = []
    prompts: Prompts
    offer_s: float = 12
    seat_vanish_s: float = 30
    robot_after_s: float = 6
    calls_max: int = 200
    spool_reserve_mb: int = 64
    """Room on the disk, in MiB, that is kept for facts while the disk is full; 0: none."""
    spool_max_mb: int = 8192
    """Room, in MiB, for facts that the log has not taken."""
    call_back_ring_s: float = 45
    """How long a call of ours may ring."""
    slow_lane_s: float = 20
    """Longest wait in the slow lane."""
    slow_lane_sample: float = 0.1
    """Share of measured calls that bypass it, drawn by lot."""
    country_code: str = "62"
    area_code: str = "911"
    """How two spellings of a number are known to be one (`tahuri.numbers`)."""
    listen_in_s: float = 30
    """Listening to a silent caller before the call may be ended as silent."""
    test_numbers: list[str] = []
    """Numbers that are answered by loop-back, as ``urn:service:test.sos`` is."""
    test_calls_max: int = 3
    test_call_s: float = 30
    test_call_every_s: float = 0
    """How often each line of ``test_lines`` is tried; 0: never, and no absence is told."""
    test_lines: list[str] = []
    """Trunks by which test calls must come, and what ``test_sources`` calls our own edge."""
    test_sources: dict[str, str] = field(default_factory=lambda: {"127.0.0.1": "edge"})
    """Addresses from which this machine tries its own edge, and the lines of ``test_lines`` that
    such calls come by; let in for test calls alone."""
    party_aliases: dict[str, str] = {}
    gateways: list[Gateway] = []
    test_seat: TestSeat | None = None
    """None: every test call hears itself."""
    transfer_s: float = 30
    """How long a transfer's target may ring."""
    park_s: float = 60
    """How long a call stays parked before it rings again."""
    supervision_notice: bool = False
    """Whether a supervisor's part in a call is told by a tone."""
    distribution: Literal["longest-idle", "ring-all"] = "longest-idle"
    skill_wait_s: float = 10
    reserved_seat_wait_s: float = 15
    """How long a kept seat stays ready while a call of another group waits for it."""
    called_numbers: list[CalledNumber] = []
    overflow: list[Overflow] = []
    other_nodes_after_s: float = 10
    """Waiting of a call before it may ring at other nodes as well; 0: it never does."""
    wrap_up_s: float = 0
    comfort_every_s: float = 0
    surge_notice_s: float = 20
    notice_folders: list[Path] = []
    """Where recorded notices are, ``<name>.wav``; the first folder that has a name counts."""

    def audio_address(self, far: str) -> str:
        """Where media speaks with a far end that has this address."""
        return of_family((self.public_address, self.other_public_address), far)

    @property
    def recordings(self) -> Path:
        return self.data_dir / "recordings"


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def load(path: Path) -> Settings:
    """Read the file.

    Raises:
        OSError: it cannot be read.
        msgspec.ValidationError: it does not fit; the message names the field.
        ValueError: a trunk's source is not a network.
    """
    settings = msgspec.json.decode(path.read_bytes(), type=Settings, dec_hook=_path)
    for trunk in settings.trunks:
        _ = trunk.networks
    return settings
