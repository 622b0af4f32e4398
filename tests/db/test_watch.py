"""The watch over a real log and real files: what is harmed is found, what is mended is closed."""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import zipfile
from argparse import Namespace
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from watched import PRANK, Place, held, pages, post, watched

from tahuri import watching
from tahuri.app import VIEWS
from tahuri.callbacks.events import Cause, ItemOpened
from tahuri.calls import copying
from tahuri.calls.events import (
    CallArrived,
    CallEnded,
    CallLinked,
)
from tahuri.calls.export import MANIFEST, zip_faults
from tahuri.calls.keeping import sweep
from tahuri.city.records import CityPack
from tahuri.cli import recordings_verify
from tahuri.incidents.events import IncidentClosed, IncidentOpened
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import CallId, IncidentId, PersonalId
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.telephony import testcall
from tahuri.testlines import test_lines as lines_of
from tahuri.watch import queries
from tahuri.watchman import Watchman


@pytest.fixture
async def place(database: Database, pack: CityPack, tmp_path: Path) -> AsyncIterator[Place]:
    async with watched(database, pack, tmp_path) as made:
        yield made


@pytest.fixture
async def http(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """See ``pages``."""
    async with pages(place) as client:
        yield client


@pytest.mark.parametrize("harm", ["altered", "cut", "deleted"])
async def test_a_recording_that_is_harmed_by_hand_is_found_and_closed_when_mended(
    place: Place, harm: str
) -> None:
    """Somebody with the disk in hand must not be able to change evidence unseen.

    Given a recording that is as it was told; when it is altered, cut or deleted; then the next look
    opens a finding; when the file is put back; then the finding is closed.
    """
    _, file = await place.call()
    about = str(file.relative_to(place.recordings))
    assert await place.open() == set()
    whole = file.read_bytes()
    if harm == "deleted":
        file.unlink()
    else:
        file.write_bytes(whole[:-1] + b"x" if harm == "altered" else whole[:-3200])
    code = "recording-missing" if harm == "deleted" else "recording-altered"
    found = await place.open()
    assert (code, about) in found or ("recording-altered", about) in found
    assert {one for _, one in found} == {about}
    file.write_bytes(whole)
    await place.open()
    assert await place.open() == set()
    facts = await place.database.all(
        "select type from facts where stream like 'finding/%%' and stream like %s order by seq",
        (f"%{about}",),
    )
    kinds = [kind for (kind,) in facts]
    assert kinds.count("watch.finding-opened") == kinds.count("watch.finding-closed") > 0


async def test_an_old_recording_is_read_again_in_turn(place: Place) -> None:
    """Given a recording of last month, altered with its old time put back; when its turn comes;
    then it is found, and its row says that it is not intact."""
    call_id, file = await place.call(timedelta(days=30))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    then_s = (clock.now() - timedelta(days=30)).timestamp()
    os.utime(file, (then_s, then_s))
    assert await place.open() == set()
    await place.watchman.keeper.reread()
    about = str(file.relative_to(place.recordings))
    assert await place.open() == {("recording-altered", about)}
    assert (await place.row(call_id))["recording"]["intact"] is False


async def test_a_call_that_nobody_holds_is_found_and_closed_when_it_ends(place: Place) -> None:
    """Given a call in the log without an end; when the switch has it; then all is well; when it has
    not; then that is a finding; when the switch is away; then it stays; when the end comes; then it
    is closed."""
    call_id = new_id()
    await place.write(f"call/{call_id}", CallArrived(trunk="t", number_status="none"))
    place.inventory = held(call_id)
    assert await place.open() == set()
    place.inventory = held()
    assert await place.open() == {("call-without-end", call_id)}
    place.inventory = None
    assert await place.open() == {("call-without-end", call_id)}
    place.inventory = held()
    await place.write(f"call/{call_id}", CallEnded(outcome="abandoned", by="failure"))
    assert await place.open() == set()


async def test_a_difference_of_a_moment_is_no_finding(place: Place) -> None:
    """Given a grace of 90 s; when a difference is seen once; then nothing is told."""
    place.watchman = Watchman(place.centre, place.database, VIEWS, place.ask, grace_s=90)
    await place.write(f"call/{new_id()}", CallArrived(trunk="t", number_status="none"))
    assert await place.open() == set()
    assert await place.open() == set()


async def test_a_file_of_no_call_is_found(place: Place) -> None:
    """A recording that was slipped in is no evidence."""
    _, file = await place.call()
    shutil.copy(file, file.with_name(f"{new_id()}.wav"))
    assert {code for code, _ in await place.open()} == {"recording-of-nobody"}


async def test_an_accepted_finding_alarms_no_longer(place: Place, http: httpx.AsyncClient) -> None:
    """Given a recording that is gone for good; when a supervisor says why; then it is no reason
    any more; a call taker may not say so, and an empty reason is refused by its field."""
    _, file = await place.call()
    file.unlink()
    ((code, about),) = await place.open()
    body = {"finding_id": f"{code}:{about}", "reason": "Disk rusak, laporan 7/XI."}
    assert (await post(http, "/api/findings/accept", body, "taker")).status_code == 403
    empty = await post(http, "/api/findings/accept", {**body, "reason": " "})
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "reason")
    strange = await post(http, "/api/findings/accept", {**body, "finding_id": "x:y"})
    assert strange.json()["errors"][0]["field"] == "finding_id"
    reasons = (await http.get("/api/telephone")).json()["verdict"]["reasons"]
    assert code in {one["code"] for one in reasons}
    assert (await post(http, "/api/findings/accept", body)).status_code == 200
    shown = (await http.get("/api/telephone")).json()
    assert code not in {one["code"] for one in shown["verdict"]["reasons"]}
    kept = next(one for one in shown["findings"] if one["about"] == about)
    assert (kept["state"], kept["reason_text"]) == ("accepted", "Disk rusak, laporan 7/XI.")
    assert await place.open() == set()


