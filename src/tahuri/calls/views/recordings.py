"""The recording of a call: how it is made, whether it is intact, where it is kept."""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from tahuri.calls.events import (
    RecordingChecked,
    RecordingClosed,
    RecordingCopied,
    RecordingCopyErased,
    RecordingErased,
    RecordingFailed,
    RecordingRepaired,
    RecordingStarted,
)
from tahuri.calls.soundness import ORIGINAL
from tahuri.calls.views.rows import Recording

Made = RecordingStarted | RecordingClosed | RecordingFailed
Looked = RecordingChecked | RecordingRepaired
Kept = RecordingCopied | RecordingCopyErased | RecordingErased


def recording_made(known: Recording | None, event: Made) -> Recording:
    """The call's recording after it began, was closed or failed."""
    now = known or Recording(event.recording_id, "recording", "")
    match event:
        case RecordingStarted():
            short = known is not None and known.short
            return Recording(event.recording_id, "recording", event.path, short=short)
        case RecordingClosed():
            return replace(now, state="closed", sha256=event.sha256, duration_s=event.duration_s)
        case RecordingFailed():
            return replace(now, state="failed", short=True)
        case _:
            assert_never(event)


def recording_looked_at(known: Recording | None, event: Looked) -> Recording | None:
    """Whether it is what the log says, at the place that was looked at."""
    if known is None or known.recording_id != event.recording_id:
        return known
    intact = isinstance(event, RecordingRepaired) or event.intact
    if event.place == ORIGINAL:
        return replace(known, intact=intact)
    others = tuple(one for one in known.damaged if one != event.place)
    return replace(known, damaged=others if intact else (*others, event.place))


def recording_kept(known: Recording | None, event: Kept, at: datetime) -> Recording | None:
    """Where copies of it are, or that it was erased."""
    if known is None or known.recording_id != event.recording_id:
        return known
    if isinstance(event, RecordingCopied | RecordingCopyErased):
        there = isinstance(event, RecordingCopied)
        others = tuple(one for one in known.damaged if one != event.place)
        if event.place == "store":
            return replace(known, stored=there, damaged=others)
        return replace(known, copied=there, damaged=others)
    return replace(known, state="erased", erased_at=at)
