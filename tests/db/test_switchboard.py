"""Facts of the switch come into the log: in order, once, whole."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from psycopg import AsyncConnection

import tahuri.calls.views
import tahuri.operators.views
import tahuri.watch.views
from tahuri.calls import recordings, switchboard
from tahuri.calls.events import CallParked
from tahuri.calls.switchboard import Switchboard
from tahuri.kernel import clock, db
from tahuri.kernel.db import Database
from tahuri.kernel.jobs import apply_schema, job_app
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.kernel.verify import verify
from tahuri.refusals import Refusal
from tahuri.telephony import rpc
from tahuri.telephony.protocol.facts import Fact, fact_of
from tahuri.telephony.protocol.facts.centre import FactsSetAside
from tahuri.telephony.spool import spool as spool_module
from tahuri.telephony.spool.damage import Damage
from tahuri.telephony.spool.spool import Spool
from tahuri.telephony.switch import operations
from tahuri.telephony.switch.core import Core
from tahuri.watch.following import follow
from tahuri.watch.queries import open_findings
from tahuri.watch.reconcile import Held, may_close

VIEWS = (
    *tahuri.calls.views.VIEWS,
    *tahuri.operators.views.VIEWS,
    *tahuri.watch.views.VIEWS,
)
AT = "2026-11-23T03:00:00.000001Z"
SEEN_S = 20.0


def spooled(number: int, tag: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    """A fact as the switch spools it, about call C1 unless told."""
    return {
        "id": f"E{number}",
        "at": AT,
        "stream": "call/C1",
        "type": tag,
        "body": body or {},
        "personal": {},
        "actor": "switch",
        **more,
    }


ARRIVED = spooled(
    1,
    "calls.call-arrived",
    {"trunk": "telkom", "number_status": "present", "request_uri_kind": "number", "test": False},
    personal={
        "caller": {"number": "+620000000001", "display_name": None, "source": "from"},
        "location": {"lat": -3.6954, "lon": 128.1814, "uncertainty_m": 1e300, "xml": "<x\0/>"},
    },
)


@dataclass
class FakeSwitch:
    """Holds facts until they are done with, over the real socket protocol."""

    facts: dict[int, Any] = field(default_factory=dict)
    end: int = 0
    forgets: bool = True
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def spool(self, *facts: Any) -> None:
        for fact in facts:
            self.end += 1
            self.facts[self.end] = fact
        self.more.set()

    async def answer(self, op: str, arguments: rpc.Message) -> object:
        self.asked.append((op, dict(arguments)))
        if op == "facts":
            return await self._waiting()
        if op == "facts_done":
            if self.forgets:
                upto = int(str(arguments["upto"]))
                self.facts = {at: fact for at, fact in self.facts.items() if at > upto}
            return None
        if op in self.hangs:
            await asyncio.Event().wait()
        known = self.answers[op]
        if isinstance(known, Exception):
            raise known
        return known

    async def _waiting(self) -> object:
        if not self.facts:
            self.more.clear()
            await self.more.wait()
        return {"facts": [[at, fact] for at, fact in self.facts.items()], "end": self.end}


@dataclass
class Taking:
    """A switchboard that takes facts over from a fake switch."""

    switch: FakeSwitch
    board: Switchboard
    database: Database

    async def logged(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(stream, type, body) of the log, in order."""
        found = await self.database.all(
            "select stream, type, body from facts where city_id = %s order by seq",
            (self.database.city_id,),
        )
        return [(stream, tag, body) for stream, tag, body in found]

    async def until(self, seen: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(SEEN_S):
            while not await seen():  # noqa: ASYNC110 - the condition is in the database
                await asyncio.sleep(0.02)

    async def until_done(self) -> None:
        """The switch was told to forget everything."""

        async def forgotten() -> bool:
            return not self.switch.facts

        await self.until(forgotten)

    async def until_asked(self, times: int) -> None:
        """The switch was told so often who goes first."""

        async def told() -> bool:
            return len(advice(self)) >= times

        await self.until(told)

    async def until_recorded(self, call_id: str, tag: str = "calls.call-arrived") -> None:
        """The log has that fact of that call."""

        async def there() -> bool:
            return (f"call/{call_id}", tag) in [(s, t) for s, t, _ in await self.logged()]

        await self.until(there)


@asynccontextmanager
async def taking(database: Database, socket: Path) -> AsyncIterator[Taking]:
    switch = FakeSwitch()
    server = rpc.Server(socket, switch.answer)
    await server.start()
    board = Switchboard(str(socket), database, VIEWS)
    task = asyncio.create_task(board.run())
    try:
        yield Taking(switch, board, database)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()


@pytest.fixture
async def take(database: Database, tmp_path: Path) -> AsyncIterator[Taking]:
    await apply_schema(database.url)
    async with taking(database, tmp_path / "switch.sock") as opened:
        yield opened


async def test_facts_come_into_the_log_in_order_and_are_then_forgotten(take: Taking) -> None:
    """The timeline of a call is the order in which the switch lived through it."""
    take.switch.spool(
        ARRIVED,
        spooled(2, "calls.call-queued"),
        spooled(3, "operators.seat-ready", {"operator_id": "O1"}, stream="seat/M1"),
        spooled(4, "calls.call-ended", {"outcome": "abandoned", "by": "caller", "reason": "c"}),
    )
    await take.until_done()
    assert [(stream, tag) for stream, tag, _ in await take.logged()] == [
        ("call/C1", "calls.call-arrived"),
        ("call/C1", "calls.call-queued"),
        ("seat/M1", "operators.seat-ready"),
        ("call/C1", "calls.call-ended"),
    ]
    record = await take.database.one("select at, actor, command from facts where seq = 1")
    assert record == (datetime(2026, 11, 23, 3, 0, 0, 1, UTC), "switch", "E1")
    assert take.board.behind == 0
    assert (await verify(take.database, VIEWS)).fault is None


async def test_a_fact_that_is_handed_over_twice_is_recorded_once(take: Taking) -> None:
    """Delivery is at least once: a reconnect must not answer one call twice."""
    take.switch.forgets = False
    take.switch.spool(ARRIVED, spooled(2, "calls.call-queued"), ARRIVED)

    async def twice() -> bool:
        return sum(op == "facts" for op, _ in take.switch.asked) >= 3

    await take.until(twice)
    assert [tag for _, tag, _ in await take.logged()] == ["calls.call-arrived", "calls.call-queued"]


async def test_what_a_caller_may_have_erased_stands_beside_the_fact(take: Taking) -> None:
    """The fact names the number's row and proves it by a digest; it never holds the number."""
    take.switch.spool(ARRIVED)
    await take.until_done()
    ((_, _, body),) = await take.logged()
    record = await take.database.one("select personal from facts")
    assert record is not None
    assert set(record[0]) == {body["caller"], body["location"]}
    kept: dict[str, Any] = dict(await take.database.all("select personal_id, body from personal"))
    assert kept[body["caller"]]["number"] == "+620000000001"
    assert "+620000000001" not in str(body)
    assert (await verify(take.database, VIEWS)).fault is None


async def test_what_no_text_in_the_database_can_hold_does_not_stop_the_facts(
    take: Taking,
) -> None:
    """One caller's odd bytes must not hold back everybody's calls behind them."""
    take.switch.spool(ARRIVED, spooled(2, "calls.key-pressed", {"digit": "\0"}))
    await take.until_done()
    (_, _, arrived), (_, _, pressed) = await take.logged()
    assert pressed == {"digit": "\ufffd"}
    record = await take.database.one(
        "select body ->> 'xml' from personal where personal_id = %s", (arrived["location"],)
    )
    assert record == ("<x\ufffd/>",)


@pytest.mark.parametrize(
    ("fact", "stream"),
    [
        (spooled(1, "calls.call-teleported", {"to": "mars"}), "call/C1"),
        (spooled(1, "calls.call-ended", {"outcome": 5}), "call/C1"),
        (
            spooled(1, "calls.call-queued", personal={"x": {"number": "1"}}, stream="?"),
            "switch/unreadable",
        ),
        ({"id": "E1"}, "switch/unreadable"),
        (spooled(1, "calls.call-queued", id="x" * 65), "switch/unreadable"),
        (spooled(1, "calls.call-queued", at="0001-01-01T00:00:00+09:00"), "switch/unreadable"),
        (["no", "fact"], "switch/unreadable"),
    ],
)
async def test_a_fact_that_cannot_be_read_is_kept_whole_and_the_next_one_follows(
    take: Taking, fact: Any, stream: str
) -> None:
    """An older centre behind a newer switch loses nothing: what it cannot read, a later one can."""
    take.switch.spool(fact, spooled(2, "calls.call-queued"))
    await take.until_done()
    (kept_in, tag, body), (_, after, _) = await take.logged()
    assert (kept_in, tag, after) == (stream, "calls.fact-unreadable", "calls.call-queued")
    record = await take.database.all("select kind, body from personal")
    ((kind, whole),) = record
    assert kind == "unreadable"
    if stream == "call/C1":
        assert whole["body"] == fact["body"]
        assert body["event_type"] == fact["type"]
        assert (body["position"], body["reason"]) == (1, "unknown")
    else:
        assert (body["position"], body["reason"]) == (1, "no-fact")
        assert whole["personal"]["content"]["raw"] == fact


async def test_a_fact_that_no_row_can_take_is_kept_whole_and_the_next_one_follows(
    take: Taking,
) -> None:
    """Given a fault of ours that one fact wakes, when facts come, then all behind it are taken."""

    def falls(row: Any, fact: Any) -> Any:
        raise ValueError("a fault in a fold")

    calls = next(view for view in take.board.views if view.name == "call")
    faulty = replace(calls, name="faulty", keys=lambda stream, event: _parked(event), fold=falls)
    take.board.views = (*take.board.views, faulty)
    parking = {"seat_id": "M1", "operator_id": "O1", "slot": 1}
    parked = spooled(2, "calls.call-parked", parking)
    take.switch.spool(ARRIVED, parked, spooled(3, "calls.call-queued"))
    await take.until_done()
    logged = [(stream, tag) for stream, tag, _ in await take.logged()]
    assert logged == [
        ("call/C1", "calls.call-arrived"),
        ("switch/unreadable", "calls.fact-unreadable"),
        ("call/C1", "calls.call-queued"),
    ]
    record = await take.database.one("select body from personal where kind = 'unreadable'")
    assert record is not None
    assert json.loads(record[0]["raw"])["body"] == parked["body"]
    _, _, body = (await take.logged())[1]
    assert (body["position"], body["reason"]) == (2, "not-recorded")


async def test_a_fact_whose_key_is_taken_is_kept_whole_and_the_next_one_follows(
    take: Taking,
) -> None:
    """Given a console's request with the very key of a fact; then the fact is not refused for
    ever."""
    write = Writing(actor="O1", command="E1", now=clock.now(), request=b"another")
    async with writing(take.database, VIEWS, write):
        pass
    take.switch.spool(ARRIVED, spooled(2, "calls.call-queued"))
    await take.until_done()
    assert [tag for _, tag, _ in await take.logged()] == [
        "calls.fact-unreadable",
        "calls.call-queued",
    ]


async def findings(database: Database) -> list[dict[str, Any]]:
    return [
        {name: row[name] for name in ("code", "about", "numbers", "node")}
        for row in await open_findings(database)
    ]


async def test_what_cannot_be_read_is_a_finding_at_once_and_stays_until_it_is_accepted(
    take: Taking,
) -> None:
    """`/telephone` says it: once a day for each kind of fact, however many there are, and a look
    of the watch does not take it for mended."""
    take.board.followers = (follow,)
    strange = [spooled(number, "calls.call-teleported") for number in range(2, 5)]
    aside = {"file": "1.facts", "at": 7, "bytes": 9, "first": 3, "last": 5, "reason": "checksum"}
    take.switch.spool(
        ARRIVED,
        *strange,
        spooled(5, "calls.facts-set-aside", aside, stream="disk/spool"),
        spooled(6, "calls.facts-set-aside", aside, stream="disk/ambon-2"),
    )
    await take.until_done()
    known = {"numbers": {"first": 3.0, "last": 5.0}, "code": "facts-set-aside", "about": "1.facts"}
    assert sorted(await findings(take.database), key=str) == sorted(
        [
            {
                "code": "fact-unreadable",
                "about": "calls.call-teleported 2026-11-23",
                "numbers": {"position": 2.0},
                "node": "",
            },
            {**known, "node": ""},
            {**known, "node": "ambon-2"},
        ],
        key=str,
    )
    for one in await findings(take.database):
        assert not may_close(one["code"], one["about"], Held((), {}), frozenset())
    assert (await verify(take.database, VIEWS)).fault is None


async def test_a_rotten_spool_comes_into_the_log_but_for_what_rotted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a spool on disk in which a line rotted, and the reader that runs in `serve`; then the
    log has every other fact in order, then the place of the one that is lacking, and a finding."""
    monkeypatch.setattr(spool_module, "RECENT_FACTS_MAX", 2)
    folder = tmp_path / "spool"
    first = Spool(folder)
    for number in range(1, 10):
        first.append(msgspec.convert(spooled(number, "calls.call-queued"), Fact))
    await first.close()
    segment = next(folder.glob("*.facts"))
    segment.write_bytes(segment.read_bytes().replace(b'"E4"', b'"X4"'))
    spool = Spool(folder)

    def tell(found: Damage) -> None:
        body = FactsSetAside(
            file=found.file,
            at=found.at,
            bytes=found.size,
            first=found.first,
            last=found.last,
            reason=found.reason,
        )
        spool.append(fact_of("aside-1", clock.now(), "disk/spool", body, {}, "switch"))

    spool.on_damage = tell
    core = cast("Core", SimpleNamespace(spool=spool))

    async def answer(op: str, arguments: rpc.Message) -> object:
        return await operations.answer(core, op, arguments)

    server = rpc.Server(tmp_path / "switch.sock", answer)
    await server.start()
    board = Switchboard(str(tmp_path / "switch.sock"), database, VIEWS, (follow,))
    task = asyncio.create_task(board.run())
    taking = Taking(FakeSwitch(), board, database)

    async def all_there() -> bool:
        return spool.done == 10

    await taking.until(all_there)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await server.stop()
    records = await database.all("select command from facts where actor = 'switch' order by seq")
    assert [name for (name,) in records] == [
        "E1",
        "E2",
        "E3",
        *(f"E{n}" for n in range(5, 10)),
        "aside-1",
    ]
    (one,) = await findings(database)
    assert (one["code"], one["about"], one["numbers"]) == (
        "facts-set-aside",
        segment.name,
        {"first": 4.0, "last": 4.0},
    )
    await spool.close()


def _parked(event: object) -> tuple[str, ...]:
    return ("C1",) if isinstance(event, CallParked) else ()


async def test_the_switch_keeps_its_facts_while_the_log_is_away(
    database: Database, tmp_path: Path
) -> None:
    """With PostgreSQL stopped calls are answered; their facts arrive when it is back."""
    away = Database(database.url.replace("host=", "host=/nowhere"), database.city_id)
    away.pool.timeout = 0.2
    async with taking(away, tmp_path / "switch.sock") as take:
        await away.pool.open()
        take.switch.spool(ARRIVED)

        async def asked_again() -> bool:
            return sum(op == "facts" for op, _ in take.switch.asked) >= 2

        await take.until(asked_again)
        assert take.switch.facts
        assert take.board.behind == 1
        take.board.db = database
        await take.until_done()
        assert [tag for _, tag, _ in await Taking(take.switch, take.board, database).logged()] == [
            "calls.call-arrived"
        ]
    await away.close()


async def test_a_queue_of_jobs_that_is_locked_for_long_makes_no_fact_unreadable(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given somebody who rebuilds the queue's table for longer than a write may wait, several times
    over; then the recording's end waits with the facts behind it, and comes in its place."""
    await apply_schema(database.url)
    monkeypatch.setattr(db, "LOCK_TIMEOUT_MS", 30)
    monkeypatch.setattr(switchboard, "RETRY_S", 0.01)
    impatient = Database(database.url, database.city_id)
    await impatient.open()
    started = {"recording_id": "R1", "path": f"{DAY}/C1.wav"}
    closed = {"recording_id": "R1", "sha256": "00", "duration_s": 9.5, "bytes": 4}
    async with taking(impatient, tmp_path / "switch.sock") as take:
        async with await AsyncConnection.connect(database.url) as other:
            await other.execute("lock table procrastinate_jobs in access exclusive mode")
            take.switch.spool(
                ARRIVED,
                spooled(2, "calls.recording-started", started),
                spooled(3, "calls.recording-closed", closed),
            )

            async def often() -> bool:
                asked = [op for op, _ in take.switch.asked]
                return asked.count("facts") > 2 * switchboard.TRIES_MAX

            await take.until(often)
            assert list(take.switch.facts) == [3]
        await take.until_done()
        tags = [tag for _, tag, _ in await take.logged()]
    await impatient.close()
    assert tags[-1] == "calls.recording-closed"


async def test_facts_go_on_when_the_switch_comes_back(database: Database, tmp_path: Path) -> None:
    """The switch may be started after us, or again."""
    board = Switchboard(str(tmp_path / "switch.sock"), database, VIEWS)
    task = asyncio.create_task(board.run())
    switch = FakeSwitch()
    for number in (1, 2):
        server = rpc.Server(tmp_path / "switch.sock", switch.answer)
        await server.start()
        switch.spool(spooled(number, "calls.call-queued"))
        await Taking(switch, board, database).until_done()
        await server.stop()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await Taking(switch, board, database).logged()) == 2