async def test_a_dead_trunk_and_a_dead_edge_are_told_with_their_line(
    place: Place, http: httpx.AsyncClient
) -> None:
    """Given a trunk whose far end is gone, and no switch at our edge; when test calls are placed;
    then each failure is kept with why, becomes a finding, and the telephone is dead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        for line in lines_of(place.settings):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(testcall, "ANSWER_S", 0.3)
                port = nobody.getsockname()[1]
                await place.watchman.try_line(replace(line, host="127.0.0.1", port=port))
    await place.watchman.close()
    await place.watchman.round()
    shown = (await http.get("/api/telephone")).json()
    assert {one["name"]: one["fault"] for one in shown["lines"]} == {
        "edge": "no-answer",
        "telco": "no-answer",
    }
    findings = {(one["code"], one["about"]) for one in shown["findings"]}
    assert {("test-call-failed", "edge"), ("test-call-failed", "telco")} <= findings
    assert shown["verdict"]["state"] == "dead"  # the switch is away as well
    health = (await http.get("/healthz")).json()
    assert health["telephone"]["state"] == "dead"
    text = (await http.get("/metrics")).text
    assert 'tahuri_findings_open{code="test-call-failed"} 2.0' in text
    assert 'tahuri_limit_used{of="disk_data"}' in text
    assert (await http.get("/api/telephone", headers={"who": "taker"})).status_code == 403


async def test_a_caller_who_gave_up_and_whom_no_item_has_is_found(place: Place) -> None:
    """Every call in vain is owed a call back, also where a bug of ours kept it from opening one.

    Given two callers who gave up, one of them with an item; then the other is a finding, also when
    days have gone by; when an item takes their call; then the finding is closed.
    """
    owed, _ = await place.call()
    kept, _ = await place.call(timedelta(minutes=20))
    old, _ = await place.call(timedelta(days=3))

    async def found() -> set[str]:
        await place.watchman.round()
        return {
            about
            for (about,) in await place.database.all(
                "select body ->> 'about' from view_rows where view = 'finding' "
                "and body ->> 'code' = 'caller-forgotten' and body ->> 'state' = 'open'"
            )
        }

    def opened(call_id: str) -> ItemOpened:
        return ItemOpened(
            call_id=CallId(call_id), cause=Cause.HUNG_UP, number_status="none", dialable=False
        )

    await place.write(f"callback/{kept}", opened(kept))
    assert await found() == {owed}
    now = clock.now()
    assert await queries.forgotten(place.database, now, now, [old, kept]) == [old]
    await place.write(f"callback/{owed}", opened(owed))
    assert await found() == set()


@pytest.mark.parametrize("page", ["/healthz", "/metrics", "/api/telephone"])
async def test_a_database_that_does_not_answer_is_waited_for_once(
    place: Place, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """Given a log that is away; then who asks how the telephone is waits no longer than for that:
    Prometheus gives up after ten seconds, and an alarm would say that the whole centre is gone."""

    async def away(*_: object) -> None:
        raise Unavailable("database", "does not answer")

    def again(_: Database) -> None:
        raise AssertionError("asked a second time")

    monkeypatch.setattr(Database, "one", away)
    monkeypatch.setattr(queries, "open_findings", again)
    answer = await http.get(page)
    assert answer.status_code in (200, 503)
    assert "database" in answer.text


async def test_a_recordings_disk_that_is_gone_is_said_and_takes_no_centre_out(
    place: Place, http: httpx.AsyncClient
) -> None:
    """Given a disk that failed; then health and figures are told, and name it."""
    shutil.rmtree(place.recordings)
    health = (await http.get("/healthz")).json()
    assert health["parts"]["disk"]["ok"] is False
    assert "disk-down" in {one["code"] for one in health["telephone"]["reasons"]}
    assert 'tahuri_part_up{part="disk"} 0.0' in (await http.get("/metrics")).text
    place.recordings.mkdir()


async def test_closed_recordings_are_copied_and_catch_up_when_the_folder_is_back(
    place: Place,
) -> None:
    """A disk that dies must not take the evidence along.

    Given two recordings and no second folder; then both wait and it is said why; when it is there;
    then both are copied and read again; when it was away for a third; then that one follows.
    """
    first, file = await place.call()
    await place.call(timedelta(minutes=20))
    await place.watchman.keeper.copy()
    waiting = place.watchman.kept.copying
    assert waiting is not None
    assert (waiting.waiting, str(waiting.fault)) == (2, "the folder is not there")
    assert waiting.failing_since is not None
    await place.watchman.round()
    rows = await place.database.all("select body ->> 'code' from view_rows where view = 'finding'")
    assert ("copy-failing",) in rows
    place.copy.mkdir()
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying == copying.Copying()
    copied = place.copy / file.relative_to(place.recordings)
    assert copied.read_bytes() == file.read_bytes()
    assert (await place.row(first))["recording"]["copied"] is True
    shutil.rmtree(place.copy)
    await place.call(timedelta(minutes=1))
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying.waiting == 1
    place.copy.mkdir()
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying.waiting == 0
    await place.watchman.round()
    (row,) = await place.database.all(
        "select body ->> 'state' from view_rows where view = 'finding' "
        "and body ->> 'code' = 'copy-failing'"
    )
    assert row == ("closed",)


async def test_an_old_call_that_is_told_late_is_copied_as_well(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that was cut off for a week hands its calls over when it is back.

    Given nothing that waits; when a call of a week ago is told; then it is copied within a day.
    """
    place.copy.mkdir()
    await place.call()
    for _ in range(2):
        await place.watchman.keeper.copy()
    late, _ = await place.call(timedelta(days=7))
    await place.watchman.keeper.copy()
    moment_s = clock.monotonic_s() + copying.WHOLE_S
    monkeypatch.setattr(clock, "monotonic_s", lambda: moment_s)
    await place.watchman.keeper.copy()
    assert (await place.row(late))["recording"]["copied"] is True


