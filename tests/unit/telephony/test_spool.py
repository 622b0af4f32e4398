"""Facts survive killed processes, torn lines, full disks and disks that fail."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import msgspec
import pytest

from tahuri.telephony.protocol.facts import Fact, fact_of
from tahuri.telephony.protocol.facts.queue import CallQueued
from tahuri.telephony.spool import segments
from tahuri.telephony.spool import spool as spool_module
from tahuri.telephony.spool.damage import Damage
from tahuri.telephony.spool.spool import Spool

RESERVE = 64 << 10


def fact(number: int) -> Fact:
    """A fact with a number for its id."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return fact_of(f"F{number}", at, "call/C1", CallQueued(), {}, "switch")


def ids(spool: Spool, after: int = 0, limit: int = 100) -> list[str]:
    """Ids of the facts after a position."""
    return [msgspec.json.decode(raw)["id"] for _, raw in spool.after(after, limit)]


def names(begin: int, end: int) -> list[str]:
    """Ids of so many facts, without the last."""
    return [f"F{number}" for number in range(begin, end)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(spool_module, "RETRY_DISK_S", 0.0)
    monkeypatch.setattr(spool_module, "CALM_S", 0.0)
    monkeypatch.setattr(spool_module, "BUILD_EVERY_S", 0.0)


async def with_reserve(folder: Path, size: int = RESERVE, bytes_max: int = 1 << 30) -> Spool:
    """A spool whose reserve is made."""
    spool = Spool(folder, size, bytes_max)
    await until(spool, lambda: spool.reserve_left > 0)
    return spool


async def until(spool: Spool, condition: Callable[[], object]) -> None:
    """Tend the spool until it is so."""
    async with asyncio.timeout(5):
        while not condition():
            await spool.tend()
            await asyncio.sleep(0.001)


def bad_block(*_: object) -> NoReturn:
    """What a disk that fails says, whatever it is asked to do."""
    raise OSError(errno.EIO, "bad block")


@contextmanager
def full(taken: int = 0) -> Iterator[None]:
    """A disk without a free block: what would grow is cut after so many bytes."""
    whole = os.write

    def refuse(file: int, content: bytes) -> int:
        if not taken:
            raise OSError(errno.ENOSPC, "full")
        return whole(file, content[:taken])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result([4096] * 4 + [0] * 7))
        yield


async def test_facts_come_back_in_order_after_a_kill(tmp_path: Path) -> None:
    """A killed switch must still tell the log what it did."""
    first = Spool(tmp_path)
    for number in range(5):
        first.append(fact(number))
    second = Spool(tmp_path)  # the first was never closed
    assert ids(second) == ["F0", "F1", "F2", "F3", "F4"]
    assert second.append(fact(5)) == 6
    assert ids(second, after=4, limit=1) == ["F4"]
    assert msgspec.json.decode(second.after(5, 1)[0][1], type=Fact).opened() == CallQueued()
    await first.close()
    await second.close()


async def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    """Power fails in the middle of a write; the rest must stay readable."""
    first = Spool(tmp_path)
    first.append(fact(0))
    first.append(fact(1))
    await first.close()
    segment = next(tmp_path.glob("*.facts"))
    segment.write_bytes(segment.read_bytes()[:-7])
    second = Spool(tmp_path)
    assert ids(second) == ["F0"]
    second.append(fact(2))
    await second.close()
    assert ids(Spool(tmp_path)) == ["F0", "F2"]


async def test_a_damaged_line_does_not_hide_the_others(tmp_path: Path) -> None:
    """A bad block must cost one fact, not all."""
    first = Spool(tmp_path)
    for number in range(3):
        first.append(fact(number))
    await first.close()
    segment = next(tmp_path.glob("*.facts"))
    segment.write_bytes(segment.read_bytes().replace(b'"F1"', b'"XX"'))
    assert ids(Spool(tmp_path)) == ["F0", "F2"]


async def test_what_was_handed_over_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk must not fill with facts that the log has."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES_MAX", 400)
    monkeypatch.setattr(spool_module, "RECENT_FACTS_MAX", 2)
    first = Spool(tmp_path)
    for number in range(10):
        first.append(fact(number))
    assert ids(first, limit=3) == ["F0", "F1", "F2"]
    before = len(list(tmp_path.glob("*.facts")))
    first.forget(8)
    first.forget(99)
    assert ids(first) == ["F8", "F9"]
    assert len(list(tmp_path.glob("*.facts"))) < before
    await first.close()
    second = Spool(tmp_path)
    assert (second.done, second.end, ids(second)) == (8, 10, ["F8", "F9"])
    await second.close()