SOUND = b"RIFF" + bytes(4000)
DAY = "2026/11/23"


@pytest.mark.parametrize("on_disk", [SOUND, SOUND + b"x", None])
async def test_a_closed_recording_is_checked_once_and_the_log_says_how_it_is(
    take: Taking, tmp_path: Path, on_disk: bytes | None
) -> None:
    """A recording that was changed or is gone must be known on the day, not at the trial."""
    if on_disk is not None:
        (tmp_path / DAY).mkdir(parents=True)
        (tmp_path / DAY / "C1.wav").write_bytes(on_disk)
    sha256 = hashlib.sha256(SOUND).hexdigest()
    closed = {"recording_id": "R1", "sha256": sha256, "duration_s": 9.5, "bytes": len(SOUND)}
    started = {"recording_id": "R1", "path": f"{DAY}/C1.wav"}
    take.switch.forgets = False
    take.switch.spool(
        ARRIVED,
        spooled(2, "calls.recording-started", started),
        spooled(3, "calls.recording-closed", closed),
    )

    async def twice() -> bool:
        return sum(op == "facts" for op, _ in take.switch.asked) >= 3

    await take.until(twice)
    asked = await take.database.all("select task_name, args from procrastinate_jobs")
    assert asked == [
        (
            recordings.CHECK,
            {"call_id": "C1", "recording_id": "R1", "path": f"{DAY}/C1.wav", "sha256": sha256},
        )
    ]
    app = job_app(take.database.url, recordings.jobs(take.database, VIEWS, tmp_path))
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
    _, tag, body = (await take.logged())[-1]
    assert tag == "calls.recording-checked"
    assert body["intact"] == (on_disk == SOUND)
    assert (body["fault"] is None) == (on_disk == SOUND)
    assert (await verify(take.database, VIEWS)).fault is None


