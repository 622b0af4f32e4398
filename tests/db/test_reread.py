"""Recordings read again years later: damage is found and repaired, what is lost is answered."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from watched import PRANK, Place, pages, post, watched

from s3_server import Server, running
from tahuri.app import VIEWS
from tahuri.calls import copying, repair
from tahuri.calls.copying import Copying
from tahuri.calls.events import LegalHoldSet, RecordingChecked
from tahuri.calls.faults import FaultCode
from tahuri.calls.places import ASIDE
from tahuri.calls.reread import Reading, recorded
from tahuri.calls.soundness import ORIGINAL
from tahuri.centre import Centre
from tahuri.city.records import CityPack
from tahuri.keeper import Keeper
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.ids import PersonalId, RecordingId
from tahuri.watchman import Watchman

SECRET = "not-in-any-log-3f9a"
BUCKET = "rekaman"
OLD = timedelta(days=400)


@pytest.fixture
async def place(database: Database, pack: CityPack, tmp_path: Path) -> AsyncIterator[Place]:
    async with watched(database, pack, tmp_path) as made:
        yield made


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with pages(place) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "bucket" / BUCKET).mkdir(parents=True)
    with running(Server(0, tmp_path / "bucket", "key", SECRET, versions=True)) as server:
        yield server


@pytest.fixture
def three(place: Place, store: Server) -> Place:
    """A centre with a second folder and a store."""
    place.settings = replace(
        place.settings,
        recordings_store=f"http://127.0.0.1:{store.server_address[1]}",
        recordings_store_bucket=BUCKET,
        recordings_store_key="key",
        recordings_store_secret=SECRET,
    )
    place.centre = Centre(place.settings, place.centre.folder, place.centre.pack)
    place.watchman = Watchman(place.centre, place.database, VIEWS, place.ask, grace_s=0)
    place.copy.mkdir()
    return place


async def kept(place: Place, age: timedelta = OLD, *more: Any) -> tuple[str, Path]:
    """An old recording, copied to wherever copies go."""
    call_id, file = await place.call(age, *more)
    for name in place.watchman.keeper.copiers:
        await place.watchman.keeper.copy(name)
    return call_id, file


def harm(file: Path, how: str) -> bytes:
    """The bytes that it has then."""
    if how == "gone":
        file.unlink()
        return b""
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    return file.read_bytes()


def places_of(place: Place, file: Path, store: Server | None = None) -> dict[str, Path]:
    path = file.relative_to(place.recordings)
    found = {ORIGINAL: file, "folder": place.copy / path}
    return found | ({"store": store.folder / BUCKET / path} if store is not None else {})


async def told(place: Place, call_id: str) -> list[tuple[str, str, Any]]:
    """(event, place, whether intact or from where) of what was said after the copies."""
    records = await place.database.all(
        "select type, body from facts where stream = %s and type = any(%s) order by seq",
        (f"call/{call_id}", ["calls.recording-checked", "calls.recording-repaired"]),
    )
    return [
        (
            type_.removeprefix("calls.recording-"),
            body["place"],
            body.get("intact", body.get("source")),
        )
        for type_, body in records
    ]


async def findings(place: Place, state: str = "open") -> set[tuple[str, str]]:
    await place.watchman.round()
    return set(
        await place.database.all(
            "select body ->> 'code', body ->> 'about' from view_rows where view = 'finding' "
            "and body ->> 'state' = %s and body ->> 'code' ~ '^(recording|cop)'",
            (state,),
        )
    )


@pytest.mark.parametrize("how", ["altered", "gone"])
@pytest.mark.parametrize("where", [ORIGINAL, "folder", "store"])
async def test_a_damaged_recording_is_found_and_repaired_from_a_sound_one(
    three: Place, store: Server, where: str, how: str
) -> None:
    """A tape that nobody plays for two years must still play in court.

    Given a recording at three places, damaged or gone at one; when they are read again; then the
    damage and the repair are facts, the sound one is back, the damaged one lies beside it, and a
    supervisor is told that the place damaged one; when they are read once more; then nothing new
    is said.
    """
    call_id, file = await kept(three)
    at = places_of(three, file, store)
    sound = file.read_bytes()
    harmed = harm(at[where], how)
    if where == "store":
        store.put(at[where], harmed or None)
    await three.watchman.keeper.reread()
    source = "folder" if where == ORIGINAL else ORIGINAL
    facts = [("checked", where, False), ("repaired", where, source)]
    assert await told(three, call_id) == facts
    assert {name: one.read_bytes() for name, one in at.items()} == dict.fromkeys(at, sound)
    beside = [one for one in at[where].parent.iterdir() if ASIDE in one.name]
    assert [one.read_bytes() for one in beside] == ([harmed] if harmed else [])
    recording = (await three.row(call_id))["recording"]
    assert (recording["intact"], recording["damaged"]) != (False, [])
    assert recording["damaged"] == []
    assert await findings(three) == {("recordings-repaired", where)}
    await three.watchman.keeper.reread()
    assert await told(three, call_id) == facts
    assert list(three.recordings.glob(".fetched-*")) == []


async def test_what_is_damaged_everywhere_stays_a_finding_until_somebody_answers_for_it(
    place: Place,
    http: httpx.AsyncClient,
) -> None:
    """Lost evidence must not go unnoticed, nor alarm for ever.

    Given a recording under legal hold, damaged at both places; when it is read again; then nothing
    is overwritten, one finding says that it is lost, also after the next looks; when a supervisor
    says why; then it is accepted with the reason; when somebody puts the sound one back and the
    next day comes; then both are sound and the finding is closed.
    """
    place.copy.mkdir()
    call_id, file = await kept(place, OLD, LegalHoldSet(reason=PersonalId("P9")))
    sound, about = file.read_bytes(), str(file.relative_to(place.recordings))
    at = places_of(place, file)
    harmed = {name: harm(one, "altered") for name, one in at.items()}
    for _ in range(2):
        await place.watchman.keeper.reread()
        assert await findings(place) == {("recording-lost", about)}
    assert {name: one.read_bytes() for name, one in at.items()} == harmed
    assert [one for one in file.parent.iterdir() if ASIDE in one.name] == []
    assert await told(place, call_id) == [
        ("checked", ORIGINAL, False),
        ("checked", "folder", False),
    ]
    answer = await post(
        http,
        "/api/findings/accept",
        {"finding_id": f"recording-lost:{about}", "reason": "Disk rusak, laporan 7/XI."},
    )
    assert answer.status_code == 200
    await place.watchman.keeper.reread()
    assert await findings(place) == set()
    assert await findings(place, "accepted") == {("recording-lost", about)}
    at["folder"].write_bytes(sound)
    place.watchman.keeper.repairer._next.clear()  # a day goes by
    await place.watchman.keeper.reread()
    await place.watchman.keeper.reread()
    assert {one.read_bytes() for one in at.values()} == {sound}
    assert await findings(place) == {("recordings-repaired", ORIGINAL)}
    assert await findings(place, "accepted") == set()


async def test_what_was_erased_does_not_come_back(
    three: Place, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair must not undo what the law says must go.

    Given a recording whose original is gone, with sound copies, and whose time is over; when it is
    erased in the moment in which the repair brings it back; then it is nowhere, nor is what was
    put aside, and the log has no repair; when all is read again; then nothing is said of it.
    """
    call_id, file = await kept(three, timedelta(days=100), PRANK)
    at = places_of(three, file, store)
    harm(at[ORIGINAL], "altered")
    repairer = three.watchman.keeper.repairer
    tell = repairer._log.tell

    async def erased_before(*args: Any) -> Any:
        await three.watchman.keeper.erase()
        return await tell(*args)

    monkeypatch.setattr(repairer._log, "tell", erased_before)
    await three.watchman.keeper.reread()
    for name in three.watchman.keeper.copiers:
        await three.watchman.keeper.copy(name)
    assert (await three.row(call_id))["recording"]["state"] == "erased"
    assert [one for one in three.recordings.rglob("*") if one.is_file()] == []
    assert [one for one in three.copy.rglob("*") if one.is_file()] == []
    assert not any(store.kept.values())
    assert await told(three, call_id) == [("checked", ORIGINAL, False)]
    await three.watchman.keeper.reread()
    assert await told(three, call_id) == [("checked", ORIGINAL, False)]
    assert await findings(three) == set()
    left = await three.database.all("select 1 from recording_reads")
    assert left == []