@pytest.mark.parametrize(
    ("content", "done"), [("3", 3), ("rubbish", 0), ("", 0), ("7" * 80, 0), ("x" * 79 + "\n", 0)]
)
async def test_what_is_done_is_read_as_older_versions_wrote_it_and_never_guessed(
    tmp_path: Path, content: str, done: int
) -> None:
    """Facts that come twice are counted once; facts taken for done that were not would be lost."""
    (tmp_path / "done").write_text(content)
    spool = Spool(tmp_path)
    assert (spool.done, spool.end, spool.full_since, spool.lost) == (done, done, None, 0)
    spool.append(fact(0))
    spool.forget(spool.end)
    await spool.close()
    assert Spool(tmp_path).done == done + 1


async def test_the_reserve_is_made_of_blocks_and_leaves_nothing_behind(
    tmp_path: Path, quick: None
) -> None:
    """Room that is only promised is gone when it is needed."""
    (tmp_path / "reserve.new").write_bytes(b"of a process that was killed while it made one")
    spool = await with_reserve(tmp_path, 3 << 20)
    file = tmp_path / "reserve"
    assert file.stat().st_blocks * 512 >= file.stat().st_size == 3 << 20
    assert spool.reserve_firm
    assert not (tmp_path / "reserve.new").exists()
    await spool.close()
    smaller = Spool(tmp_path, RESERVE)
    await until(smaller, lambda: file.stat().st_size == RESERVE)
    await smaller.close()
    none = Spool(tmp_path, 0)
    await until(none, lambda: not file.exists())
    await none.close()