async def test_a_recording_whose_start_was_lost_is_not_checked(take: Taking) -> None:
    """Nobody knows its file; the facts go on."""
    closed = {"recording_id": "R1", "sha256": "ab", "duration_s": 9.5, "bytes": 4}
    take.switch.spool(ARRIVED, spooled(3, "calls.recording-closed", closed))
    await take.until_done()
    assert await take.database.all("select 1 from procrastinate_jobs") == []


async def test_what_the_switch_says_is_told_in_our_words(take: Taking) -> None:
    """No of the rules, a request that is wrong and a part that is down need different answers."""
    take.switch.answers = {
        "ready": {"fine": True},
        "answer": rpc.Failure("call-already-answered", "C1"),
        "not_ready": rpc.Failure("bad-request", "Invalid enum value 'tired'"),
        "hold": rpc.Failure("bug", "the operation failed"),
    }

    async def connected() -> bool:
        return take.board.client.connected

    await take.until(connected)
    assert await take.board.command("ready", seat_id="M1") == {"fine": True}
    with pytest.raises(Refused) as refused:
        await take.board.command("answer")
    assert refused.value.code is Refusal.CALL_ALREADY_ANSWERED
    with pytest.raises(Invalid, match="tired"):
        await take.board.command("not_ready")
    with pytest.raises(Unavailable, match="switch: bug"):
        await take.board.command("hold")