async def test_a_recording_that_was_altered_is_not_copied(place: Place) -> None:
    """Given a file that is not what the log says; then no copy takes its name."""
    _, file = await place.call()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    place.copy.mkdir()
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying is not None
    assert place.watchman.kept.copying.waiting == 1
    assert [one for one in place.copy.rglob("*") if one.is_file()] == []


async def test_recordings_that_cannot_be_copied_hold_back_none_of_those_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given as many altered recordings as one round takes, all older; when the next round comes;
    then the one behind them is copied, and the altered ones are tried on."""
    monkeypatch.setattr(copying, "BATCH", 2)
    for minutes in (40, 30):
        _, file = await place.call(timedelta(minutes=minutes))
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    last, _ = await place.call(timedelta(minutes=20))
    place.copy.mkdir()
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying is not None
    assert place.watchman.kept.copying.waiting == 3
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying.waiting == 2
    assert (await place.row(last))["recording"]["copied"] is True
    await place.watchman.keeper.copy()
    assert place.watchman.kept.copying.waiting == 2


async def test_what_is_due_is_erased_here_and_in_the_copy_and_nothing_else(
    place: Place, http: httpx.AsyncClient
) -> None:
    """Given pranks of 100 days: one free, one held, one of an open incident, and a real call; when
    the day's erasing runs; then only the free one is gone, with a fact; when the hold is lifted and
    the incident closed; then the held one goes, the one of an incident is kept as real."""
    old = timedelta(days=100)
    place.copy.mkdir()
    incident = StreamId("incident", "I1")
    await place.write(str(incident), _opened())
    free, free_file = await place.call(old, PRANK)
    kept, kept_file = await place.call(old + timedelta(seconds=1), PRANK)
    linked, linked_file = await place.call(
        old + timedelta(seconds=2), PRANK, CallLinked(incident_id=IncidentId("I1"))
    )
    _, real_file = await place.call(old + timedelta(seconds=3))
    hold = {"reason": "Surat Polresta"}
    assert (await post(http, f"/api/calls/{kept}/legal-hold", hold, "taker")).status_code == 403
    assert (await post(http, f"/api/calls/{kept}/legal-hold", {"reason": ""})).status_code == 422
    assert (await post(http, "/api/calls/nobody/legal-hold", hold)).status_code == 404
    assert (await post(http, f"/api/calls/{kept}/legal-hold", hold)).status_code == 200
    assert (await place.row(kept))["legal_hold"] is True
    await place.watchman.keeper.copy()
    await place.watchman.keeper.erase()
    assert (await place.row(free))["recording"]["state"] == "erased"
    assert not free_file.exists()
    assert not (place.copy / free_file.relative_to(place.recordings)).exists()
    for file in (kept_file, linked_file, real_file):
        assert file.exists()
    assert (await post(http, f"/api/calls/{free}/legal-hold", hold)).status_code == 422
    lifted = await post(http, f"/api/calls/{kept}/lift-legal-hold", {"reason": "Selesai"})
    assert lifted.status_code == 200
    await place.write(str(incident), IncidentClosed(disposition="done", remarks=None))
    await place.watchman.keeper.erase()  # once a day
    assert kept_file.exists()
    place.watchman.kept.erased_on = ""
    await place.watchman.keeper.erase()
    assert not kept_file.exists()
    assert linked_file.exists()
    assert (await place.row(linked))["recording"]["state"] == "closed"
    assert await place.open() == set()


async def test_a_kill_between_fact_and_file_leaves_nothing_for_ever(place: Place) -> None:
    """Given an erased recording whose file is there; then it is told, and the next sweep removes
    it."""
    _, file = await place.call(timedelta(days=100), PRANK)
    content = file.read_bytes()
    await place.watchman.keeper.erase()
    file.write_bytes(content)
    found: set[tuple[str, str]] = set()
    for _ in range(2):
        found |= await place.open()
    assert {code for code, _ in found} == {"recording-not-erased"}
    place.watchman.kept.erased_on = ""
    await place.watchman.keeper.erase()
    assert not file.exists()


async def test_an_export_that_ends_meanwhile_does_not_stop_the_sweep(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an export's file that is gone when the sweep looks at it, and one that a killed process
    left; then the sweep goes on, and the left one is removed."""
    gone, left = (place.recordings / f".export-{name}.zip" for name in ("1", "2"))
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    found = Path.glob
    monkeypatch.setattr(
        Path, "glob", lambda self, what: [*([gone] if ".zip" in what else []), *found(self, what)]
    )
    await sweep(place.database, [place.recordings], clock.now())
    assert not left.exists()


