"""``tahuri up`` and ``tahuri demo``: everything a centre runs, started in order, kept running."""

import asyncio
import fcntl
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, TextIO

import httpx
import msgspec

from tahuri.app import VIEWS
from tahuri.centre import Centre
from tahuri.city.layers import build as build_layers
from tahuri.city.roads import RoadGraph
from tahuri.hanging import HangWatch
from tahuri.host.ports import troubles
from tahuri.host.postgres import EmbeddedPostgres, fault_of
from tahuri.host.supervisor import Part, Supervisor, python
from tahuri.kernel import clock
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.jobs import apply_schema
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.roles import Role
from tahuri.operators.queries import Account
from tahuri.settings import Settings, SettingsError, SipSeat
from tahuri.telephony import testseat
from tahuri.telephony.switch.config import REALM
from tahuri.testlines import own_address, robot_numbers, test_lines, test_numbers
from tahuri.units.queries import register_units

PROMPTS = Path(__file__).parent / "telephony" / "prompts"
DESK_ROLES = {
    "taker": Role.CALL_TAKER,
    "supervisor": Role.SUPERVISOR,
    "agency-desk": Role.AGENCY_DESK,
}
"""Whose account may answer at a SIP seat."""
READY_S = 60.0
PORTS_S = 5.0
"""What a killed centre's processes may take to go."""
POLL_S = 0.1
EARLY_S = 10.0
"""A database that is away for longer (a full disk keeps it away) does not keep callers waiting."""

Say = Callable[[str], None]


class AlreadyRunning(Exception):  # noqa: N818
    """Another ``tahuri`` keeps this data folder."""


