"""A fact that cannot be read is set aside and told; those behind it go on."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import NoReturn

import msgspec
import pytest
from test_spool import RESERVE, Disk, fact, full, ids, names, quick, until, with_reserve

from tahuri.telephony.spool import damage, segments
from tahuri.telephony.spool import spool as spool_module
from tahuri.telephony.spool.damage import Damage
from tahuri.telephony.spool.spool import Spool

__all__ = ["quick"]


class Reader:
    """Takes facts as `serve` does: from the beginning, and says of each batch that it has it."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.taken: list[str] = []
        self.told: list[Damage] = []
        self.asked = 0
        spool.on_damage = self.told.append
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.spool.wait(0, 5)
            self.asked += 1
            try:
                found = self.spool.after(0, 3)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            self.taken += [msgspec.json.decode(raw)["id"] for _, raw in found]
            if found:
                self.spool.forget(found[-1][0])
            await asyncio.sleep(0)

    async def until(self, *taken: str) -> None:
        async with asyncio.timeout(5):
            while self.taken != list(taken):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


@contextlib.asynccontextmanager
async def reading(spool: Spool) -> AsyncIterator[Reader]:
    reader = Reader(spool)
    try:
        yield reader
    finally:
        await reader.stop()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few facts, and few of them in memory."""
    monkeypatch.setattr(segments, "SEGMENT_BYTES_MAX", 1500)
    monkeypatch.setattr(spool_module, "RECENT_FACTS_MAX", 2)


async def filled(folder: Path, count: int) -> list[Path]:
    """Files of a spool that was stopped with so many facts, the oldest first."""
    spool = Spool(folder)
    for number in range(count):
        spool.append(fact(number))
    await spool.close()
    return sorted(folder.glob("*.facts"))


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "quarantine").glob("*")}


def line_with(segment: Path, name: str) -> bytes:
    lines = segment.read_bytes().split(b"\n")
    return next(line for line in lines if f'"{name}"'.encode() in line)


def whole_but_no_fact(line: bytes) -> bytes:
    """A line of the same place whose checksum is right."""
    position = int(line.split(b" ")[1])
    return segments.line_of(position, b'{"id": "F4", ' + b"x" * 60).rstrip(b"\n")


@pytest.mark.parametrize(
    ("spoil", "lost"),
    [
        (lambda line: line.replace(b'"F4"', b'"X4"'), ["F4"]),
        (lambda line: line[: len(line) // 2], ["F4"]),
        (lambda line: bytes(len(line)), ["F4"]),
        (lambda line: b"\xff\n\n\xfe" + line[4:], ["F4"]),
        (whole_but_no_fact, ["F4"]),
    ],
    ids=["rotten", "half", "zeros", "split", "no fact"],
)
async def test_a_fact_that_cannot_be_read_is_set_aside_and_those_behind_it_go_on(
    tmp_path: Path, spoil: object, lost: list[str]
) -> None:
    """Given a line that rotted in the middle of the spool and a reader that follows; then the
    reader has every other fact in order, one piece is told with its place before any fact behind it
    is given, and the file is kept whole when the log has the rest and the spool drops it."""
    assert callable(spoil)
    first, *_ = await filled(tmp_path, 24)
    line = line_with(first, "F4")
    before = first.read_bytes()
    first.write_bytes(spoiled := before.replace(line, spoil(line)))
    spool = Spool(tmp_path)
    async with reading(spool) as reader:
        await reader.until(*(name for name in names(0, 24) if name not in lost))
        spool.append(fact(24))
        async with asyncio.timeout(5):
            while reader.taken[-1] != "F24":  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    (one,) = reader.told
    assert (one.file, one.first, one.last, one.reason) == (first.name, 5, 5, "checksum")
    assert spoiled[one.at : one.at + one.size] in spoiled
    assert one.at == before.index(line)
    assert not first.exists()
    assert kept(tmp_path) == {first.name: spoiled}
    await spool.close()


async def test_damage_that_grows_is_told_as_far_as_it_has_come(tmp_path: Path) -> None:
    """Given a line that rotted and was told; when the one behind it rots as well, before the log
    has it; then that is told too."""
    first, *_ = await filled(tmp_path, 24)
    first.write_bytes(first.read_bytes().replace(b'"F4"', b'"X4"'))
    spool = Spool(tmp_path)
    told: list[Damage] = []
    spool.on_damage = told.append
    assert ids(spool, limit=3) == names(0, 3)
    ids(spool, after=15, limit=1)  # another file is read, and this one forgotten
    first.write_bytes(first.read_bytes().replace(b'"F5"', b'"X5"'))
    assert ids(spool) == [name for name in names(0, 24) if name not in ("F4", "F5")]
    assert [(one.at == told[0].at, one.first, one.last) for one in told] == [
        (True, 5, 5),
        (True, 5, 6),
    ]
    await spool.close()


async def test_lines_that_ran_together_are_one_piece_with_both_their_places(tmp_path: Path) -> None:
    """An end of line that rotted costs two facts: both are named."""
    first, *_ = await filled(tmp_path, 24)
    line = line_with(first, "F4")
    first.write_bytes(first.read_bytes().replace(line + b"\n", line + b"\r"))
    spool = Spool(tmp_path)
    async with reading(spool) as reader:
        await reader.until(*(name for name in names(0, 24) if name not in ("F4", "F5")))
    assert [(one.first, one.last) for one in reader.told] == [(5, 6)]
    await spool.close()


async def test_a_line_that_a_power_cut_left_half_is_told_and_its_place_is_not_given_again(
    tmp_path: Path,
) -> None:
    """Given half a line at the end; when the switch starts; then it is kept and told, not cut off,
    and what comes next stands on a line and at a place of its own; told again after the next kill
    it is the same piece."""
    *_, newest = await filled(tmp_path, 5)
    newest.write_bytes(newest.read_bytes()[:-20])
    spool = Spool(tmp_path)
    told: list[Damage] = []
    spool.on_damage = told.append
    spool.append(fact(9))
    assert ids(spool) == [*names(0, 4), "F9"]
    assert [(one.first, one.last) for one in told] == [(5, 5)]
    assert spool.end == 6
    await spool.close()
    again = Spool(tmp_path)
    twice: list[Damage] = []
    again.on_damage = twice.append
    assert ids(again) == [*names(0, 4), "F9"]
    assert twice == told
    assert list(kept(tmp_path)) == [newest.name]
    await again.close()


async def test_half_a_line_whose_fact_was_written_anew_is_no_damage(tmp_path: Path) -> None:
    """A full disk cut it short, and could not even take it back: nothing is lost by it."""
    spool = Spool(tmp_path)
    spool.append(fact(0))
    with pytest.MonkeyPatch.context() as patch, full(taken=70):
        patch.setattr(os, "ftruncate", bad_block)
        spool.append(fact(1))
    await until(spool, lambda: not spool.unwritten)
    spool.append(fact(2))
    await spool.close()
    again = Spool(tmp_path)
    told: list[Damage] = []
    again.on_damage = told.append
    assert ids(again) == names(0, 3)
    assert (told, kept(tmp_path)) == ([], {})
    await again.close()


def bad_block(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EIO, "bad block")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Files of which the disk gives no block any more."""
    bad: set[Path] = set()
    whole, read = Path.open, os.pread

    def opens(path: Path, *how: object, **more: object) -> object:
        if path in bad:
            bad_block()
        return whole(path, *how, **more)  # type: ignore[call-overload]

    def reads(file: int, size: int, at: int) -> bytes:
        if Path(os.readlink(f"/proc/self/fd/{file}")) in bad:
            bad_block()
        return read(file, size, at)

    monkeypatch.setattr(Path, "open", opens)
    monkeypatch.setattr(os, "pread", reads)
    return bad


