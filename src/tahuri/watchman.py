"""The watch, run by ``work``: test calls, comparison, findings as facts; the keeper's rounds."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec.structs import replace

from tahuri import watching
from tahuri.calls import nodes
from tahuri.centre import Centre
from tahuri.keeper import Keeper
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.view import View
from tahuri.settings import Settings
from tahuri.telephony import rpc, testcall
from tahuri.telephony.families import is_address, of_family, usable
from tahuri.telephony.names import addresses_of
from tahuri.telephony.protocol.snapshot import Inventory
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.testseat import TestSeat
from tahuri.testlines import TestLine, own_addresses, source_for, test_lines
from tahuri.watch import queries, traffic
from tahuri.watch.decider import FINDING, Mend, Report, grown
from tahuri.watch.limits import Sample, near
from tahuri.watch.reconcile import (
    FORGOTTEN,
    GRACE_S,
    SETTLED,
    Difference,
    Held,
    LoggedCall,
    day_of,
    differences,
    is_ours,
    may_close,
)
from tahuri.watch.verdict import Line

ROUND_S = 60.0
COPY_S = 20.0
FIRST_S = 3.0
"""After a start, so that switch and media are there."""
RECENT = timedelta(days=2)
DAYS_MAX = 14
"""Days that one look may take in: the last, one in turn, and those of open findings."""
WRITTEN = timedelta(minutes=2)
"""A recording is not written later than this after its call."""
SAMPLES_MAX = 1440
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

log = structlog.get_logger()


class Watchman:
    """One centre's watch.

    Args:
        ask: gives what the switch has in hand; raises Unavailable.
        grace_s: how long a difference must last to be a finding.
    """

    def __init__(
        self,
        centre: Centre,
        db: Database,
        views: Sequence[View],
        ask: watching.Ask,
        grace_s: float = GRACE_S,
    ) -> None:
        self._centre = centre
        self._settings: Settings = centre.settings
        self._node = centre.settings.node
        self._root = centre.root_certificate if centre.settings.own_authority else None
        self._zone = ZoneInfo(centre.pack.city.zone)
        self._run = centre.folder.run
        self._recordings = centre.folder.recordings
        self._db, self._views, self._ask = db, views, ask
        self._grace_s = grace_s
        self._addresses = own_addresses(self._settings)
        port, password = self._settings.sip_port, centre.test_seat_password
        self._robots = [TestSeat(password, Flow("UDP", own, port), own) for own in self._addresses]
        self.kept = watching.read(self._run)
        self._since: dict[str, float] = {}
        self._signatures: dict[str, tuple[int, int]] = {}
        self._day = f"{clock.now():%Y/%m/%d}"
        self._counts: tuple[datetime, dict[datetime, int], datetime | None] | None = None
        self.keeper = Keeper(centre, db, views, self.kept)

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(FIRST_S)
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            stack.push_async_callback(self.close)
            for line in test_lines(self._settings) if self._settings.test_call_every_s else ():
                group.create_task(self._try_for_ever(line))
            group.create_task(_for_ever("the watch", self.round, ROUND_S))
            group.create_task(_for_ever("erasing", self.keeper.erase, ROUND_S))
            group.create_task(_for_ever("reading again", self.keeper.reread, ROUND_S))
            if self._node:
                group.create_task(_for_ever("nodes", self.tell_node, nodes.SEEN_EVERY_S))
            for name in self.keeper.copiers:
                copying = partial(self.keeper.copy, name)
                group.create_task(_for_ever(f"copying to the {name}", copying, COPY_S))

    async def close(self) -> None:
        """The robot hangs up."""
        for robot in self._robots:
            await robot.stop()

    # ---- test calls -----------------------------------------------------------------------------

    async def _try_for_ever(self, line: TestLine) -> None:
        while True:
            begun_s = clock.monotonic_s()
            await self.try_line(line)
            spent_s = clock.monotonic_s() - begun_s
            await asyncio.sleep(max(1.0, self._settings.test_call_every_s - spent_s))

    async def try_line(self, line: TestLine) -> None:
        """One test call; what became of it is kept."""
        try:
            there = replace(line, host=await self._found(line.host))
            await self._let_register(there.host)
            result = await testcall.place(
                there.target,
                there.host,
                there.port,
                source_for(self._settings, there),
                through_to_robot=True,
            )
        except Exception:
            log.exception("a test call met a bug", line=line.name)
            result = testcall.Result(ok=False, fault="internal-error")
        now = clock.now()
        known = self.kept.lines.get(line.name)
        last_ok_at = known.last_ok_at if known is not None else None
        self.kept.lines[line.name] = Line(
            name=line.name,
            last_at=now,
            last_ok_at=now if result.ok else last_ok_at,
            ok=result.ok,
            fault=result.fault,
            status=result.status,
            answer_ms=result.answer_ms,
            sound_ms=result.sound_ms,
            begun_at=known.begun_at if known is not None else now,
        )
        if not result.ok:
            log.warning("a test call failed", line=line.name, fault=result.fault)
        self.keeper.write()

    async def _found(self, host: str) -> str:
        """Where a line is, as the switch finds it; a name that nobody knows stays what it is."""
        if is_address(host):
            return host
        try:
            return usable(await addresses_of(host), self._addresses) or host
        except (OSError, UnicodeError):
            return host

    async def _let_register(self, host: str) -> None:
        """The robot is there for a test call, by the listener that is tried; where that is deaf by
        the other, so that a deaf one costs its own line alone."""
        first = of_family(self._addresses, host)
        for robot in sorted(self._robots, key=lambda one: one.source != first):
            if await robot.register():
                return

    # ---- one look -------------------------------------------------------------------------------

    async def round(self) -> None:
        """Compares everything once; opens and closes findings.  Raises Unavailable."""
        now = clock.now()
        self.kept.round_at = now
        self._drop_old_lines()
        self.keeper.write()
        days = await self._days(now)
        inventory = await watching.asked(self._ask)
        held = watching.held_of(inventory, self._recordings) if inventory is not None else None
        files = await asyncio.to_thread(self._files, days)
        await self._check(await self._logged(days, now), files, days)
        calls = await self._logged(days, now)
        found = differences(calls, held, _sizes(files), days, now, self._node)
        found += self._own(inventory, now)
        found += await self.keeper.differences(now)
        found = without_doubles(found)
        found = [replace(one, node=self._node) for one in found]
        found += await self._forgotten(now)
        found += await self._traffic(now)
        found += await self._silent_nodes(now)
        await self._settle(found, held, days)
        self.keeper.write()

    def _drop_old_lines(self) -> None:
        """A trunk that is no longer in the settings is not waited for."""
        names = {line.name for line in test_lines(self._settings)}
        if not self._settings.test_call_every_s:
            names = set()
        self.kept.lines = {name: one for name, one in self.kept.lines.items() if name in names}

    async def _days(self, now: datetime) -> frozenset[str]:
        """Days (``2026/11/26``) to look at: the last, one earlier in turn, those of findings."""
        days = {f"{now - back:%Y/%m/%d}" for back in (timedelta(0), DAY, RECENT)}
        self._day = self._earlier() or f"{now:%Y/%m/%d}"
        days.add(self._day)
        for row in await queries.open_findings(self._db):
            day = day_of(row["code"], row["about"])
            if day is not None and len(days) < DAYS_MAX:
                days.add(day)
        return frozenset(days)

    def _earlier(self) -> str | None:
        """The day before the one whose turn was last; None after the oldest on disk."""
        folders = self._recordings.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")
        names = (str(one.relative_to(self._recordings)) for one in folders)
        return max((name for name in names if name < self._day), default=None)

    async def _logged(self, days: frozenset[str], now: datetime) -> list[LoggedCall]:
        """Calls of these days and of the last, and all without an outcome."""
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0) - RECENT
        calls = {one.call_id: one for one in await queries.logged_calls(self._db, begin)}
        for day in days:
            at = datetime.strptime(day, "%Y/%m/%d").replace(tzinfo=UTC)
            if at < begin:
                for one in await queries.calls_between(self._db, at - HOUR, at + DAY + HOUR):
                    calls[one.call_id] = one
        return list(calls.values())

    def _files(self, days: frozenset[str]) -> dict[str, tuple[int, int]]:
        """Path, relative → (bytes, time of the last change in ns) of what lies there."""
        found: dict[str, tuple[int, int]] = {}
        for day in days:
            with contextlib.suppress(OSError):
                for file in (self._recordings / day).iterdir():
                    with contextlib.suppress(OSError):
                        stat = file.stat()
                        found[f"{day}/{file.name}"] = (stat.st_size, stat.st_mtime_ns)
        return found

    async def _check(
        self, calls: list[LoggedCall], files: Mapping[str, tuple[int, int]], days: frozenset[str]
    ) -> None:
        """Reads recordings that changed, are gone or came back; all others have their turn."""
        for call in calls:
            if call.recording is None or call.recording.state != "closed":
                continue
            if not is_ours(call, self._node):
                continue
            now = files.get(call.recording.path)
            before = self._signatures.get(call.recording.path)
            known_bad = call.recording.intact is False
            if now is None:
                day = call.recording.path.rpartition("/")[0]
                look = day in days and not known_bad
            elif before is None:
                look = known_bad or _written_late(call, now[1])
            else:
                look = before != now
            if look:
                await self.keeper.check(call)
        self._signatures = dict(files)

    # ---- other nodes ----------------------------------------------------------------------------

    async def tell_node(self) -> None:
        """Tells the other nodes that this one is there.  Raises Unavailable."""
        url = self._settings.node_url or self._settings.url
        await nodes.tell(self._db, self._node, url, self._root, clock.now())

    async def _silent_nodes(self, now: datetime) -> list[Difference]:
        """Nodes that are gone, with the calls and the only recordings that they have."""
        if not self._node:
            return []
        return [
            Difference("node-silent", one.name, {"calls": one.calls, "recordings": one.recordings})
            for one in nodes.silent(await nodes.known(self._db), self._node, now)
        ]

    # ---- what else is looked at -----------------------------------------------------------------

    async def _traffic(self, now: datetime) -> list[Difference]:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._counts is None or self._counts[0] != hour:
            first = await queries.first_call(self._db)
            since, until = hour - traffic.HISTORY, hour - DAY
            self._counts = (hour, await queries.call_counts(self._db, since, until), first)
        _, counts, first = self._counts
        offset = now.astimezone(self._zone).utcoffset() or timedelta(0)
        arrivals = await queries.arrivals(self._db, now)
        self.kept.traffic = judged = traffic.judged(counts, arrivals, first, now, offset)
        if judged.state not in ("quiet", "surge"):
            return []
        numbers = {"hours": judged.hours, "seen": judged.seen, "expected": judged.expected}
        return [Difference(f"traffic-{judged.state}", "all", dict(numbers))]

    async def _forgotten(self, now: datetime) -> list[Difference]:
        """Callers who gave up, and of whom no call-back item tells: a bug kept it from them."""
        rows = await queries.open_findings(self._db)
        known = [row["about"] for row in rows if row["code"] == FORGOTTEN]
        lost = await queries.forgotten(self._db, now - RECENT, now - SETTLED, known)
        return [Difference(FORGOTTEN, call_id) for call_id in lost]

    def _own(self, inventory: Inventory | None, now: datetime) -> list[Difference]:
        """Lines that failed, limits that are near."""
        found = [
            Difference("test-call-failed", line.name, {"status": float(line.status or 0)})
            for line in self.kept.lines.values()
            if not line.ok
        ]
        found += self._certificate(now)
        self._sample(now)
        known = watching.limits(self._settings, self._run, self.kept, inventory)
        found += near(known, self._settings.limit_percent_max)
        return found

    def _certificate(self, now: datetime) -> list[Difference]:
        """The pages' certificate, while it can still be renewed; ours is, by this very look."""
        code = self._centre.certificate_finding(now)
        return [Difference(code, "pages")] if code is not None else []

    def _sample(self, now: datetime) -> None:
        for name, folder in watching.folders(self._settings).items():
            with contextlib.suppress(OSError):
                samples = self.kept.disks.setdefault(name, [])
                samples.append(Sample(now, shutil.disk_usage(folder).used))
                del samples[:-SAMPLES_MAX]
                while samples and now - samples[0].at > DAY:
                    samples.pop(0)

    # ---- findings -------------------------------------------------------------------------------

    async def _settle(
        self, found: list[Difference], held: Held | None, days: frozenset[str]
    ) -> None:
        """Opens what has lasted, closes what is mended."""
        now_s = clock.monotonic_s()
        by_key = {one.key: one for one in found}
        self._since = grown(self._since, set(by_key), now_s)
        rows = {row["finding_id"]: row for row in await queries.open_findings(self._db)}
        for key, one in by_key.items():
            if key not in rows and now_s - self._since[key] >= self._grace_s:
                await self._tell(key, Report(one.code, one.about, one.numbers, one.node))
        for key, row in rows.items():
            if row.get("node", "") not in ("", self._node):
                continue  # the watch of that node knows
            if key not in by_key and may_close(row["code"], row["about"], held, days):
                await self._tell(key, Mend())

    async def _tell(self, key: str, command: Report | Mend) -> None:
        stream = StreamId("finding", key)
        write = Writing(actor="work", command=new_id(), now=clock.now())
        async with writing(self._db, self._views, write) as open_log:
            state = FINDING.state(await open_log.read(stream))
            await open_log.append(stream, FINDING.decide(command, state))


