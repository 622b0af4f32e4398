"""``tahuri up`` and ``tahuri demo``: everything a centre runs, started in order, kept running."""

import asyncio
import fcntl
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import TextIO

import httpx

from tahuri.app import VIEWS
from tahuri.centre import Centre
from tahuri.city.layers import build as build_layers
from tahuri.city.roads import RoadGraph
from tahuri.hanging import HangWatch
from tahuri.host.given import fault_of
from tahuri.host.ports import troubles
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.host.secretfile import stands, write_secret
from tahuri.host.supervisor import Part, Supervisor, python
from tahuri.kernel import clock
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.jobs import apply_schema
from tahuri.kernel.refusal import Unavailable
from tahuri.settings import Settings, SettingsError
from tahuri.told import switch_config
from tahuri.units.queries import register_units

READY_S = 60.0
PORTS_S = 5.0
"""What a killed centre's processes may take to go."""
POLL_S = 0.1
EARLY_S = 10.0
"""A database that is away for longer does not keep callers waiting: a full disk keeps it away, or
another machine that starts after a power cut as well."""
AWAY_S = 2.0
"""Between two looks at a database that is away."""
AGAIN_S = 10.0
"""Before what did not succeed beside calls is tried again."""
SAID_EVERY_S = 60.0

Say = Callable[[str], None]


class AlreadyRunning(Exception):  # noqa: N818
    """Another ``tahuri`` keeps this data folder."""


class Running:
    """A centre that is up."""

    def __init__(self, centre: Centre, say: Say) -> None:
        self.centre = centre
        self.say = say
        self.supervisor = Supervisor(centre.folder.log, self._pids_changed)
        self.on_pids: Callable[[], None] = lambda: None
        self._lock: TextIO | None = None
        self._hangs: asyncio.Task[None] | None = None
        self._reminded = "", 0.0
        """What was said last, and when."""

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

    @property
    def takes_calls(self) -> bool:
        """Whether the switch has been started: from then on nothing but Ctrl+C stops it."""
        return "switch" in self.supervisor.parts

    @property
    def as_before(self) -> bool:
        """Whether calls can be taken as at the last start: there was one, with these settings."""
        run = self.centre.folder.run
        return (
            stands(run / "settings.json", self.centre.settings) and (run / "switch.json").is_file()
        )

    def remind(self, line: str) -> None:
        """Says it, and again each minute for as long as it is so."""
        now_s = clock.monotonic_s()
        if line != self._reminded[0] or now_s - self._reminded[1] >= SAID_EVERY_S:
            self._reminded = line, now_s
            self.say(line)

    async def database(self) -> None:
        """Waits for the database, or starts our own, and brings its schema up to date.

        Raises:
            SettingsError: the database given is away or will not do, and calls cannot be taken as
                at the last start meanwhile.
            Unavailable: ours does not start, it went away again, or its schema is of a later
                version.
        """
        city, given = self.centre.pack.city, self.centre.settings.database_url
        if given is not None:
            await self._given_at_last(given)
        else:
            await self._ours_at_last()
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

    async def _given_at_last(self, url: str) -> None:
        """Raises SettingsError: it will not do; or no call is taken without it."""
        while (fault := await fault_of(url)) is not None:
            if not self.takes_calls and not self.as_before:
                raise SettingsError([f"database_url: {fault}"])
            meanwhile = "; calls are taken as at the last start" if self.takes_calls else ""
            self.remind(f"database: {' '.join(fault.split())}{meanwhile}")
            await asyncio.sleep(AWAY_S)

    async def _ours_at_last(self) -> None:
        """Raises Unavailable: it does not start, and no call is taken without it."""
        server = EmbeddedPostgres(self.centre.folder)
        if "postgres" not in self.supervisor.parts:
            # both may wait for a slow disk, which must keep no caller waiting
            await asyncio.to_thread(server.stop_left_over)
            await asyncio.to_thread(server.prepare, self.say)
            await self.start(
                Part(
                    "postgres",
                    server.command(),
                    signal.SIGINT,
                    server.owner,
                    before=server.forget_dead,
                )
            )
        await self._ready_at_last(server)

    async def _ready_at_last(self, server: EmbeddedPostgres) -> None:
        while True:
            try:
                return await server.ready()
            except Unavailable as error:
                if not self.takes_calls:
                    raise
                self.say(f"database: not there yet, calls are taken meanwhile: {error}")

    async def early(self) -> bool:
        """Takes calls as at the last start, if the settings are the same, while the database is
        away: SIP seats answer, facts wait in the spool.  Whether calls are taken."""
        if not self.takes_calls and self.as_before:
            self.say("database: not there yet; calls are taken as at the last start")
            await self._telephony()
        return self.takes_calls

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

    async def processes(self, answering: dict[str, tuple[str, str]]) -> None:
        """Starts media, switch, serve and work, in this order; what runs already goes on.

        Args:
            answering: SIP seat → (operator id, name) of who answers there.
        """
        settings, folder = self.centre.settings, self.centre.folder
        settings_file, switch_file = folder.run / "settings.json", folder.run / "switch.json"
        told = switch_config(self.centre, answering)
        known = stands(switch_file, told)
        if not stands(settings_file, settings):
            settings_file.unlink(missing_ok=True)  # new settings never stand beside an old switch's
        write_secret(switch_file, told)
        write_secret(settings_file, settings)
        if not self.takes_calls:
            await self._telephony()
        elif not known and (switch := self.supervisor.parts["switch"].process) is not None:
            with suppress(ProcessLookupError):
                switch.terminate()  # started again with what it is told now, calls and all
        given = ("--settings", str(settings_file))
        await self.start(Part("serve", python("tahuri.app", *given)))
        await self.start(Part("work", python("tahuri.work", *given)))

    async def start(self, part: Part) -> None:
        """Starts a part, unless it was started before."""
        if part.name in self.supervisor.parts:
            return
        self.say(f"{part.name}: starting")
        await self.supervisor.start(part)

    async def _telephony(self) -> None:
        settings, folder = self.centre.settings, self.centre.folder
        folder.secret("seat.key")  # of serve and switch alike
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
        await self.start(Part("media", media))
        await self.start(Part("switch", python("tahuri.telephony.switch", "--config", config)))
        sockets = {name: folder.run / f"{name}.sock" for name in ("media", "switch")}
        if self._hangs is None:
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


Before = Callable[[Running], Awaitable[dict[str, tuple[str, str]]]]
After = Callable[[Running], Awaitable[None]]


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
    before: Before,
    after: After,
    locked: Callable[[], None] = lambda: None,
) -> int:
    """Starts a centre and keeps it until Ctrl+C.

    Args:
        locked: when the data folder is ours, before anything is started.
        before: with the database up; gives who answers at each SIP seat.
        after: when calls can be taken.
    """
    running = Running(Centre.load(settings), say)
    if wrong := running.centre.unknown_agencies():
        raise SettingsError(wrong)
    running.lock()
    locked()
    for fault in running.centre.certificate_faults(clock.now()):
        say(f"setting certificate: {fault}")  # calls do not wait for it
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


async def _bring_up(running: Running, before: Before, after: After) -> None:
    """What fails is said and tried again where calls are, or can be, taken: it must not end them,
    nor keep them away that were taken with the same settings before."""
    await running.ports()
    while True:
        try:
            return await _all_parts(running, before, after)
        except Exception as error:
            if not running.takes_calls and not await running.early():
                raise
            running.remind(f"calls are taken; not yet there: {str(error) or repr(error)}")
        await asyncio.sleep(AGAIN_S)


async def _all_parts(running: Running, before: Before, after: After) -> None:
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
