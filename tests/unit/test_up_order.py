"""How a centre comes up: what waits for the database, and what must not."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ports import free_port
from tahuri import up
from tahuri.centre import Centre
from tahuri.host.folder import DataFolder
from tahuri.host.secretfile import write_secret
from tahuri.host.supervisor import Part
from tahuri.kernel.refusal import Unavailable
from tahuri.settings import Settings, SettingsError
from tahuri.up import Running


class Parts:
    """A supervisor that starts nothing."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.told: list[str] = []

    async def start(self, part: Part) -> None:
        part.process = cast("Any", SimpleNamespace(terminate=lambda: self.told.append("again")))
        self.parts[part.name] = part
        self.told.append(part.name)

    async def stop(self) -> None:
        self.told.append("stop")


class Start:
    """A centre that comes up; its database is there when `there` is set."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        city = SimpleNamespace(number="112", country_code="62", area_code="21")
        pack = cast("Any", SimpleNamespace(city=city, folder=folder))
        data = DataFolder(folder)
        data.make()
        self.there = asyncio.Event()
        self.parts = Parts()
        self.said: list[str] = []
        self.faults: list[Exception] = []
        centre = Centre(Settings(data=str(folder), **settings), data, pack)
        self.running = Running(centre, self.said.append)
        nothing = SimpleNamespace(ready=self.ready)
        for name, instead in {
            "supervisor": self.parts, "ports": self.at_once, "ready": self.at_once,
            "prepare_city": lambda: None,
            "database": lambda: self.running._ready_at_last(cast("Any", nothing)),
        }.items():  # fmt: skip
            setattr(self.running, name, instead)

    async def at_once(self, *_: object) -> None:
        return

    async def ready(self) -> None:
        """Says so when it has waited for long, as the real one does."""
        try:
            async with asyncio.timeout(0.02):
                await self.there.wait()
        except TimeoutError as error:
            raise Unavailable("postgres", "did not start") from error

    async def bring_up(self) -> None:
        await up._bring_up(self.running, self.answering, self.at_once)

    async def answering(self, _: Running) -> dict[str, tuple[str, str]]:
        """Who answers at SIP seats: nobody has one."""
        if self.faults:
            raise self.faults.pop()
        return {}


class GivenStart(Start):
    """The same with a database of the city's own, at whose address nobody answers until then."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        url = f"postgresql://tahuri@127.0.0.1:{free_port()}/tahuri"
        super().__init__(folder, **{"database_url": url, **settings})
        self.running.database = self.database  # type: ignore[method-assign]

    async def database(self) -> None:
        if self.there.is_set():
            return
        waiting = asyncio.create_task(
            self.running._given_at_last(str(self.running.centre.settings.database_url))
        )
        came = asyncio.create_task(self.there.wait())
        done, _ = await asyncio.wait({waiting, came}, return_when=asyncio.FIRST_COMPLETED)
        for task in {waiting, came} - done:
            task.cancel()
        await asyncio.gather(*done)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EARLY_S", "AWAY_S", "AGAIN_S"):
        monkeypatch.setattr(up, name, 0.01)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("changed", [False, True])
async def test_callers_do_not_wait_for_a_database_that_a_full_disk_keeps_away(
    tmp_path: Path, changed: bool
) -> None:
    """Given a machine that starts with a full disk; then calls are taken with the settings of the
    last start, for as long as it takes; when the database comes, the rest follows, and a switch
    that is to be told something else is started again."""
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    assert first.parts.told == ["media", "switch", "serve", "work"]
    if changed:
        write_secret(tmp_path / "run" / "switch.json", {"of": "an account that has gone"})
    second = Start(tmp_path)
    coming = asyncio.create_task(second.bring_up())
    await until(lambda: second.parts.told == ["media", "switch"])
    await asyncio.sleep(0.05)  # longer than a database is waited for at once
    assert not coming.done()
    second.there.set()
    await coming
    again = ["again"] if changed else []
    assert second.parts.told == ["media", "switch", *again, "serve", "work"]


async def test_with_other_settings_nothing_is_begun_before_the_database(tmp_path: Path) -> None:
    """Nobody may be answered on the ports of yesterday, nor a first start go half-way."""
    with pytest.raises(Unavailable):
        await Start(tmp_path).bring_up()
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    other = Start(tmp_path, sip_port=5070)
    with pytest.raises(Unavailable):
        await other.bring_up()
    assert other.parts.told == []