def without_doubles(found: list[Difference]) -> list[Difference]:
    """What is lost for good is not told as altered or missing besides."""
    lost = {one.about for one in found if one.code == "recording-lost"}
    doubles = ("recording-altered", "recording-missing")
    return [one for one in found if one.code not in doubles or one.about not in lost]


def _written_late(call: LoggedCall, changed_ns: int) -> bool:
    if call.ended_at is None:
        return False
    return changed_ns / 1e9 > (call.ended_at + WRITTEN).timestamp()


def _sizes(files: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    return {path: size for path, (size, _) in files.items()}


async def _for_ever(name: str, step: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        begun_s = clock.monotonic_s()
        try:
            await step()
        except Unavailable:
            log.warning("waits for the database", part=name)
        except Exception:
            log.exception("failed, and is tried again", part=name)
        await asyncio.sleep(max(1.0, every_s - (clock.monotonic_s() - begun_s)))


async def watch(centre: Centre, db: Database, views: Sequence[View]) -> None:
    """Watches for ever."""
    client = rpc.Client(str(centre.folder.run / "switch.sock"))
    client.start()

    async def ask() -> Inventory:
        try:
            return msgspec.convert(await client.call("inventory"), Inventory)
        except (rpc.Unavailable, rpc.Failure) as error:
            raise Unavailable("switch", str(error)) from error

    try:
        await Watchman(centre, db, views, ask).run()
    finally:
        await client.close()