def _as_written(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def stands(file: Path, content: Any) -> bool:
    """Whether `write_secret` has written just that."""
    try:
        return file.read_bytes() == _as_written(content)
    except OSError:
        return False


def write_secret(file: Path, content: Any) -> None:
    """JSON that only its owner may read; whole or not at all.  Not written where it is so already:
    a full disk must not keep a centre from its next start."""
    if stands(file, content):
        return
    wanted = _as_written(content)
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(wanted)
    fresh.replace(file)


def origins(settings: Settings) -> list[str]:
    """Pages that may speak with the switch."""
    names = (settings.http_address, "127.0.0.1", "localhost", "::1", *settings.host_names)
    return [settings.page_url(name) for name in dict.fromkeys(names)]


def ha1(username: str, password: str) -> str:
    """What digest proves (RFC 7616 §3.4.2), hex MD5.

    The switch then challenges with MD5 alone: Debian's baresip, and many desk phones, give up on a
    challenge that names SHA-256 beside it.
    """
    return md5(f"{username}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


def switch_config(centre: Centre, operators: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """What the switch is told (contract: ``telephony/switch/config.py``).

    Args:
        operators: user name → (operator id, name) of accounts that answer at SIP seats.
    """
    settings, folder = centre.settings, centre.folder
    seats = [
        {
            "seat_id": seat.seat_id,
            "username": seat.username,
            "password_ha1": ha1(seat.username, seat.password),
            "operator_id": operators[seat.account][0],
            "operator_name": operators[seat.account][1],
            "robot": seat.robot,
            "ready_when_registered": True,
            "skills": {
                "languages": list(seat.languages),
                "agency_id": seat.agency_id,
                "desk": seat.desk,
            },
        }
        for seat in settings.sip_seats
    ]
    return {
        "data_dir": str(folder.root),
        "node": settings.node,
        "city_number": centre.pack.city.number,
        "numbers": [centre.pack.city.number],
        "sip": {
            "address": settings.sip_address,
            "udp_port": settings.sip_port,
            "tcp_port": settings.sip_port,
            "tls_port": settings.sip_tls_port or None,
            "tls": _tls(centre.sip_certificate),
            "session_expires_s": settings.session_expires_s,
            "other_address": settings.sip_other_address,
        },
        "public_address": settings.media_address,
        "other_public_address": settings.media_other_address,
        "websocket": {
            "address": settings.http_address,
            "port": settings.signalling_port,
            "tls": _tls(centre.certificate),
            "origins": origins(settings),
        },
        "media_socket": str(folder.run / "media.sock"),
        "rpc_socket": str(folder.run / "switch.sock"),
        "trunks": [
            {
                "name": trunk.name,
                "sources": list(trunk.sources),
                "host": trunk.host,
                "default_out": trunk.out,
                "edge": trunk.edge,
                "node": trunk.node,
                "transport": trunk.transport,
                "verify": trunk.verify,
                "authority": str(Path(trunk.authority).absolute()) if trunk.authority else None,
                "nat": trunk.nat,
                "options_every_s": trunk.options_every_s,
                "caller_id": trunk.caller_id,
                "group": trunk.group,
                "reserved_calls": trunk.reserved_calls,
                "reserved_seats": trunk.reserved_seats,
                "srtp": trunk.srtp,
                "refer": trunk.refer,
                "language": trunk.language,
                "agency_id": trunk.agency_id,
            }
            for trunk in settings.trunks
        ],
        "seats": seats,
        "prompts": {
            "notice": str(PROMPTS / "notice.wav"),
            "tone": str(PROMPTS / "tone.wav"),
            "hold": str(PROMPTS / "hold.wav"),
            "beep": str(PROMPTS / "beep.wav"),
            "comfort": str(PROMPTS / "comfort.wav"),
        },
        "offer_s": settings.offer_s,
        "seat_vanish_s": settings.seat_vanish_s,
        "robot_after_s": settings.robot_after_s,
        "calls_max": settings.calls_max,
        "spool_reserve_mb": settings.spool_reserve_mb,
        "spool_max_mb": settings.spool_max_mb,
        "call_back_ring_s": settings.call_back_ring_s,
        "slow_lane_s": settings.slow_lane_s,
        "slow_lane_sample": settings.slow_lane_sample,
        "country_code": centre.number_plan.country_code,
        "area_code": centre.number_plan.area_code,
        "listen_in_s": settings.listen_in_s,
        "test_numbers": test_numbers(settings),
        "test_calls_max": settings.test_calls_max,
        "test_call_s": settings.test_call_s,
        "test_call_every_s": settings.test_call_every_s,
        "test_lines": [line.name for line in test_lines(settings)],
        "test_source": own_address(settings),
        "test_seat": {
            "username": testseat.USER,
            "password_ha1": ha1(testseat.USER, centre.test_seat_password),
            "numbers": robot_numbers(settings),
        }
        if settings.test_call_every_s
        else None,
        "party_aliases": settings.directory,
        "gateways": [
            {
                "name": one.name,
                "username": one.username,
                "password_ha1": ha1(one.username, one.password),
            }
            for one in settings.gateways
        ],
        "transfer_s": settings.transfer_s,
        "park_s": settings.park_s,
        "supervision_notice": settings.supervision_notice,
        "distribution": settings.distribution,
        "skill_wait_s": settings.skill_wait_s,
        "reserved_seat_wait_s": settings.reserved_seat_wait_s,
        "called_numbers": [msgspec.to_builtins(one) for one in settings.called_numbers],
        "overflow": [
            msgspec.to_builtins(rule)
            for rule in sorted(settings.overflow, key=lambda rule: rule.after_s)
        ],
        "other_nodes_after_s": settings.other_nodes_after_s,
        "wrap_up_s": settings.wrap_up_s,
        "comfort_every_s": settings.comfort_every_s,
        "surge_notice_s": settings.surge_notice_s,
        "notice_folders": [str(folder.root / "notices"), str(centre.pack.folder / "notices")],
    }


def _tls(certificate: tuple[Path, Path] | None) -> dict[str, str] | None:
    return {"cert": str(certificate[0]), "key": str(certificate[1])} if certificate else None


def unfit(seats: Iterable[SipSeat], accounts: Iterable[Account]) -> list[str]:
    """A line for each SIP seat at which nobody could answer."""
    known = {one.username: one for one in accounts}
    faults = []
    for seat in seats:
        account, place = known.get(seat.account), f"sip_seats[{seat.seat_id}].account"
        if account is None:
            faults.append(f"{place}: no account {seat.account!r}: ./tahuri account add makes it")
        elif not account.active:
            faults.append(f"{place}: {seat.account!r} is closed")
        elif DESK_ROLES[seat.desk] not in account.roles:
            kind = str(DESK_ROLES[seat.desk]).replace("_", " ")
            faults.append(f"{place}: {seat.account!r} is no {kind}")
    return faults


class Running:
    """A centre that is up."""

    def __init__(self, centre: Centre, say: Say) -> None:
        self.centre = centre
        self.say = say
        self.supervisor = Supervisor(centre.folder.log, self._pids_changed)
        self.on_pids: Callable[[], None] = lambda: None
        self._lock: TextIO | None = None
        self._hangs: asyncio.Task[None] | None = None

    def _pids_changed(self) -> None:
        self.on_pids()

    @property
    def pids(self) -> dict[str, int]:
        """Of every process that runs now."""
        parts = self.supervisor.parts.values()
        return {part.name: part.pid for part in parts if part.pid is not None}

    def lock(self) -> None:
        """One ``tahuri`` a data folder.

        Raises:
            AlreadyRunning: there is one.
        """
        self.centre.folder.make()
        self._lock = (self.centre.folder.run / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(str(self.centre.folder.root)) from error

    async def ports(self) -> None:
        """Waits a moment for ports that a killed ``tahuri`` is just letting go.

        Raises:
            SettingsError: some cannot be had; naming the setting of each.
        """
        end = clock.monotonic_s() + PORTS_S
        while found := troubles(self.centre.settings):
            if clock.monotonic_s() > end:
                raise SettingsError(found)
            await asyncio.sleep(POLL_S)

    async def database(self) -> None:
        """Starts the embedded database, if it is to be ours, and brings the schema up to date.

        Raises:
            SettingsError: the database given will not do.
            Unavailable: ours does not start.
        """
        city, given = self.centre.pack.city, self.centre.settings.database_url
        if given is not None:
            fault = await fault_of(given)
            if fault is not None:
                raise SettingsError([f"database_url: {fault}"])
        else:
            server = EmbeddedPostgres(self.centre.folder)
            server.stop_left_over()
            server.prepare(self.say)
            self.say("database: starting")
            await self.supervisor.start(
                Part(
                    "postgres",
                    server.command(),
                    signal.SIGINT,
                    server.owner,
                    before=server.forget_dead,
                )
            )
            await self._ready_at_last(server)
        await migrate(self.centre.database_url, city.code, city.name, self.say)
        await apply_schema(self.centre.database_url)
        database = Database(self.centre.database_url, city.code)
        await database.open()
        try:
            changed = await register_units(database, VIEWS, self.centre.pack.units)
        finally:
            await database.close()
        if changed:
            self.say(f"units: {changed} new or changed in the city pack")

    async def _ready_at_last(self, server: EmbeddedPostgres) -> None:
        """Raises Unavailable: it does not start, and no call is taken without it."""
        while True:
            try:
                return await server.ready()
            except Unavailable as error:
                if "switch" not in self.supervisor.parts:
                    raise
                self.say(f"database: not there yet, calls are taken meanwhile: {error}")

    async def early(self) -> None:
        """Takes calls as at the last start, if the settings are the same, while the database is
        away: SIP seats answer, facts wait in the spool."""
        run, settings = self.centre.folder.run, self.centre.settings
        if stands(run / "settings.json", settings) and (run / "switch.json").is_file():
            self.say("database: not there yet; calls are taken as at the last start")
            await self._telephony()

    def prepare_city(self) -> None:
        """Road graphs and map layers, built once and kept."""
        cache, pack = self.centre.folder.cache, self.centre.pack
        for profile in sorted({kind.profile for kind in pack.unit_kinds}):
            RoadGraph.load(pack, profile, cache, self.say)
        stamp, files = cache / "layers" / "of", sorted(pack.folder.iterdir())
        contents = (file.read_bytes() for file in files if file.is_file())
        digest = sha256(b"".join(sha256(one).digest() for one in contents)).hexdigest()
        if stamp.exists() and stamp.read_text() == digest:
            return
        self.say(f"map: drawing the layers of {pack.city.name}")
        build_layers(pack, stamp.parent)
        stamp.write_text(digest)

    async def processes(self, operators: dict[str, tuple[str, str]]) -> None:
        """Starts media, switch, serve and work, in this order."""
        settings, folder = self.centre.settings, self.centre.folder
        settings_file, switch_file = folder.run / "settings.json", folder.run / "switch.json"
        write_secret(settings_file, settings)
        told = switch_config(self.centre, operators)
        known = stands(switch_file, told)
        write_secret(switch_file, told)
        if "switch" not in self.supervisor.parts:
            await self._telephony()
        elif not known and (switch := self.supervisor.parts["switch"].process) is not None:
            with suppress(ProcessLookupError):
                switch.terminate()  # started again with what it is told now, calls and all
        given = ("--settings", str(settings_file))
        await self._start(Part("serve", python("tahuri.app", *given)))
        await self._start(Part("work", python("tahuri.work", *given)))

    async def _start(self, part: Part) -> None:
        self.say(f"{part.name}: starting")
        await self.supervisor.start(part)

    async def _telephony(self) -> None:
        settings, folder = self.centre.settings, self.centre.folder
        other = settings.media_other_address
        media = python(
            "tahuri.telephony.media",
            "--socket",
            str(folder.run / "media.sock"),
            "--address",
            settings.media_address,
            *(("--other-address", other) if other is not None else ()),
            "--rtp",
            f"{settings.rtp_first_port}-{settings.rtp_last_port}",
            "--webrtc-port",
            str(settings.webrtc_port),
            "--recordings",
            str(folder.recordings),
        )
        config = str(folder.run / "switch.json")
        await self._start(Part("media", media))
        await self._start(Part("switch", python("tahuri.telephony.switch", "--config", config)))
        sockets = {name: folder.run / f"{name}.sock" for name in ("media", "switch")}
        self._hangs = asyncio.create_task(HangWatch(self.supervisor, sockets).run())

    async def ready(self) -> None:
        """Waits until calls can be taken.

        Raises:
            Unavailable: not within ``READY_S``; with the state of each part.
        """
        last = "no answer"
        # it asks its own process by address, which a given certificate need not name
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:  # noqa: S501
            with suppress(TimeoutError):
                async with asyncio.timeout(READY_S):
                    while True:
                        try:
                            answer = await client.get(f"{self.centre.settings.near_url}/healthz")
                            last = answer.text
                            if answer.status_code == 200:
                                return
                        except httpx.HTTPError as error:
                            last = str(error) or type(error).__name__
                        await asyncio.sleep(POLL_S)
        text = f"not ready within {READY_S:.0f} s (see {self.centre.folder.log}): {last[:500]}"
        raise Unavailable("centre", text)

    async def stop(self) -> None:
        """Stops every process that was started."""
        if self._hangs is not None:
            self._hangs.cancel()
            await asyncio.gather(self._hangs, return_exceptions=True)
        await self.supervisor.stop()


async def until_told() -> None:
    """Waits for Ctrl+C or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()


async def run(
    settings: Settings,
    say: Say,
    *,
    before: Callable[[Running], Awaitable[dict[str, tuple[str, str]]]],
    after: Callable[[Running], Awaitable[None]],
    locked: Callable[[], None] = lambda: None,
) -> int:
    """Starts a centre and keeps it until Ctrl+C.

    Args:
        locked: when the data folder is ours, before anything is started.
        before: with the database up; gives the accounts of SIP seats.
        after: when calls can be taken.
    """
    running = Running(Centre.load(settings), say)
    running.lock()
    locked()
    told = asyncio.ensure_future(until_told())
    try:
        work = asyncio.ensure_future(_bring_up(running, before, after))
        await asyncio.wait([told, work], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            await told
        else:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    finally:
        say("stopping")
        told.cancel()
        await running.stop()
    return 0


async def _bring_up(
    running: Running,
    before: Callable[[Running], Awaitable[dict[str, tuple[str, str]]]],
    after: Callable[[Running], Awaitable[None]],
) -> None:
    await running.ports()
    database = asyncio.ensure_future(running.database())
    try:
        if not (await asyncio.wait({database}, timeout=EARLY_S))[0]:
            await running.early()
        await database
    finally:
        database.cancel()
        await asyncio.wait({database})
    await asyncio.to_thread(running.prepare_city)
    await running.processes(await before(running))
    await running.ready()
    await after(running)