async def test_a_switch_that_is_down_is_told_as_such(database: Database, tmp_path: Path) -> None:
    """The console must say that telephony is down, not that the key did nothing."""
    board = Switchboard(str(tmp_path / "nowhere.sock"), database, VIEWS)
    with pytest.raises(Unavailable, match="switch"):
        await board.state()


# ---- who goes first ---------------------------------------------------------------------------


def arrived(number: int, ago: timedelta) -> Any:
    """Call ``C<number>`` of the one caller, so long ago."""
    at = (clock.now() - ago).isoformat()
    return {**ARRIVED, "id": f"A{number}", "at": at, "stream": f"call/C{number}"}


def given_up(number: int) -> Any:
    """Nobody answered it."""
    body = {"outcome": "abandoned", "by": "caller", "reason": "hung-up", "status": None}
    at = clock.now().isoformat()
    return spooled(number, "calls.call-ended", body, at=at, stream=f"call/C{number}")


def advice(take: Taking) -> list[dict[str, Any]]:
    """What the switch was told of who goes first."""
    return [arguments for op, arguments in take.switch.asked if op == "set_precedence"]


AGAIN = {"call_id": "C3", "precedence": 2, "reason": "call-back"}


async def test_a_caller_who_was_lost_is_let_go_first(take: Taking) -> None:
    """Given a call that nobody answered; when its number calls again; then the switch is told so,
    once; an ordinary first call is told nothing."""
    take.switch.answers = {"set_precedence": None}
    take.switch.spool(arrived(1, timedelta()), given_up(1), arrived(3, timedelta()))
    await take.until_done()
    await take.until_asked(1)
    assert advice(take) == [AGAIN]


