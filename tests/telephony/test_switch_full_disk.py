"""A disk that is really full: a small filesystem of its own, with no block left.

In memory, or ``TAHURI_FILESYSTEM=btrfs`` (ext4, xfs): made in a file, where its tools are there.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from centre import CALLER_HZ, SEAT_HZ, Centre, person, phone_seat, seated
from test_switch_faults import codes

DISK_BYTES = 40 << 20
IMAGE_BYTES = 320 << 20
FREED_S = 45 if os.environ.get("TAHURI_FILESYSTEM") else 15
"""btrfs gives back what is removed with its next commit, after up to 30 s."""
BLOCK = 4096
RESERVE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 40 MiB, or the least that its kind allows."""
    place, mount = tmp_path / "data", shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a filesystem")
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tahuri-test", str(place)]
    kind = os.environ.get("TAHURI_FILESYSTEM", "tmpfs")
    if kind != "tmpfs":
        image = tmp_path / "disk.img"
        with image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run([f"mkfs.{kind}", "-q", str(image)], check=True)
        options = ["-o", "loop", str(image), str(place)]
    if os.spawnv(os.P_WAIT, mount, [mount, *options]) != 0:
        pytest.skip("no filesystem may be mounted here")
    try:
        yield place
    finally:
        umount = shutil.which("umount") or "umount"
        os.spawnv(os.P_WAIT, umount, [umount, "-l", str(place)])


@contextlib.asynccontextmanager
async def full(place: Path) -> AsyncIterator[None]:
    """No block of the disk is free, and any that becomes so is taken at once."""
    filler = place / "filler"

    def eat() -> None:
        with filler.open("ab", buffering=0) as file:
            for size in (1 << 20, BLOCK):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    async def eat_for_ever() -> None:
        while True:
            eat()
            await asyncio.sleep(0.005)

    for number in range(100):  # ext4 counts what is free only roughly until little is left
        eat()
        try:
            (place / f"one-{number}").write_bytes(b"x")
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
            break
    else:
        pytest.fail("the disk is not full")
    eating = asyncio.create_task(eat_for_ever())
    try:
        yield
    finally:
        eating.cancel()
        filler.unlink()


@pytest.fixture
async def centre(small_disk: Path) -> AsyncIterator[Centre]:
    """A centre with one phone seat, on the small disk, whose reserves are made."""
    kept = small_disk / "journal" / "reserve"
    async with Centre(small_disk.parent, seats=[phone_seat("S1")]) as running:
        async with asyncio.timeout(10):
            while not await reserve_left(running) or not kept.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield running


async def reserve_left(centre: Centre) -> int:
    """Bytes."""
    answer = await centre.rpc.call("inventory")
    assert isinstance(answer, dict)
    return int(answer["reserve_left"])


async def told(centre: Centre) -> list[str]:
    """Ids of every fact that the spool holds, in order."""
    answer = await centre.rpc.call("facts", after=0, limit=500)
    assert isinstance(answer, dict)
    return [fact["id"] for _, fact in answer["facts"]]


async def test_facts_and_calls_of_a_full_disk_outlive_a_kill(
    centre: Centre, small_disk: Path
) -> None:
    """Given a call whose recording runs when the last block goes; then it goes on, its recording
    stops and says so; the next caller is answered as well, without a recording; the switch is
    killed and loses neither a fact nor a call; each call ends once; when there is room, the next
    call is recorded, every fact is still there, and from when to when is a fact."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        async with full(small_disk):
            await centre.fact("recording-failed", within_s=15)
            await caller.hears(SEAT_HZ)
            await seat.hears(CALLER_HZ)
            for _ in range(50):  # the last block of the spool is not full yet
                await centre.ask("S1", "hold")
                await centre.ask("S1", "resume")
                if "disk-filled" in await centre.types():
                    break
            await centre.fact("disk-filled", fault="full")
            call.hang_up()
            await centre.fact("call-ended")
            await centre.fact("recording-closed")  # short, and told as failed before
            call = await caller.dial()
            await seat.pick_up()
            await caller.hears(SEAT_HZ)
            await centre.fact("recording-failed", 2)
            assert {"spool-disk-full", "recording-failed"} <= codes(await centre.state())
            assert 0 < await reserve_left(centre) < RESERVE
            before = await told(centre)

            await centre.restart()  # kill -9
            assert (await told(centre))[: len(before)] == before
            assert not {"facts-lost", "spool-memory-only"} & codes(await centre.state())
            await caller.hears(SEAT_HZ)
            await seat.hears(CALLER_HZ)
            call.hang_up()
            await centre.fact("call-ended", 2)
            before = await told(centre)
        await centre.fact("disk-freed", within_s=FREED_S)
        assert await reserve_left(centre) == RESERVE
        assert (await told(centre))[: len(before)] == before
        await caller.dial()
        started = await centre.fact("recording-started", 2)
        await centre.restart()
        assert (await told(centre))[: len(before)] == before
        await centre.until_state(lambda state: "recording-failed" not in codes(state))
    kinds = await centre.types()
    assert kinds.count("call-arrived") == kinds.count("call-ended") + 1 == 3
    assert kinds.count("disk-filled") == kinds.count("disk-freed") == 1
    assert "call-refused" not in kinds
    assert centre.recording(started).stat().st_size > 0