async def test_what_lies_aside_is_erased_with_its_recording(three: Place, store: Server) -> None:
    """A damaged recording is a recording: its time is over as well."""
    _, file = await kept(three, timedelta(days=100), PRANK)
    for name, one in places_of(three, file, store).items():
        harmed = harm(one, "altered")
        if name == "store":
            store.put(one, harmed)
        await three.watchman.keeper.repairer.round()
        await three.watchman.keeper.reread()
        assert [beside.read_bytes() for beside in one.parent.iterdir() if ASIDE in beside.name]
        await three.database.run("update recording_reads set read_at = null")
    await three.watchman.keeper.erase()
    for name in three.watchman.keeper.copiers:
        await three.watchman.keeper.copy(name)
    for root in (three.recordings, three.copy, store.folder):
        assert [one for one in root.rglob("*") if one.is_file()] == []
    assert not any(store.kept.values())


async def test_a_place_that_is_away_has_lost_nothing_and_is_asked_once(
    three: Place, store: Server
) -> None:
    """A store in maintenance must not fill the log with lost recordings, nor be called for each.

    Given five recordings and a damaged original, whose folder and store are then away; when they
    are read again; then nothing is said of the copies, the damage waits, and how far reading is
    says why; when they are back; then it is repaired.
    """
    for minutes in range(4):
        await kept(three, timedelta(days=40, minutes=minutes))
    call_id, file = await kept(three)
    sound = file.read_bytes()
    harm(file, "gone")
    away = three.copy.rename(three.copy.with_name("unplugged"))
    store.secret = "changed"
    store.asked.clear()
    await three.watchman.keeper.reread()
    assert await told(three, call_id) == [("checked", ORIGINAL, False)]
    by_place = {one.place: one for one in three.watchman.kept.reading}
    assert by_place["folder"].fault is not None
    assert by_place["folder"].fault.code is FaultCode.FOLDER_ABSENT
    assert by_place["store"].fault is not None
    assert by_place["store"].fault.code is FaultCode.WRONG_SECRET
    assert (by_place[ORIGINAL].unread, by_place["store"].unread) == (0, 5)
    assert len(store.asked) == 4  # HEAD and list, by the rereader and by the repair
    await findings(three)  # its day is looked at from now on
    assert ("recording-missing", str(file.relative_to(three.recordings))) in await findings(three)
    away.rename(three.copy)
    three.watchman.keeper.repairer._next.clear()
    await three.watchman.keeper.reread()
    assert file.read_bytes() == sound
    assert await findings(three) == {
        ("recordings-repaired", ORIGINAL), ("recordings-unread", "store"),
    }  # fmt: skip


