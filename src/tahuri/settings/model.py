"""Everything that may be set, and what follows from it alone."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from msgspec import Struct

from tahuri.settings.rows import CalledNumber, Gateway, Overflow, SipSeat, Trunk


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
    """The same of the other IP family, for all of them; needed with the one of SIP."""
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