def _opened() -> IncidentOpened:
    return IncidentOpened(
        number="1",
        category="structure-fire",
        priority=1,
        place=PersonalId("P1"),
        ward_code=None,
        injured=None,
        hazards=(),
        report=PersonalId("P2"),
        notify=(),
    )


async def test_an_export_proves_itself_without_the_centre(
    place: Place, http: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A court must be able to check what it was given.

    Given two recordings; when a supervisor exports their time; then the ZIP holds both with their
    facts, its check passes here and with sha256sum, and the export is a fact; when a byte of sound,
    or a word of a fact, is changed; then the check says which.
    """
    await place.call()
    _, file = await place.call(timedelta(minutes=20))
    begin = (clock.now() - timedelta(hours=1)).isoformat()
    params = {"from": begin, "until": clock.now().isoformat()}
    taken = await http.get("/api/recordings/export", params=params, headers={"who": "taker"})
    assert taken.status_code == 403
    answer = await http.get("/api/recordings/export", params=params)
    assert answer.status_code == 200, answer.text
    zipped = tmp_path / "export.zip"
    zipped.write_bytes(answer.content)
    assert list(place.recordings.glob(".export-*")) == []
    assert zip_faults(zipped) == []
    assert await recordings_verify(Namespace(file=str(zipped))) == 0
    out = tmp_path / "out"
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(out)
        manifest = json.loads(archive.read(MANIFEST))
    done = await asyncio.create_subprocess_exec("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=out)
    assert await done.wait() == 0
    assert len(manifest["recordings"]) == 2
    record = await place.database.one(
        "select body from facts where type = 'calls.recordings-exported'"
    )
    assert record is not None
    assert record[0]["manifest_sha256"] == hashlib.sha256((out / MANIFEST).read_bytes()).hexdigest()
    wav = out / "recordings" / file.name
    for harm in ("sound", "fact"):
        bad = tmp_path / f"{harm}.zip"
        with zipfile.ZipFile(bad, "w") as archive:
            for one in out.rglob("*"):
                if one.is_file():
                    content = one.read_bytes()
                    if harm == "sound" and one == wav:
                        content = content[:-1] + b"x"
                    if harm == "fact" and one.name == MANIFEST:
                        content = content.replace(b'"abandoned"', b'"answered"', 1)
                    archive.writestr(str(one.relative_to(out)), content)
        faults = zip_faults(bad)
        assert len(faults) == 1
        assert (file.name if harm == "sound" else "fact ") in faults[0]
        assert await recordings_verify(Namespace(file=str(bad))) == 1
    assert zip_faults(file) != []
    capsys.readouterr()


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 422, "from"),
        ("from=yesterday&until=today", 422, "from"),
        ("from=2026-11-26T08:00:00Z&until=2026-11-26T07:00:00Z", 422, "until"),
        ("from=2020-11-26T08:00:00Z&until=2020-11-26T09:00:00Z", 404, None),
        ("incident_id=nobody", 404, None),
    ],
)
async def test_an_export_of_nothing_or_of_nonsense_says_so(
    http: httpx.AsyncClient, query: str, status: int, field: str | None
) -> None:
    """An empty ZIP would be taken for proof that there was nothing."""
    answer = await http.get(f"/api/recordings/export?{query}")
    assert answer.status_code == status
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field


async def test_what_the_watch_keeps_outlives_it_and_a_damaged_file(place: Place) -> None:
    """Given a look; then another process reads it; given half a file; then nothing is believed."""
    await place.watchman.round()
    run = place.centre.folder.run
    assert watching.read(run).round_at == place.watchman.kept.round_at
    (run / watching.FILE).write_text('{"round_at"')
    assert watching.read(run).round_at is None


async def test_test_calls_leave_no_row_and_no_traffic(place: Place) -> None:
    """A robot's call each minute must not look like a busy city."""
    await place.write(
        "call/T1",
        CallArrived(trunk="edge", number_status="none", test=True, loopback=True),
        CallEnded(outcome="tested", by="caller"),
    )
    assert await place.database.all("select 1 from view_rows where view = 'call'") == []
    assert await place.open() == set()
    assert place.watchman.kept.traffic.state == "learning"