@pytest.mark.parametrize("how", ["empty", "another"])
async def test_another_disk_in_the_places_stead_has_lost_nothing_until_somebody_says_so(
    place: Place, http: httpx.AsyncClient, how: str
) -> None:
    """A forgotten mount must not become a thousand lost recordings, nor a new disk stay empty.

    Given three recordings, and a second folder that is empty, or has other files alone; when all
    is read again; then the log says of no recording that it is gone, and a finding says that it is
    another place; when a supervisor says that the disk is new; then all three are brought there,
    and the finding is closed.
    """
    place.copy.mkdir()
    calls = [await kept(place, OLD - timedelta(days=days)) for days in range(3)]
    shutil.rmtree(place.copy)
    place.copy.mkdir()
    if how == "another":
        (place.copy / "lost+found").mkdir()
    for _ in range(2):
        await place.watchman.keeper.reread()
        assert [await told(place, call_id) for call_id, _ in calls] == [[], [], []]
        assert await strange(place) == [("open",)]
    erased, due = await place.call(timedelta(days=100), PRANK)
    await place.watchman.keeper.copy()
    waits = place.watchman.kept.copying
    assert waits is not None
    assert (waits.waiting, waits.fault and waits.fault.whole) == (1, True)
    assert [one for one in place.copy.rglob("*") if one.is_file()] == []
    body = {"finding_id": "place-strange:folder", "reason": "Disk baru, yang lama rusak."}
    assert (await post(http, "/api/findings/accept", body)).status_code == 200
    await place.watchman.keeper.reread()
    for call_id, file in calls:
        assert places_of(place, file)["folder"].read_bytes() == file.read_bytes()
        assert await told(place, call_id) == [
            ("checked", "folder", False), ("repaired", "folder", ORIGINAL),
        ]  # fmt: skip
    assert await strange(place) == [("closed",)]
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying == Copying()
    assert places_of(place, due)["folder"].is_file()
    assert (await place.row(erased))["recording"]["copied"] is True
    await place.watchman.keeper.reread()
    assert await strange(place) == [("closed",)]


