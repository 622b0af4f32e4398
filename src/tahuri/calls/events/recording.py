"""Recordings: made, read again, copied, kept, erased, taken out.

Streams: ``call/<call_id>``, ``reread/<place>``, ``export/<id>``.
"""

from datetime import datetime

from tahuri.kernel.event import Event
from tahuri.kernel.ids import OperatorId, PersonalId, RecordingId


class RecordingStarted(Event, frozen=True, tag="calls.recording-started"):
    """Both directions are being recorded."""

    recording_id: RecordingId
    path: str
    """Relative to the folder of recordings."""


class RecordingClosed(Event, frozen=True, tag="calls.recording-closed"):
    """The recording is complete; its digest proves it from now on."""

    recording_id: RecordingId
    sha256: str
    duration_s: float
    bytes: int


class RecordingFailed(Event, frozen=True, tag="calls.recording-failed"):
    """The call is not, or not wholly, recorded."""

    recording_id: RecordingId
    fault: str


class RecordingPlayed(Event, frozen=True, tag="calls.recording-played"):
    """Somebody listened."""

    recording_id: RecordingId
    operator_id: OperatorId


class RecordingChecked(Event, frozen=True, tag="calls.recording-checked"):
    """It was read again, after the call or later, and compared with what the log says."""

    recording_id: RecordingId
    intact: bool
    fault: str | None = None
    place: str = "original"
    """``original``, ``folder`` or ``store``."""


class RecordingRepaired(Event, frozen=True, tag="calls.recording-repaired"):
    """A damaged or absent one was replaced at that place by what the log says, and read again."""

    recording_id: RecordingId
    place: str
    source: str
    """The place that had a sound one."""
    aside: str = ""
    """Where the damaged one lies now, relative to the place; empty: there was none."""


class RecordingsReread(Event, frozen=True, tag="calls.recordings-reread"):
    """What was read again at a place since the last such fact.  Stream: ``reread/<place>``."""

    place: str
    read: int
    damaged: int
    """Of them found altered or absent."""
    recordings: int
    """That the place has, all together."""
    unread: int
    """Of these, not read within the period that is set."""
    oldest_at: datetime | None = None
    """When that one was read which has waited longest."""


class RecordingCopied(Event, frozen=True, tag="calls.recording-copied"):
    """It lies in a second place as well; the copy was read again and is the same."""

    recording_id: RecordingId
    place: str = "folder"
    """``folder`` or ``store``."""


class RecordingCopyErased(Event, frozen=True, tag="calls.recording-copy-erased"):
    """After the recording itself its copy was removed from that place."""

    recording_id: RecordingId
    place: str


class RecordingErased(Event, frozen=True, tag="calls.recording-erased"):
    """Its time was over: its files are removed, here and in the second folder."""

    recording_id: RecordingId
    kept_as: str
    """The class whose days counted."""
    days: int


class LegalHoldSet(Event, frozen=True, tag="calls.legal-hold-set"):
    """The recording must be kept whatever its age."""

    reason: PersonalId


class LegalHoldLifted(Event, frozen=True, tag="calls.legal-hold-lifted"):
    """It need not be kept any longer than others."""

    reason: PersonalId


class RecordingsExported(Event, frozen=True, tag="calls.recordings-exported"):
    """Somebody took recordings out of the centre.  Stream: ``export/<id>``."""

    recording_ids: tuple[RecordingId, ...]
    incident_id: str | None = None
    begin: str | None = None
    end: str | None = None
    manifest_sha256: str = ""
