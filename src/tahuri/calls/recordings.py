"""After the call: is the recording on disk what the log says it is?"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tahuri.calls.events import RecordingChecked
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import RecordingId
from tahuri.kernel.jobs import Job
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.view import View

CHECK = "calls.check-recording"
UNREADABLE = "cannot be read"


def file_fault(file: Path, sha256: str) -> str | None:
    """What is wrong with a closed recording, or None.  Reads the whole file."""
    try:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        return f"{UNREADABLE}: {error.strerror}"
    return None if found == sha256 else f"has sha256 {found}"


def is_unreadable(fault: str | None) -> bool:
    """Whether `file_fault` found no file, or one that the disk does not give back."""
    return fault is not None and fault.startswith(UNREADABLE)


def jobs(database: Database, views: Sequence[View], folder: Path) -> Mapping[str, Job]:
    """The jobs of this slice."""

    async def check_recording(call_id: str, recording_id: str, path: str, sha256: str) -> None:
        fault = await asyncio.to_thread(file_fault, folder / path, sha256)
        write = Writing(actor="work", command=f"check {recording_id}", now=clock.now())
        async with writing(database, views, write) as log:
            if log.answered is None:
                checked = RecordingChecked(
                    recording_id=RecordingId(recording_id), intact=fault is None, fault=fault
                )
                await log.append(StreamId("call", call_id), [checked])

    return {CHECK: check_recording}
