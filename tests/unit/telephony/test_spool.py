"""Facts survive killed processes, torn lines and full disks."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tahuri.telephony import spool as spool_module
from tahuri.telephony.protocol.facts import CallQueued, Fact, fact_of
from tahuri.telephony.spool import Spool


def fact(number: int) -> Fact:
    """A fact with a number for its id."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return fact_of(f"F{number}", at, "call/C1", CallQueued(), {}, "switch")


def ids(spool: Spool, after: int = 0, limit: int = 100) -> list[str]:
    """Ids of the facts after a position."""
    return [msgspec.json.decode(raw)["id"] for _, raw in spool.after(after, limit)]


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
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES_MAX", 400)
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
    (tmp_path / "done").write_text("rubbish")
    assert Spool(tmp_path).done == 0


async def test_a_full_disk_keeps_facts_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go on with a full disk, and their facts are written when there is room again."""
    monkeypatch.setattr(spool_module, "UNWRITTEN_FACTS_MAX", 3)
    monkeypatch.setattr(spool_module, "RETRY_DISK_S", 0.01)
    spool = Spool(tmp_path)
    spool.append(fact(0))
    whole = os.write

    def full(file: int, content: bytes) -> int:
        return whole(file, content[:5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for number in range(1, 6):
            spool.append(fact(number))
        assert (spool.disk_full, spool.lost) == (True, 2)
        assert ids(spool) == ["F0", "F1", "F2", "F3"]
    spool.start()
    async with asyncio.timeout(5):
        while spool.disk_full:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await spool.close()
    assert ids(Spool(tmp_path)) == ["F0", "F1", "F2", "F3"]


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