async def test_a_start_that_is_given_up_leaves_no_wait_behind(tmp_path: Path) -> None:
    """Ctrl+C while the database does not come."""
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    second = Start(tmp_path)
    coming = asyncio.create_task(second.bring_up())
    await until(lambda: "switch" in second.parts.told)
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    for one in (first, second):
        await one.running.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_of_before_that_stops_slowly_keeps_no_caller_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a start right after a kill, while the former PostgreSQL still writes to a slow disk;
    then calls are taken as at the last start meanwhile."""
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    stopped = threading.Event()

    async def ready() -> None:
        return

    def server(_: DataFolder) -> Any:
        return SimpleNamespace(
            stop_left_over=lambda: stopped.wait(5), prepare=lambda _: None, forget_dead=None,
            command=lambda: ["postgres"], owner=None, ready=ready,
        )  # fmt: skip

    monkeypatch.setattr(up, "EmbeddedPostgres", server)
    second = Start(tmp_path)
    second.running.database = second.running._ours_at_last  # type: ignore[method-assign]
    coming = asyncio.create_task(second.bring_up())
    await until(lambda: second.parts.told == ["media", "switch"])
    stopped.set()
    await coming
    assert second.parts.told == ["media", "switch", "postgres", "serve", "work"]
    for one in (first, second):
        await one.running.stop()


async def test_a_given_database_that_is_away_keeps_no_caller_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a power cut after which the database's machine comes up later; then calls are taken as
    at the last start, it is said again and again, and when it comes the rest follows."""
    monkeypatch.setattr(up, "SAID_EVERY_S", 0.05)
    first = GivenStart(tmp_path)
    first.there.set()
    await first.bring_up()
    url = first.running.centre.settings.database_url
    second = GivenStart(tmp_path, database_url=url)
    coming = asyncio.create_task(second.bring_up())
    away = "database: cannot be reached: "
    taken = "; calls are taken as at the last start"
    await until(lambda: sum(line.endswith(taken) for line in second.said) > 3)
    assert second.said[0].startswith(away)
    assert second.said[-1].startswith(away)
    assert second.parts.told == ["media", "switch"]
    assert not coming.done()
    second.there.set()
    await coming
    assert second.parts.told == ["media", "switch", "serve", "work"]
    await first.running.stop()
    await second.running.stop()


async def test_a_given_database_that_is_away_at_a_first_start_or_with_other_settings_is_refused(
    tmp_path: Path,
) -> None:
    """Somebody sits there and may have misspelt the address; there is nothing to go on with."""
    with pytest.raises(SettingsError, match=r"^database_url: cannot be reached: "):
        await GivenStart(tmp_path).bring_up()
    first = GivenStart(tmp_path)
    first.there.set()
    await first.bring_up()
    other = GivenStart(tmp_path)
    with pytest.raises(SettingsError, match=r"^database_url: cannot be reached: "):
        await other.bring_up()
    assert other.parts.told == []
    await first.running.stop()


async def test_what_fails_when_calls_are_taken_is_said_and_tried_again_and_ends_no_call(
    tmp_path: Path,
) -> None:
    """Given a database that goes away again, a full disk, a bug; then the switch goes on."""
    start = Start(tmp_path)
    start.there.set()
    await start.bring_up()
    start.faults = [
        Unavailable("database", "went away"), OSError("no space left"), ZeroDivisionError(),
    ]  # fmt: skip
    await start.bring_up()
    assert [line for line in start.said if "not yet there" in line] == [
        "calls are taken; not yet there: ZeroDivisionError()",
        "calls are taken; not yet there: no space left",
        "calls are taken; not yet there: database: went away",
    ]
    assert start.parts.told == ["media", "switch", "serve", "work"]
    await start.running.stop()


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("database", "went away"),
        OSError("no space left"),
        SettingsError(["database_url: cannot be reached: wrong password"]),
        ZeroDivisionError(),
    ],
)
async def test_what_fails_before_calls_are_taken_lets_them_be_taken_as_before(
    tmp_path: Path, fault: Exception
) -> None:
    """Given a database that goes away or says no between two steps of a start, or a bug there; the
    second start, with settings that took calls before, takes them and goes on."""
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    second = Start(tmp_path)
    second.there.set()
    second.faults = [fault]
    await second.bring_up()
    assert second.parts.told == ["media", "switch", "serve", "work"]
    third = Start(tmp_path, sip_port=5070)
    third.there.set()
    third.faults = [fault]
    with pytest.raises(type(fault)):
        await third.bring_up()
    assert third.parts.told == []
    for one in (first, second):
        await one.running.stop()


async def test_new_settings_never_stand_beside_what_an_older_switch_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a start with other settings that a full disk ends half-way; then the next start takes
    no calls on the ports of yesterday in the belief that they are those of now."""
    first = Start(tmp_path)
    first.there.set()
    await first.bring_up()
    real = up.write_secret

    def full(file: Path, content: Any) -> None:
        if file.name == "switch.json":
            raise OSError("no space left")
        real(file, content)

    monkeypatch.setattr(up, "write_secret", full)
    second = Start(tmp_path, sip_port=5070)
    second.there.set()
    with pytest.raises(OSError, match="no space"):
        await second.bring_up()
    assert not Start(tmp_path, sip_port=5070).running.as_before
    assert not Start(tmp_path).running.as_before
    await first.running.stop()