async def test_a_sound_copy_on_the_right_disk_is_not_called_gone_because_another_is_there(
    place: Place,
) -> None:
    """Given a damaged recording whose sound copy lies on a disk in whose stead another is mounted;
    when it is to be repaired; then the log does not say that the copy is gone, nor that all is
    lost; when the right disk is back; then it is repaired from it."""
    place.copy.mkdir()
    await kept(place, OLD - timedelta(days=1))
    call_id, file = await kept(place)
    await place.watchman.keeper.reread()
    sound, away = file.read_bytes(), place.copy.with_name("unmounted")
    place.copy.rename(away)
    (place.copy / "lost+found").mkdir(parents=True)
    harm(file, "altered")
    keeper = place.watchman.keeper
    recording = await place.row(call_id)
    known = recorded(recording)
    assert known is not None
    await keeper.rereader.read(known, keeper.rereader._places[0], keeper.rereader._pace)
    await keeper.repairer.round()
    assert await told(place, call_id) == [("checked", ORIGINAL, False)]
    assert ("recording-lost", known.path) not in await findings(place)
    shutil.rmtree(place.copy)
    away.rename(place.copy)
    keeper.repairer._next.clear()
    await keeper.repairer.round()
    assert file.read_bytes() == sound


async def test_a_copy_on_an_unplugged_disk_is_not_called_erased(place: Place) -> None:
    """What the law says must go may not wait on a shelf under the name of "erased".

    Given an erased recording whose copy lies on a disk that is not mounted; when copies are
    erased; then the copy still waits; when the disk is back; then it is gone, and told as gone.
    """
    place.copy.mkdir()
    call_id, file = await kept(place, timedelta(days=100), PRANK)
    disk = place.copy.rename(place.copy.with_name("unplugged"))
    place.copy.mkdir()
    await place.watchman.keeper.erase()
    assert not file.exists()
    await place.watchman.keeper.copy()
    waits = place.watchman.kept.copying
    assert waits is not None
    assert (waits.to_erase, waits.fault and waits.fault.code) == (1, FaultCode.FOLDER_EMPTY)
    assert (await place.row(call_id))["recording"]["copied"] is True
    place.copy.rmdir()
    disk.rename(place.copy)
    half = places_of(place, file)["folder"].with_name(f".{file.name}.new")
    half.write_bytes(b"half of it")  # of a process that was killed
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying == Copying()
    assert (await place.row(call_id))["recording"]["copied"] is False
    assert [one for one in place.copy.rglob("*") if one.is_file()] == []


async def strange(place: Place) -> list[Any]:
    await place.watchman.round()
    return await place.database.all(
        "select body ->> 'state' from view_rows where view = 'finding' "
        "and body ->> 'code' = 'place-strange' and body ->> 'about' = 'folder'"
    )


