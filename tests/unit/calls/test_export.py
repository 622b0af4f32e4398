"""What an export says of recordings that are not whole."""

import hashlib
import json
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tahuri.calls.events import RecordingClosed, RecordingFailed, RecordingStarted
from tahuri.calls.export import MANIFEST, SUMS, Selection, Wanted, write_zip, zip_faults
from tahuri.kernel.digest import fact_digest
from tahuri.kernel.event import Event, Fact, StreamId, stored
from tahuri.kernel.ids import RecordingId

NOW = datetime(2026, 11, 27, 3, 50, tzinfo=UTC)
FIRST, SECOND = RecordingId("R1"), RecordingId("R2")


def lines(*events: Event) -> list[dict[str, Any]]:
    """A call's facts as an export has them."""
    found: list[dict[str, Any]] = []
    before = b""
    for seq, event in enumerate(events, 1):
        tag, body = stored(event)
        fact = Fact(
            seq=seq, stream=StreamId("call", "C1"), version=seq, at=NOW, recorded_at=NOW,
            actor="switch", command="c", personal=(), event=event,
        )  # fmt: skip
        digest = fact_digest(before, "ambon", fact, body)
        found.append(
            {
                "seq": seq, "stream": "call/C1", "version": seq, "type": tag, "body": body,
                "actor": "switch", "at": NOW.isoformat(), "recorded_at": NOW.isoformat(),
                "command": "c", "personal": [], "before": before.hex(), "digest": digest.hex(),
            }
        )  # fmt: skip
        before = digest
    return found


def exported(
    tmp_path: Path, *events: Event, last: str, state: str = "closed"
) -> tuple[Path, list[dict[str, Any]]]:
    """A ZIP of one call, and the recordings in its manifest."""
    digest = sha256(b"second").hexdigest()
    recording = {
        "recording_id": last, "state": state, "path": "2026/C1-2.wav",
        "sha256": digest, "duration_s": 2.0,
    }  # fmt: skip
    row = {"call_id": "C1", "recording": recording}
    target = tmp_path / "export.zip"
    chosen = Selection("ambon", 9, "00", [Wanted(row, lines(*events))])
    write_zip(target, chosen, tmp_path / "recordings", {}, NOW)
    with zipfile.ZipFile(target) as archive:
        listed: list[dict[str, Any]] = json.loads(archive.read(MANIFEST))["recordings"]
    return target, listed


def closed(recording_id: RecordingId) -> RecordingClosed:
    """The fact of the sound that `recorded` writes."""
    digest = sha256(b"second").hexdigest()
    return RecordingClosed(recording_id=recording_id, sha256=digest, duration_s=2.0, bytes=6)


def recorded(tmp_path: Path) -> None:
    """The files of a call in which media died once."""
    folder = tmp_path / "recordings" / "2026"
    folder.mkdir(parents=True)
    (folder / "C1.wav").write_bytes(b"first")
    (folder / "C1-2.wav").write_bytes(b"second")


def test_what_was_recorded_before_media_died_goes_along_and_is_named(tmp_path: Path) -> None:
    """A judge must hear the first minute too, or read why not.

    Given a call in which media died; then the export has both files, says of the first that it was
    cut off, and the check says so, and of nothing else.
    """
    recorded(tmp_path)
    file, listed = exported(
        tmp_path,
        RecordingStarted(recording_id=FIRST, path="2026/C1.wav"),
        RecordingFailed(recording_id=FIRST, fault="media-lost"),
        RecordingStarted(recording_id=SECOND, path="2026/C1-2.wav"),
        closed(SECOND),
        last=SECOND,
    )
    shown = [(one["recording_id"], one["file"], one["fault"]) for one in listed]
    assert shown == [
        ("R1", "recordings/C1.wav", "media-lost"),
        ("R2", "recordings/C1-2.wav", None),
    ]
    assert zip_faults(file) == ["recordings/C1.wav: media-lost when it was exported"]
    with zipfile.ZipFile(file) as archive:
        assert archive.read("recordings/C1.wav") == b"first"
        assert f"{sha256(b'first').hexdigest()}  recordings/C1.wav" in archive.read(SUMS).decode()


def test_a_recording_that_lacks_something_says_so_though_its_file_is_as_it_was(
    tmp_path: Path,
) -> None:
    """Given a recording that failed on the way and was closed; then the export names the fault."""
    recorded(tmp_path)
    file, listed = exported(
        tmp_path,
        RecordingStarted(recording_id=SECOND, path="2026/C1-2.wav"),
        RecordingFailed(recording_id=SECOND, fault="incomplete"),
        closed(SECOND),
        last=SECOND,
    )
    assert [one["fault"] for one in listed] == ["incomplete"]
    assert zip_faults(file) == ["recordings/C1-2.wav: incomplete when it was exported"]


@pytest.mark.parametrize(("state", "events"), [("closed", True), ("failed", False)])
def test_a_recording_that_the_disk_does_not_give_back_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, events: bool
) -> None:
    """Given a call of two recordings, one of them on a bad block; then the export is made, with the
    other one in it, and says of the first why it is not."""
    recorded(tmp_path)
    read = hashlib.file_digest

    def bad(content: Any, name: str) -> Any:
        if content.name.endswith("C1-2.wav"):
            raise OSError(5, "Input/output error")
        return read(content, name)

    monkeypatch.setattr(hashlib, "file_digest", bad)
    started = [
        RecordingStarted(recording_id=FIRST, path="2026/C1.wav"),
        RecordingStarted(recording_id=SECOND, path="2026/C1-2.wav"),
    ]
    _, listed = exported(
        tmp_path, *started, *([closed(SECOND)] if events else []), last=SECOND, state=state
    )
    assert [(one["file"], one["fault"]) for one in listed] == [
        ("recordings/C1.wav", "cut off"),
        (None, "cannot be read: Input/output error"),
    ]


def test_a_recording_that_was_never_closed_goes_along_as_far_as_it_came(tmp_path: Path) -> None:
    """Given a call whose media died and never came back; then the file is there with its fault;
    where it is gone, the fault stands alone."""
    recorded(tmp_path)
    events = (
        RecordingStarted(recording_id=SECOND, path="2026/C1-2.wav"),
        RecordingFailed(recording_id=SECOND, fault="media-lost"),
    )
    file, listed = exported(tmp_path, *events, last=SECOND, state="failed")
    assert [(one["file"], one["fault"]) for one in listed] == [
        ("recordings/C1-2.wav", "media-lost")
    ]
    assert zip_faults(file) == ["recordings/C1-2.wav: media-lost when it was exported"]
    (tmp_path / "recordings" / "2026" / "C1-2.wav").unlink()
    file, listed = exported(tmp_path, *events, last=SECOND, state="failed")
    assert [one["file"] for one in listed] == [None]
    assert zip_faults(file) == ["R2: media-lost when it was exported"]