async def test_a_reserve_for_which_there_is_no_room_is_made_later(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk that is all but full at the start; then facts are kept as ever, no block is
    taken from recordings for an attempt that cannot succeed, nothing is left of one that fails, the
    state says that there is no reserve, and it is made when there is room."""
    spool = Spool(tmp_path, RESERVE)
    tried: list[str] = []

    def little(_: object) -> os.statvfs_result:
        tried.append("looked")
        return os.statvfs_result([4096] * 4 + [(16 << 20) // 4096] + [0] * 6)

    def refuse(*_: object) -> None:
        tried.append("taken")
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        patch.setattr(os, "statvfs", little)
        await until(spool, lambda: len(tried) > 2)
        assert set(tried) == {"looked"}
        patch.undo()
        patch.setattr(os, "posix_fallocate", refuse)
        await until(spool, lambda: tried.count("taken") > 1)
        spool.append(fact(0))
        assert (spool.reserve_left, spool.fault) == (0, None)
        assert {path.name for path in tmp_path.iterdir()} <= {"done", f"{1:020d}.facts"}
    await until(spool, lambda: spool.reserve_left == RESERVE)
    assert ids(spool) == ["F0"]
    await spool.close()


async def test_a_filesystem_without_fallocate_gets_its_zeros_written(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks count, not how they came."""

    def unknown(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", unknown)
    spool = await with_reserve(tmp_path)
    assert spool.reserve_firm
    await spool.close()


async def test_facts_of_a_full_disk_survive_a_kill_in_the_reserve(
    tmp_path: Path, quick: None
) -> None:
    """Given a disk that fills up in the middle of a line; when the switch is killed, twice, and
    there is room again; then every fact is there once, in order, and the reserve is empty."""
    first = await with_reserve(tmp_path)
    first.append(fact(0))
    with full(taken=5):
        first.append(fact(1))
    with full():
        for number in range(2, 9):
            first.append(fact(number))
        assert (first.fault, first.unwritten, first.lost) == ("full", 0, 0)
        assert first.full_since is not None
        assert RESERVE - 2000 < first.reserve_left < RESERVE
        second = Spool(tmp_path, RESERVE)
        assert (second.fault, second.full_since) == ("full", first.full_since)
        assert ids(second) == names(0, 9)
        await second.tend()
        second.append(fact(9))
    third = Spool(tmp_path, RESERVE)
    assert third.end == 10
    assert third.append(fact(10)) == 11
    await until(third, lambda: third.full_since is None)
    assert (third.fault, third.reserve_left) == (None, RESERVE)
    assert third.full_until is not None
    third.append(fact(11))
    fourth = Spool(tmp_path, RESERVE)
    assert ids(fourth) == names(0, 12)
    assert (fourth.fault, fourth.full_since, fourth.reserve_left) == (None, None, RESERVE)
    for spool in (first, second, third):
        await spool.close()


async def test_a_switch_killed_while_the_reserve_is_emptied_loses_and_doubles_nothing(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving is copying, then one zero: whatever the moment of the kill."""
    monkeypatch.setattr(spool_module, "MOVED_AT_ONCE", 3)
    spool = await with_reserve(tmp_path)
    with full():
        for number in range(10):
            spool.append(fact(number))
    for round_ in range(4):
        await spool.tend()
        again = Spool(tmp_path, RESERVE)
        assert ids(again) == names(0, 10), round_
        assert again.end == 10
        await again.close()
    await until(spool, lambda: spool.fault is None)
    assert ids(spool) == names(0, 10)
    await spool.close()


async def test_a_fact_told_while_the_reserve_is_emptied_is_not_emptied_with_it(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may take its time over a sync; calls do not wait for it."""
    spool = await with_reserve(tmp_path)
    with full():
        spool.append(fact(0))
    syncing, told, sync = threading.Event(), threading.Event(), os.fsync

    def slow(file: int) -> None:
        syncing.set()
        assert told.wait(5)
        sync(file)

    monkeypatch.setattr(os, "fsync", slow)
    tending = asyncio.create_task(spool.tend())
    await asyncio.to_thread(syncing.wait, 5)
    spool.append(fact(1))
    assert spool.fault == "full"
    told.set()
    await tending
    await until(spool, lambda: spool.full_since is None)
    assert ids(Spool(tmp_path, RESERVE)) == ["F0", "F1"]
    await spool.close()


async def test_the_reserve_is_not_emptied_before_the_disk_has_what_stood_in_it(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk that takes the facts back but fails to keep them, and a power cut; then they
    are still in the reserve."""
    spool = await with_reserve(tmp_path)
    with full():
        for number in range(3):
            spool.append(fact(number))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", bad_block)
        for _ in range(3):
            await spool.tend()
        for segment in tmp_path.glob("*.facts"):
            os.truncate(segment, 0)
    assert set(ids(Spool(tmp_path, RESERVE))) == {"F0", "F1", "F2"}
    await spool.close()


async def test_the_reserve_used_a_second_time_shows_nothing_of_the_first(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given lines of an earlier use behind the new ones, even at the very same places; then they
    are not taken for facts."""
    spool = await with_reserve(tmp_path)
    spool.append(fact(0))
    with full():
        for number in range(10, 20):
            spool.append(fact(number))
        spool.forget(spool.end)  # the log has them: another machine's disk is not full
        assert spool.reserve_left == RESERVE
        for number in range(20, 24):
            spool.append(fact(number))
        again = Spool(tmp_path, RESERVE)
        assert ids(again) == names(20, 24)
        (tmp_path / "done").unlink()
        assert ids(Spool(tmp_path, RESERVE))[-4:] == names(20, 24)
    await spool.close()


async def test_a_torn_line_in_the_reserve_costs_that_line_alone(
    tmp_path: Path, quick: None
) -> None:
    """Killed, or without power, in the middle of a write in place."""
    spool = await with_reserve(tmp_path)
    with full():
        for number in range(3):
            spool.append(fact(number))
        place = RESERVE - spool.reserve_left
        with (tmp_path / "reserve").open("r+b") as file:
            file.seek(place - 9)
            file.write(bytes(9))
        again = Spool(tmp_path, RESERVE)
        assert ids(again) == ["F0", "F1"]
        again.append(fact(3))
        assert ids(Spool(tmp_path, RESERVE)) == ["F0", "F1", "F3"]


async def test_without_reserve_a_full_disk_keeps_facts_in_memory(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go on, their facts are written when there is room again, and what is lost is counted
    and stays counted through a kill, until it is told."""
    monkeypatch.setattr(spool_module, "UNWRITTEN_FACTS_MAX", 3)
    spool = Spool(tmp_path)
    spool.append(fact(0))
    with full(taken=5):
        for number in range(1, 6):
            spool.append(fact(number))
        assert (spool.unwritten, spool.lost) == (3, 2)
        assert ids(spool) == ["F0", "F1", "F2", "F3"]
        killed = Spool(tmp_path)
        assert (ids(killed), killed.lost, killed.untold) == (["F0"], 5, 5)
        assert killed.end == spool.end  # its places are not given a second time
        assert Spool(tmp_path).lost == 5
    await until(spool, lambda: not spool.unwritten)
    spool.told_lost(2)
    assert (spool.lost, spool.untold) == (2, 0)
    await spool.close()
    after = Spool(tmp_path)
    assert (ids(after), after.lost) == (["F0", "F1", "F2", "F3"], 0)


async def test_when_the_reserve_is_used_up_facts_wait_in_memory_in_their_order(
    tmp_path: Path, quick: None
) -> None:
    """The last resort must not mix the order up when there is room again."""
    spool = await with_reserve(tmp_path, 1024)
    with full():
        for number in range(20):
            spool.append(fact(number))
        assert 0 < spool.unwritten < 20
        assert spool.reserve_left < 200
    await until(spool, lambda: spool.full_since is None)
    assert (spool.unwritten, spool.lost) == (0, 0)
    assert ids(Spool(tmp_path)) == names(0, 20)
    await spool.close()


async def test_a_sync_that_fails_writes_the_same_facts_elsewhere(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed fsync the kernel forgets what it could not write (and says yes the next time):
    the facts must be on the disk even if nothing of that file is."""
    spool = await with_reserve(tmp_path)
    spool.append(fact(0))
    await spool.tend()
    spool.append(fact(1))
    spool.append(fact(2))
    sync, segments = os.fsync, list(tmp_path.glob("*.facts"))

    def fail(file: int) -> None:
        if os.fstat(file).st_ino == segments[0].stat().st_ino:
            bad_block()
        sync(file)

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(spool_module, "RETRY_DISK_S", 60.0)
    await spool.tend()
    assert spool.fault == "failing"
    os.truncate(segments[0], len(segments[0].read_bytes()) // 3 + 2)  # as after a power cut
    assert sorted({*ids(Spool(tmp_path, RESERVE))}) == ["F0", "F1", "F2"]
    await spool.close()


async def test_a_reserve_that_cannot_be_synced_is_written_again(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the disk has it, it is written with every attempt, and the fault is shown."""
    spool = await with_reserve(tmp_path)
    with full():
        spool.append(fact(0))
        sync = os.fsync
        monkeypatch.setattr(os, "fsync", bad_block)
        await spool.tend()
        assert spool.fault == "failing"
        with (tmp_path / "reserve").open("r+b") as file:
            file.write(bytes(20))  # what the kernel forgot
        await spool.tend()
        monkeypatch.setattr(os, "fsync", sync)
        await spool.tend()
        assert ids(Spool(tmp_path, RESERVE)) == ["F0"]
    await spool.close()


async def test_half_a_line_that_cannot_be_taken_back_spoils_no_other(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next line must not be glued to it."""
    spool = Spool(tmp_path)
    spool.append(fact(0))

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "no")

    with pytest.MonkeyPatch.context() as patch, full(taken=9):
        patch.setattr(os, "ftruncate", refuse)
        spool.append(fact(1))
    await until(spool, lambda: not spool.unwritten)
    spool.append(fact(2))
    assert ids(Spool(tmp_path)) == names(0, 3)
    monkeypatch.setattr(spool_module, "RECENT_FACTS_MAX", 1)
    assert ids(spool) == names(0, 3)
    await spool.close()


async def test_a_spool_that_nobody_takes_from_has_a_bound_and_goes_on_in_the_reserve(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a log that is away for so long that the spool has its share of the disk; then facts go
    on in the reserve and nothing is dropped; when the log takes facts, all is as before."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES_MAX", 1000)
    monkeypatch.setattr(spool_module, "ROOM_BYTES_MIN", 2000)
    spool = await with_reserve(tmp_path, RESERVE, bytes_max=5000)
    for number in range(60):
        spool.append(fact(number))
    assert (spool.fault, spool.unwritten, spool.lost) == ("limit", 0, 0)
    await spool.tend()
    stored = sum(path.stat().st_size for path in tmp_path.glob("*.facts"))
    assert 4500 < stored <= 5000
    assert spool.size == stored + RESERVE - spool.reserve_left
    assert ids(spool) == names(0, 60)
    spool.forget(30)
    await until(spool, lambda: spool.full_since is None)
    assert ids(Spool(tmp_path, RESERVE)) == names(30, 60)
    await spool.close()


async def test_a_start_reads_the_newest_segment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gigabytes that wait for the log must not keep callers waiting for the switch."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES_MAX", 1000)
    first = Spool(tmp_path)
    for number in range(60):
        first.append(fact(number))
    await first.close()
    read: list[Path] = []
    whole = Path.open

    def seen(path: Path, *how: Any, **more: Any) -> Any:
        read.append(path)
        return whole(path, *how, **more)

    monkeypatch.setattr(Path, "open", seen)
    second = Spool(tmp_path)
    assert [path.suffix for path in read].count(".facts") == 1
    assert second.end == 60
    assert ids(second) == names(0, 60)
    await second.close()


async def test_a_bad_block_keeps_no_switch_from_its_callers(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given files of the spool that cannot be read; then the switch starts, new facts get places
    that no old one had, and what may still be saved by people is left alone."""
    first = await with_reserve(tmp_path)
    first.append(fact(0))
    with full():
        first.append(fact(1))
    await first.close()
    segment, old = f"{1:020d}.facts", (tmp_path / "reserve").read_bytes()
    whole = Path.open

    def bad(path: Path, *how: Any, **more: Any) -> Any:
        if path.suffix == ".facts":
            bad_block()
        return whole(path, *how, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", bad)
        patch.setattr(os, "pread", bad_block)
        second = Spool(tmp_path, RESERVE)
    assert second.append(fact(2)) > first.end
    assert len(list(tmp_path.glob("*.facts"))) == 2
    assert (tmp_path / segment).stat().st_size > 0
    await until(second, lambda: second.reserve_left == RESERVE)
    assert (tmp_path / "quarantine" / "reserve").read_bytes() == old
    told: list[Damage] = []
    second.on_damage = told.append
    assert ids(second) == ["F0", "F2"]  # the disk gives it again
    assert [(one.file, one.first, one.reason) for one in told] == [
        (segment, 1, "disk"),
        ("reserve", 0, "disk"),
    ]
    await second.close()


async def test_a_reader_is_woken_by_a_new_fact(tmp_path: Path) -> None:
    """The console must see a call at once, not at the next poll."""
    spool = Spool(tmp_path)
    spool.start()
    waiting = asyncio.create_task(spool.wait(0, 5))
    await asyncio.sleep(0)
    spool.append(fact(0))
    async with asyncio.timeout(1):
        await waiting
    await spool.wait(0, 5)
    await spool.wait(1, 0.01)
    await spool.close()


async def test_a_reader_that_has_taken_everything_sleeps(tmp_path: Path) -> None:
    """A reader that asks from 0 must not be answered at once, over and over: it eats the core."""
    spool = Spool(tmp_path)
    spool.append(fact(0))
    spool.forget(1)
    waiting = asyncio.create_task(spool.wait(0, 5))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    spool.append(fact(1))
    await waiting
    await spool.close()


class Disk:
    """A disk that fills up and gets room again; syncing fails now and then, by a seed."""

    def __init__(self, chance: Random, patch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._chance = chance
        self._write, self._sync = os.write, os.fsync
        patch.setattr(os, "write", self.write)
        patch.setattr(os, "fsync", self.sync)

    def write(self, file: int, content: bytes) -> int:
        if not self.full:
            return self._write(file, content)
        if self._chance.random() < 0.5:
            return self._write(file, content[: self._chance.randrange(len(content))])
        raise OSError(errno.ENOSPC, "full")

    def sync(self, _file: int) -> None:
        if self._chance.random() < 0.05:
            bad_block()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [2000, 1 << 20])
async def test_whatever_disk_and_kills_do_no_fact_is_lost_uncounted(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, size: int, seed: int
) -> None:
    """Given a disk that fills up and gets room by chance, a log that takes facts by chance and
    kills at any moment; then every fact comes to the log, in the order in which they were told, or
    is counted as lost; and none is lost while the reserve has room."""
    chance = Random(seed)
    monkeypatch.setattr(segments, "SEGMENT_BYTES_MAX", 1500)
    monkeypatch.setattr(spool_module, "RECENT_FACTS_MAX", 4)
    monkeypatch.setattr(spool_module, "UNWRITTEN_FACTS_MAX", 6)
    monkeypatch.setattr(spool_module, "MOVED_AT_ONCE", 3)
    spool = await with_reserve(tmp_path, size)
    taken: list[str] = []
    told = 0
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(chance, patch)
        for _ in range(120):
            match chance.choices(("tell", "take", "tend", "disk", "kill"), (12, 2, 5, 2, 1))[0]:
                case "tell":
                    for _ in range(chance.randrange(1, 6)):
                        spool.append(fact(told))
                        told += 1
                case "take":
                    found = spool.after(0, chance.randrange(1, 9))
                    taken += [msgspec.json.decode(raw)["id"] for _, raw in found]
                    if found and chance.random() < 0.8:  # else `serve` dies before it says so
                        spool.forget(found[-1][0])
                case "tend":
                    await spool.tend()
                case "disk":
                    disk.full = not disk.full
                case "kill":
                    spool = Spool(tmp_path, size)
        disk.full = False
        await until(spool, lambda: spool.full_since is None)
        while found := spool.after(0, 7):
            taken += [msgspec.json.decode(raw)["id"] for _, raw in found]
            spool.forget(found[-1][0])
        await spool.close()
    once = list(dict.fromkeys(taken))
    assert told - len(once) <= spool.lost
    assert spool.lost == 0 or size == 2000
    assert once == sorted(once, key=lambda name: int(name[1:]))