async def test_a_bad_block_is_asked_again_and_then_left_behind(
    tmp_path: Path, failing: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a segment that the disk does not give; then for some seconds it is tried, as a disk
    may come back; then what stood in it is told, and the facts of the next segment go on."""
    first, second, *_ = await filled(tmp_path, 24)
    begin = int(second.stem)
    failing.add(first)
    spool = Spool(tmp_path)
    async with reading(spool) as reader:
        async with asyncio.timeout(5):
            while reader.asked < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert (reader.taken, reader.told) == ([], [])
        monkeypatch.setattr(segments, "BAD_BLOCK_S", 0.0)
        await reader.until(*names(begin - 1, 24))
    assert [(one.first, one.last, one.reason) for one in reader.told] == [(1, begin - 1, "disk")]
    failing.clear()
    assert list(kept(tmp_path)) == [first.name]
    await spool.close()


async def test_too_many_open_files_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over in a second must not cost the order of the facts."""
    await filled(tmp_path, 24)
    spool = Spool(tmp_path)

    def out_of_files(*_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(damage, "read_all", out_of_files)
        with pytest.raises(OSError, match="too many"):
            spool.after(0, 100)
    assert ids(spool) == names(0, 24)
    await spool.close()


async def test_a_reader_sleeps_when_only_what_is_unreadable_is_left(tmp_path: Path) -> None:
    """Given a last line that rotted; then the reader is not answered at once, over and over, and
    the next fact wakes it."""
    *_, newest = await filled(tmp_path, 5)
    newest.write_bytes(newest.read_bytes().replace(b'"F4"', b'"X4"'))
    spool = Spool(tmp_path)
    async with reading(spool) as reader:
        await reader.until(*names(0, 4))
        asked = reader.asked
        await asyncio.sleep(0.1)
        assert reader.asked <= asked + 1
        spool.append(fact(7))
        await reader.until(*names(0, 4), "F7")
    assert [(one.first, one.last) for one in reader.told] == [(5, 5)]
    await spool.close()


@pytest.mark.parametrize("links", [True, False])
async def test_what_has_no_second_name_yet_stays_under_its_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Given a disk too full for a name, or a filesystem without second names; then the damaged file
    stays until it has one, or moves."""
    first, *_ = await filled(tmp_path, 24)
    first.write_bytes(first.read_bytes().replace(b'"F4"', b'"X4"'))
    spool = Spool(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", bad_block)
        if links:
            patch.setattr(Path, "mkdir", bad_block)
        ids(spool)
        spool.forget(20)
        assert first.exists() == links
    spool.forget(22)
    assert not first.exists()
    assert list(kept(tmp_path)) == [first.name]
    await spool.close()


async def test_another_file_of_the_same_name_takes_nothing_out_of_the_quarantine(
    tmp_path: Path,
) -> None:
    """A spool that was made anew counts its places from 1 again."""
    for _ in range(2):
        first, *_rest = await filled(tmp_path, 5)
        first.write_bytes(first.read_bytes().replace(b'"F2"', b'"X2"'))
        spool = Spool(tmp_path)
        assert ids(spool) == ["F0", "F1", "F3", "F4"]
        await spool.close()
        first.unlink()
        (tmp_path / "done").unlink()
    assert len(kept(tmp_path)) == 2


async def test_a_spool_that_is_rotten_throughout_is_told_in_few_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fact for each of a million lines would be a flood of its own."""
    monkeypatch.setattr(damage, "PIECES_MAX", 3)
    first, *_ = await filled(tmp_path, 12)
    lines = first.read_bytes().split(b"\n")
    first.write_bytes(b"\n".join(one if n % 2 else b"rot " + one for n, one in enumerate(lines)))
    spool = Spool(tmp_path)
    told: list[Damage] = []
    spool.on_damage = told.append
    ids(spool)
    assert len(told) == 3
    assert (told[-1].first, told[-1].last) > (told[1].last, told[1].last)
    await spool.close()


@pytest.mark.parametrize("where", ["content", "first line", "places"])
async def test_a_rotten_line_of_the_reserve_is_copied_before_it_is_written_over(
    tmp_path: Path, quick: None, where: str
) -> None:
    """Given facts of a full disk in the reserve, of which one rotted; when there is room again;
    then the others are in the segments, and the rotten bytes in the quarantine."""
    first = await with_reserve(tmp_path)
    with full():
        for number in range(9):
            first.append(fact(number))
        await first.close()
    name = {"content": b'"F4"', "first line": b'"F0"', "places": b" 5 "}[where]
    reserve = tmp_path / "reserve"
    content = reserve.read_bytes()
    reserve.write_bytes(content.replace(name, b"?" * len(name), 1))
    spool = Spool(tmp_path, RESERVE)
    told: list[Damage] = []
    spool.on_damage = told.append
    await until(spool, lambda: spool.full_since is None)
    gone = 0 if where == "first line" else 4
    assert ids(spool) == [one for one in names(0, 9) if one != f"F{gone}"]
    assert [(one.file, one.first, one.last) for one in told] == [("reserve", gone + 1, gone + 1)]
    ((_, piece),) = kept(tmp_path).items()
    assert content.replace(name, b"?" * len(name), 1).count(piece) == 1
    await spool.close()


async def test_a_last_line_of_the_reserve_that_rotted_is_not_written_over(
    tmp_path: Path, quick: None
) -> None:
    """The next fact of the full disk goes behind it."""
    first = await with_reserve(tmp_path)
    with full():
        for number in range(3):
            first.append(fact(number))
        reserve = tmp_path / "reserve"
        reserve.write_bytes(reserve.read_bytes().replace(b'"F2"', b'"X2"'))
        spool = Spool(tmp_path, RESERVE)
        told: list[Damage] = []
        spool.on_damage = told.append
        spool.append(fact(3))
        assert ids(spool) == ["F0", "F1", "F3"]
        assert [(one.first, one.last) for one in told] == [(3, 3)]
        assert b'"X2"' in reserve.read_bytes()
    await until(spool, lambda: spool.full_since is None)
    assert ids(spool) == ["F0", "F1", "F3"]
    await first.close()
    await spool.close()


@pytest.mark.parametrize("rotten", [["F8"], names(1, 9)])
async def test_a_reserve_that_ends_in_rotten_lines_is_emptied_all_the_same(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch, rotten: list[str]
) -> None:
    """Given lines that cannot be moved at its end, more than go in one step; then the disk counts
    as mended, and what comes next goes to the segments."""
    monkeypatch.setattr(spool_module, "MOVED_AT_ONCE", 2)
    first = await with_reserve(tmp_path)
    with full():
        for number in range(9):
            first.append(fact(number))
        await first.close()
    reserve = tmp_path / "reserve"
    content = reserve.read_bytes()
    for name in rotten:
        content = content.replace(f'"{name}"'.encode(), b'"XX"')
    reserve.write_bytes(content)
    spool = Spool(tmp_path, RESERVE)
    await until(spool, lambda: spool.full_since is None)
    assert spool.reserve_left == RESERVE
    spool.append(fact(9))
    assert ids(spool) == [*(name for name in names(0, 9) if name not in rotten), "F9"]
    await spool.close()


async def test_damage_in_the_segments_hides_nothing_of_the_reserve(
    tmp_path: Path, quick: None, failing: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a disk that filled up and then fails, and a kill; then the places of facts that can no
    longer be read are not taken for those of the facts in the reserve."""
    monkeypatch.setattr(segments, "BAD_BLOCK_S", 0.0)
    first = await with_reserve(tmp_path)
    first.append(fact(0))
    with full():
        for number in range(1, 6):
            first.append(fact(number))
        failing.add(tmp_path / f"{1:020d}.facts")
        spool = Spool(tmp_path, RESERVE)
        told: list[Damage] = []
        spool.on_damage = told.append
        assert ids(spool) == names(1, 6)
    await until(spool, lambda: spool.full_since is None)
    failing.clear()
    assert ids(Spool(tmp_path, RESERVE)) == names(0, 6)
    await first.close()
    await spool.close()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("fills", [False, True])
async def test_whatever_rots_every_fact_is_given_or_told(
    tmp_path: Path, quick: None, seed: int, fills: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given bytes that change by chance in any segment while facts come, are taken, the switch is
    killed and the disk is full now and then; then each fact comes to the log, or stands among the
    places that were told."""
    monkeypatch.setattr(spool_module, "MOVED_AT_ONCE", 3)
    chance = Random(seed)
    spool = await with_reserve(tmp_path, RESERVE)
    disk = Disk(chance, monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    places: dict[str, int] = {}
    taken: list[str] = []
    told: list[Damage] = []
    spool.on_damage = told.append
    count = 0
    for _ in range(120):
        if fills and chance.random() < 0.15:
            disk.full = not disk.full
        if chance.random() < 0.4:
            await spool.tend()
        match chance.choices(("tell", "take", "rot", "kill"), (8, 3, 2, 1))[0]:
            case "tell":
                for _ in range(chance.randrange(1, 6)):
                    places[f"F{count}"] = spool.append(fact(count))
                    count += 1
            case "take":
                found = spool.after(0, chance.randrange(1, 6))
                taken += [msgspec.json.decode(raw)["id"] for _, raw in found]
                if found:
                    spool.forget(found[-1][0])
            case "rot":
                path = chance.choice(sorted(tmp_path.glob("*.facts")) or [None])
                if path is not None and (size := path.stat().st_size):
                    with path.open("r+b") as file:
                        file.seek(chance.randrange(size))
                        file.write(bytes([chance.randrange(256)]))
            case "kill":
                spool = Spool(tmp_path, RESERVE)
                spool.on_damage = told.append
    disk.full = False
    await until(spool, lambda: spool.full_since is None)
    while found := spool.after(0, 7):
        taken += [msgspec.json.decode(raw)["id"] for _, raw in found]
        spool.forget(found[-1][0])
    once = list(dict.fromkeys(taken))
    if not fills:  # else what rotted while the reserve had it as well comes later
        assert once == sorted(once, key=lambda name: int(name[1:]))
    known = {place for one in told for place in range(one.first, one.last + 1)}
    assert not {name for name, place in places.items() if name not in once and place not in known}
    await spool.close()
