"""How a centre comes up: what waits for the database, and what must not."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tahuri import up
from tahuri.centre import Centre
from tahuri.host.folder import DataFolder
from tahuri.host.secretfile import write_secret
from tahuri.host.supervisor import Part
from tahuri.kernel.refusal import Unavailable
from tahuri.settings import Settings
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
        self.running = Running(Centre(Settings(data=str(folder), **settings), data, pack), str)
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
        async def accounts(_: Running) -> dict[str, tuple[str, str]]:
            return {}

        await up._bring_up(self.running, accounts, self.at_once)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "EARLY_S", 0.01)


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