async def test_what_a_store_locks_is_asked_for_seldom_and_holds_back_nothing(
    three: Place, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a store that locks what must be erased; when rounds go by; then it was asked to erase
    once, why stays to be read, and a recording that waits is copied; when the lock is gone and time
    has passed; then the recording goes from there too."""
    _, file = await kept(three, timedelta(days=100), PRANK)
    await three.watchman.keeper.erase()
    store.locked = True
    store.asked.clear()
    await three.watchman.keeper.copy("store")
    _, new = await three.call()
    for _ in range(2):
        await three.watchman.keeper.copy("store")
        told = three.watchman.kept.storing
        assert told is not None
        assert (told.waiting, told.to_erase, told.failing_since) == (0, 1, None)
        assert told.fault is not None
        assert told.fault.code is FaultCode.LOCKED
    path = f"/{BUCKET}/{file.relative_to(three.recordings)}"
    assert store.asked.count(f"DELETE {path}") == 2  # the object, and its first version
    store.locked = False
    monkeypatch.setattr(copying, "AGAIN_S", 0.0)
    await three.watchman.keeper.copy("store")
    assert three.watchman.kept.storing == Copying()
    left = {one for one, of in store.kept.items() if of}
    assert left == {places_of(three, new, store)["store"]}


async def test_one_broken_wire_ends_the_round(three: Place, store: Server) -> None:
    """A store that hangs must not be waited for once for each recording, while those behind wait.

    Given three recordings and a store that is there but hangs up on each; when a round copies; then
    it was tried with one of them, and it is said since when it fails; when the next fails too;
    then the time stands; when it takes them again; then all three are there and nothing fails.
    """
    for minutes in (20, 30, 40):
        await three.call(timedelta(minutes=minutes))
    store.mute = True
    begun = clock.now()
    await three.watchman.keeper.copy("store")
    first = three.watchman.kept.storing
    assert first is not None
    assert [one for one in store.asked if one.startswith("PUT")] == store.asked[-1:]
    assert first.failing_since is not None
    assert begun <= first.failing_since <= clock.now()
    assert (first.waiting, first.fault and first.fault.code) == (3, FaultCode.UNREACHABLE)
    await three.watchman.keeper.copy("store")
    again = three.watchman.kept.storing
    assert again is not None
    assert again.failing_since == first.failing_since
    await three.watchman.round()
    record = await three.database.one(
        "select body -> 'numbers' from view_rows where view = 'finding' "
        "and body ->> 'code' = 'copy-failing' and body ->> 'about' = 'recordings_store'"
    )
    assert record is not None
    assert record[0]["waiting"] == 3
    assert 0 < record[0]["failing_s"] < 60
    store.mute = False
    await three.watchman.keeper.copy("store")
    assert three.watchman.kept.storing == Copying()


async def test_each_is_read_within_the_period_the_oldest_first(
    place: Place,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given three recordings and room for one a round; when rounds go by; then the one that was
    never read comes first, then the others by age, and the limits say how many wait and how old the
    oldest reading is; when all are read; then none is due, and the day's fact says how many."""
    monkeypatch.setattr("tahuri.calls.reread.CALLS", 1)
    never, _ = await place.call(timedelta(days=33))
    old, _ = await place.call(timedelta(days=90))
    older, _ = await place.call(timedelta(days=200))
    for call_id in (old, older):
        checked = RecordingChecked(recording_id=RecordingId(f"R{call_id}"), intact=True)
        await place.write(f"call/{call_id}", checked)
    order = []
    for _ in range(4):
        await place.watchman.keeper.reread()
        now = clock.now() - timedelta(minutes=5)
        rows = await place.database.all(
            "select call_id from recording_reads where read_at > %s", (now,)
        )
        order += [one for (one,) in rows if one not in order]
        shown = (await http.get("/api/telephone")).json()
        if len(order) == 2:
            limits = {one["name"]: one for one in shown["limits"]}
            waits = limits["unread_original"]
            assert (waits["used"], waits["limit"]) == (1, 3)
            oldest = limits["reread_days_original"]
            assert (oldest["used"], oldest["limit"]) == (90.0, 30.0)
            await place.watchman.round()
            codes = {one["code"] for one in (await http.get("/api/telephone")).json()["findings"]}
            assert "recordings-unread" in codes
    assert order == [never, older, old]
    last = place.watchman.kept.reading[0]
    assert last == Reading(ORIGINAL, 3, 0, last.oldest_at, None, 2, 0)
    place.watchman.kept.reread_on = "yesterday"
    keeper = Keeper(place.centre, place.database, VIEWS, place.watchman.kept)  # work began anew
    await keeper.rereader.tell_day(await keeper.rereader.round(), "2026-11-28")
    facts = await place.database.all(
        "select stream, body ->> 'read', body ->> 'recordings' from facts "
        "where type = 'calls.recordings-reread' order by seq"
    )
    assert [one for one in facts if one[0] == "reread/original"] == [
        ("reread/original", "1", "3"), ("reread/original", "2", "3"),
    ]  # fmt: skip


async def test_a_recording_is_copied_while_another_is_read(place: Place) -> None:
    """Reading waits by itself between blocks: nothing else in ``work`` waits with it."""
    _, file = await place.call(OLD)
    place.copy.mkdir()
    slow = Keeper(
        Centre(replace(place.settings, recording_reread_mb_s=0.1), place.centre.folder,
               place.centre.pack),
        place.database, VIEWS, place.watchman.kept,
    )  # fmt: skip
    begun_s = clock.monotonic_s()
    reading = asyncio.create_task(slow.reread())
    await slow.copy()
    copied = place.copy / file.relative_to(place.recordings)
    assert hashlib.sha256(copied.read_bytes()).hexdigest()
    await reading
    assert clock.monotonic_s() - begun_s >= file.stat().st_size / 0.1e6 * 0.9


async def test_repairs_of_long_ago_are_not_told_any_more(place: Place) -> None:
    """A disk that damaged one last year is not why the telephone is degraded today."""
    place.copy.mkdir()
    _, file = await kept(place)
    harm(file, "gone")
    await place.watchman.keeper.reread()
    now = clock.now()
    assert await repair.repaired(place.database, now) == {ORIGINAL: 1}
    assert await repair.repaired(place.database, now + repair.TOLD) == {}


async def test_an_unwritten_log_costs_no_repair(place: Place) -> None:
    """Given a kill between the file and the fact of a repair; then the next reading finds it sound,
    and says so."""
    place.copy.mkdir()
    call_id, file = await kept(place)
    sound = file.read_bytes()
    harm(file, "altered")
    await place.watchman.keeper.rereader.round()
    file.write_bytes(sound)
    await place.watchman.keeper.reread()
    assert await told(place, call_id) == [
        ("checked", ORIGINAL, False), ("checked", ORIGINAL, True),
    ]  # fmt: skip
