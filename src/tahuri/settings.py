"""Settings: one TOML file and the environment, checked at start, every problem listed at once."""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

PREFIX = "TAHURI_"


class Trunk(Struct, frozen=True, forbid_unknown_fields=True):
    """A line to the telephone network."""

    name: str
    """As facts and screens name it."""
    sources: tuple[str, ...]
    """Addresses or networks (CIDR) whose calls are taken."""
    host: str | None = None
    """``host:port`` for calls that we place; None where we place none."""
    out: bool = False
    """Whether third parties are called through it by default."""


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


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that may be set.  Names are those in the file; ``TAHURI_<NAME>`` overrides."""

    data: str = "data"
    """Folder for everything that must outlive a process."""
    city: str = "ambon"
    """A city pack that comes with Tahuri, or a folder."""
    database_url: str | None = None
    """PostgreSQL 15 or later, by a role that is not superuser; else one runs in ``data``."""
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
    sip_port: int = 5060
    """Port for SIP, UDP and TCP."""
    media_address: str = "127.0.0.1"
    """Address for audio, as told to trunks, phones and browsers."""
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
    directory: dict[str, str] = {}
    """Names for third parties: alias → number or SIP address."""
    offer_s: float = 12.0
    """Seconds a call rings at one seat before the next is tried."""
    seat_vanish_s: float = 30.0
    """Seconds after which a seat that is not heard of is freed."""
    robot_after_s: float = 6.0
    """Seconds a call waits for a person before a robot seat may take it (demo)."""
    calls_max: int = 200
    """Calls at once; further ones are answered 503, counted and recorded."""
    demo: bool = False
    """Shows demo accounts on the first page.  Never on a real centre."""

    @property
    def secure(self) -> bool:
        """Whether pages are served by HTTPS: browsers give the microphone to no other page."""
        return not ip_address(self.http_address).is_loopback or self.certificate is not None

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data).absolute()


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
        if not name.startswith(PREFIX):
            continue
        field = name.removeprefix(PREFIX).lower()
        if field in known:
            values[field] = text
        elif field != "settings":
            problems.append(f"{name}: no such setting")
    values |= {name: value for name, value in given.items() if value is not None}
    settings = msgspec.convert(_converted(values, known, problems), Settings)
    problems += _impossible(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _converted(
    values: dict[str, Any], known: Mapping[str, msgspec.structs.FieldInfo], problems: list[str]
) -> dict[str, Any]:
    """Every value in its type; what cannot be goes to ``problems``."""
    checked = {}
    for name, value in values.items():
        if name not in known:
            problems.append(f"{name}: no such setting")
            continue
        try:
            checked[name] = msgspec.convert(value, known[name].type, strict=isinstance(value, list))
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {error}")
    return checked


def _impossible(settings: Settings) -> list[str]:
    problems = []
    for name in ("http_address", "sip_address", "media_address"):
        try:
            ip_address(getattr(settings, name))
        except ValueError:
            problems.append(f"{name}: not an IP address: {getattr(settings, name)!r}")
    ports = ("http_port", "signalling_port", "sip_port", "webrtc_port", "rtp_first_port")
    problems += [
        f"{name}: not a port: {getattr(settings, name)}"
        for name in ports
        if not 1 <= getattr(settings, name) <= 65535
    ]
    if settings.rtp_last_port - settings.rtp_first_port < 3 or settings.rtp_last_port > 65535:
        problems.append("rtp_last_port: at least 4 ports are needed, up to 65535")
    if settings.http_port == settings.signalling_port:
        problems.append("signalling_port: the same as http_port")
    problems += [
        f"{name}: from 1 to 600 seconds"
        for name in ("offer_s", "seat_vanish_s")
        if not 1 <= getattr(settings, name) <= 600
    ]
    if (settings.certificate is None) != (settings.certificate_key is None):
        problems.append("certificate_key: certificate and key go together")
    for name in ("certificate", "certificate_key"):
        file = getattr(settings, name)
        if file is not None and not os.access(file, os.R_OK):
            problems.append(f"{name}: cannot be read: {file}")
    for number, trunk in enumerate(settings.trunks, 1):
        for source in trunk.sources:
            try:
                ip_network(source)
            except ValueError:
                problems.append(f"trunks[{number}].sources: not a network: {source!r}")
    names = [seat.seat_id for seat in settings.sip_seats]
    problems += [
        f"sip_seats: seat_id {name!r} twice" for name in {n for n in names if names.count(n) > 1}
    ]
    return problems