async def test_a_call_that_was_taken_over_late_is_told_nothing(take: Taking) -> None:
    """Given facts that waited while the log was away; then nobody moves a queue by what was true
    an hour ago."""
    take.switch.spool(arrived(1, timedelta()), given_up(1), arrived(3, timedelta(minutes=2)))
    await take.until_done()
    await take.until_recorded("C3")
    assert advice(take) == []


@pytest.mark.parametrize(
    "said",
    [
        rpc.Failure("call-unknown", "C3"),
        rpc.Failure("bug", "the operation failed"),
        rpc.Failure("bad-request", "precedence"),
    ],
)
async def test_a_switch_that_takes_no_advice_holds_up_no_fact(
    take: Taking, said: rpc.Failure
) -> None:
    """Given a call that was answered meanwhile, or a switch that cannot; then what comes after it
    is recorded all the same, in order."""
    take.switch.answers = {"set_precedence": said}
    queued = spooled(4, "calls.call-queued", stream="call/C3")
    take.switch.spool(arrived(1, timedelta()), given_up(1), arrived(3, timedelta()), queued)
    await take.until_done()
    assert advice(take) == [AGAIN]
    assert [tag for stream, tag, _ in await take.logged() if stream == "call/C3"] == [
        "calls.call-arrived",
        "calls.call-queued",
    ]


async def test_a_switch_that_does_not_answer_costs_the_log_a_second(
    take: Taking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a switch that hangs at the advice; then it is given up and the facts go on."""
    monkeypatch.setattr(switchboard, "ADVICE_S", 0.05)
    take.switch.hangs.add("set_precedence")
    queued = spooled(4, "calls.call-queued", stream="call/C3")
    take.switch.spool(arrived(1, timedelta()), given_up(1), arrived(3, timedelta()), queued)
    await take.until_done()
    await take.until_recorded("C3", "calls.call-queued")
    assert advice(take) == [AGAIN]
