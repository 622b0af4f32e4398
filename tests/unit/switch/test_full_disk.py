"""What the switch says and keeps while its disk takes nothing."""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from switch_bench import Bench, bench, until

from tahuri.telephony.protocol.facts.centre import DiskFilled, DiskFreed, FactsLost, FactsSetAside
from tahuri.telephony.protocol.snapshot import Inventory, Snapshot
from tahuri.telephony.spool import spool as spool_module

MIB = 1 << 20


@contextmanager
def full() -> Iterator[None]:
    """A disk without a free block: nothing grows, what is there can be written over."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result([4096] * 4 + [0] * 7))
        yield


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "RETRY_DISK_S", 0.05)
    monkeypatch.setattr(spool_module, "CALM_S", 0.1)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch whose reserves are made."""
    async with bench(tmp_path, spool_reserve_mb=1) as one:
        core = one.switch.core
        await until(lambda: core.spool.reserve_left and not core.journal.reserve.missing)
        yield one


async def alarms(centre: Bench) -> dict[str, dict[str, float]]:
    """Code → numbers of the alarms that a supervisor sees."""
    state = cast("Snapshot", await centre.switch.answer("state", {}))
    return {alarm.code: alarm.numbers for alarm in state.alarms}


async def inventory(centre: Bench) -> Inventory:
    return cast("Inventory", await centre.switch.answer("inventory", {}))


async def test_a_call_of_a_full_disk_outlives_the_switch_and_has_one_end(centre: Bench) -> None:
    """Given a full disk and no recording; when a caller comes and the switch is started anew, both
    on the full disk; then the caller is still there, the call is told whole, once, and from when
    to when the disk was full is a fact."""
    centre.media.refuse["record"] = "disk-full"
    with full():
        call = await centre.call()
        await centre.told("call-queued")
        filled = (await centre.told("disk-filled")).opened()
        assert isinstance(filled, DiskFilled)
        assert filled.fault == "full"
        assert MIB - 20_000 < filled.reserve_bytes < MIB
        assert 100 < (await alarms(centre))["spool-disk-full"]["calls_left"] < 140
        assert "spool-memory-only" not in await alarms(centre)
        before = centre.facts()
        await centre.restart()
        assert centre.facts()[: len(before)] == before
        assert [one.phase for one in centre.switch.core.calls.values()] == ["queued"]
        assert not call.ended.is_set()
        call.hang_up()
        await centre.told("call-ended")
        assert (await inventory(centre)).disk_full_since is not None
        await centre.restart()
    freed = (await centre.told("disk-freed")).opened()
    assert isinstance(freed, DiskFreed)
    assert freed.since < freed.until
    assert abs((freed.since - before[0].at).total_seconds()) < 1
    once = {
        fact.id: fact.type.partition(".")[2] for fact in centre.facts()
    }  # an arrival is repeated
    kinds = list(once.values())
    assert [kinds.count(one) for one in ("call-arrived", "call-ended", "disk-filled")] == [1, 1, 1]
    assert "recording-failed" in kinds
    assert "spool-disk-full" not in await alarms(centre)


async def test_calls_are_let_in_while_disk_and_memory_take_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a full disk, no reserve and no memory left for facts; then callers are answered all
    the same, and how many facts were lost is a fact as soon as one can be kept."""
    monkeypatch.setattr(spool_module, "UNWRITTEN_FACTS_MAX", 2)
    async with bench(tmp_path, spool_reserve_mb=0) as centre:
        with full():
            call = await centre.call()
            call.hang_up()
            await until(lambda: not centre.switch.core.calls)
            told = await alarms(centre)
            assert told["spool-memory-only"] == {"facts": 2}
            assert told["facts-lost"]["facts"] == centre.switch.core.spool.lost > 0
            await centre.switch.stop()
        await centre.resume()  # what was in memory alone is lost with the process
        lost = (await centre.told("facts-lost")).opened()
        assert isinstance(lost, FactsLost)
        assert lost.facts == told["facts-lost"]["facts"] + 2
        assert "facts-lost" in await alarms(centre)
        assert centre.types().count("facts-lost") == 1


async def test_the_room_for_facts_is_shown_and_an_alarm_long_before_its_end(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a log that takes nothing; then half of the room is an alarm at the switch itself, which
    needs no log for it; when facts are taken it ends."""
    spool = centre.switch.core.spool
    seen = await inventory(centre)
    assert (seen.reserve_bytes, seen.reserve_left) == (MIB, MIB)
    assert (seen.spool_bytes_max, seen.disk_full_since) == (8192 * MIB, None)
    await centre.call()
    await centre.told("call-queued")
    assert (await inventory(centre)).spool_bytes == spool.size > 300
    assert "spool-filling" not in await alarms(centre)
    monkeypatch.setattr(spool, "bytes_max", spool.size * 2 - 2)
    assert (await alarms(centre))["spool-filling"]["percent"] == 50
    monkeypatch.setattr(spool, "bytes_max", spool.size * 2 + 2)
    assert "spool-filling" not in await alarms(centre)


async def test_a_rotten_line_of_the_spool_is_a_fact_with_its_place_and_told_once(
    tmp_path: Path,
) -> None:
    """Given facts of a call on their way to the log, of which one rotted while the switch was
    stopped; then the call goes on, every other fact is there, and what is lacking is told: once,
    though the next process finds it again."""
    async with bench(tmp_path) as centre:
        call = await centre.call()
        await centre.told("call-queued")
        before = [fact.id for fact in centre.facts()]
        await centre.switch.stop()
        segment = tmp_path / "data" / "spool" / f"{1:020d}.facts"
        whole = segment.read_bytes()
        lost = whole.split(b"\n")[1]
        segment.write_bytes(whole.replace(lost, lost.replace(b"call", b"cull")))
        await centre.resume()
        told = (await centre.told("facts-set-aside")).opened()
        assert isinstance(told, FactsSetAside)
        assert (told.file, told.at, told.first, told.last) == (
            segment.name,
            whole.index(lost),
            2,
            2,
        )
        await centre.restart()
        call.hang_up()
        await centre.told("call-ended")
        after = [fact.id for fact in centre.facts()]
        assert after[: len(before) - 1] == [before[0], *before[2:]]
        assert centre.types().count("facts-set-aside") == 1
        quarantined = tmp_path / "data" / "spool" / "quarantine" / segment.name
        assert lost.replace(b"call", b"cull") in quarantined.read_bytes()
