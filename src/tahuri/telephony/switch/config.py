"""The switch's settings: one JSON file, written by the supervisor."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from tahuri.telephony.protocol import OverflowTo
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.token import Skills

REALM = "tahuri"
"""Realm of seats' digest; ``password_ha1`` is the hex MD5 of ``username:tahuri:password``."""


class Sip(Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    udp_port: int
    tcp_port: int


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    cert: Path
    key: Path


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
    language: str | None = None
    agency_id: str | None = None
    """Whom its calls are for, if such a seat is free soon."""

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(source) for source in self.sources]


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


class Prompts(Struct, frozen=True, forbid_unknown_fields=True):
    """WAV files, 8 kHz, mono."""

    notice: Path
    """Played once to each caller, at most 5 s long."""
    tone: Path
    hold: Path
    comfort: Path | None = None
    """Played now and then to who waits; it says nothing of places in the queue."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data_dir: Path
    city_number: str = "112"
    sip: Sip
    public_address: str
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
    party_aliases: dict[str, str] = {}
    distribution: Literal["longest-idle", "ring-all"] = "longest-idle"
    skill_wait_s: float = 10
    called_numbers: list[CalledNumber] = []
    overflow: list[Overflow] = []
    wrap_up_s: float = 0
    comfort_every_s: float = 0
    surge_notice_s: float = 20
    notice_folders: list[Path] = []
    """Where recorded notices are, ``<name>.wav``; the first folder that has a name counts."""

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
