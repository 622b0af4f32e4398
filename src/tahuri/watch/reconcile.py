"""What is owed against what is there: log, switch, media, disk.  Pure.

Each source may be a moment older than the next, so a difference counts only when it lasts: whoever
calls `differences` keeps since when (`decider.grown`) and opens a finding after ``GRACE_S``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from tahuri.kernel.ids import ALPHABET

GRACE_S = 90.0
"""A difference younger than this is a race between two looks, not a finding."""
SETTLED = timedelta(minutes=2)
"""After its end a call has so long to close its recording and to bring its facts to the log."""
HEADER_BYTES = 44
BYTES_S = 32_000
"""Two channels of 8 kHz, 16 bit."""
ASIDE = ".damaged-"
"""Stands in the names of files that a repair put aside (``calls.places``)."""
FACTS_FEW = 20
"""So many facts may be on their way to the log at any moment."""
LENGTH_TOLERANCE_S = 3.0
LENGTH_TOLERANCE_SHARE = 0.02
"""The mixer's clock and the wall clock may part by so much."""


class Difference(Struct, frozen=True):
    """One thing that is not as it must be."""

    code: str
    about: str
    numbers: dict[str, float] = {}
    node: str = ""
    """Whose watch sees it; empty for what every node sees alike."""

    @property
    def key(self) -> str:
        """Its stream's key."""
        at = f"@{self.node}" if self.node else ""
        return f"{self.code}:{self.about}{at}"


class LoggedRecording(Struct, frozen=True):
    """A recording as the log has it."""

    recording_id: str
    state: str
    path: str
    sha256: str | None = None
    duration_s: float | None = None
    intact: bool | None = None


class LoggedCall(Struct, frozen=True):
    """A call as the log has it."""

    call_id: str
    state: str
    arrived_at: datetime | None
    ended_at: datetime | None = None
    recording: LoggedRecording | None = None
    queued: bool = True
    """Whether it got so far that it must have been recorded."""
    node: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("ended", "refused")


class HeldCall(Struct, frozen=True):
    """A call that the switch has in hand; test calls by loop-back are left out."""

    call_id: str
    arrived_at: datetime
    port: int
    recording: str | None


class Held(Struct, frozen=True):
    """What switch and media hold."""

    calls: tuple[HeldCall, ...]
    ports: Mapping[int, bool] | None
    """Media's port → whether the switch needs it; None while media does not answer."""
    recordings: frozenset[str] = frozenset()
    """Paths, relative, of the recordings that media writes."""
    facts_waiting: int = 0
    """Facts that the log has not taken."""


SWITCH_CODES = frozenset(
    {"log-behind", "call-without-end", "call-not-in-log", "call-without-sound"}
)
MEDIA_CODES = frozenset(
    {"port-unknown", "call-without-sound", "recording-stopped", "recording-ownerless"}
)
FILE_CODES = frozenset(
    {
        "recording-lacking",
        "recording-missing",
        "recording-altered",
        "recording-length",
        "recording-of-nobody",
        "recording-not-erased",
    }
)
TOLD_CODES = frozenset({"fact-unreadable", "facts-set-aside"})
"""Opened by what the switch told (`watch.following`): no look shows that they are mended, so that
they stay until somebody says why they may."""


FORGOTTEN = "caller-forgotten"
"""Code of a call that was given up, and whose caller nobody is told to call back."""


def day_of(code: str, about: str) -> str | None:
    """The folder (``2026/11/26``) that tells whether such a finding still stands."""
    if code not in FILE_CODES:
        return None
    if "/" in about:
        return about.rpartition("/")[0]
    at = called_at(about)
    return f"{at:%Y/%m/%d}" if at is not None else None


def called_at(call_id: str) -> datetime | None:
    """When the id was minted; None if it is no id of ours."""
    if len(call_id) != 26 or set(call_id[:10]) - set(ALPHABET):
        return None
    at_ms = 0
    for letter in call_id[:10]:
        at_ms = at_ms << 5 | ALPHABET.index(letter)
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def may_close(code: str, about: str, held: Held | None, looked_at: frozenset[str]) -> bool:
    """Whether its absence from `differences` says something: its source was looked at."""
    if code in TOLD_CODES:
        return False
    if code in SWITCH_CODES and held is None:
        return False
    if code in MEDIA_CODES and (held is None or held.ports is None):
        return False
    if code in ("call-without-end", "call-not-in-log") and held is not None and held.facts_waiting:
        return False
    day = day_of(code, about)
    return day is None or day in looked_at


def differences(
    log: Iterable[LoggedCall],
    held: Held | None,
    files: Mapping[str, int],
    looked_at: frozenset[str],
    now: datetime,
    node: str = "",
) -> list[Difference]:
    """All that differs at this moment.

    Args:
        log: calls without an outcome, and those of the time that is looked at.
        held: None while the switch is away: then only log and disk are compared.
        files: path, relative → bytes, of the recordings on disk.
        looked_at: folders (``2026/11/26``) whose files are in ``files``; no other recording is
            said to be missing.
        now: when the sources were read.
        node: ours, where there are several: what other nodes have is compared there.
    """
    calls = list(log)
    found: list[Difference] = []
    bases = {path.partition(ASIDE)[0] for path in files}
    if held is not None:
        found += _calls(calls, held, now, node)
        found += _media(held)
    for call in (one for one in calls if is_ours(one, node)):
        if call.over and call.ended_at is not None and now - call.ended_at > SETTLED:
            found += _recording(call, files, bases, looked_at)
    found += _strange_files(calls, held, files)
    return found


def is_ours(call: LoggedCall, node: str) -> bool:
    """Whether the call, and its recording, are at this node."""
    return not node or call.node in ("", node)


def _calls(log: list[LoggedCall], held: Held, now: datetime, node: str) -> list[Difference]:
    in_hand = {call.call_id for call in held.calls}
    found: list[Difference] = []
    if held.facts_waiting:
        behind = Difference("log-behind", "log", {"facts": held.facts_waiting})
        return [behind] if held.facts_waiting > FACTS_FEW else []
    known = {call.call_id for call in log}
    found += [
        Difference("call-without-end", call.call_id)
        for call in log
        if not call.over and call.call_id not in in_hand and is_ours(call, node)
    ]
    found += [
        Difference("call-not-in-log", one.call_id)
        for one in held.calls
        if one.call_id not in known and now - one.arrived_at > SETTLED
    ]
    return found


def _media(held: Held) -> list[Difference]:
    if held.ports is None:
        return []
    found = [
        Difference("port-unknown", str(port)) for port, known in held.ports.items() if not known
    ]
    for call in held.calls:
        if call.port not in held.ports:
            found.append(Difference("call-without-sound", call.call_id))
        if call.recording is not None and call.recording not in held.recordings:
            found.append(Difference("recording-stopped", call.call_id))
    wanted = {call.recording for call in held.calls}
    found += [
        Difference("recording-ownerless", path)
        for path in sorted(held.recordings)
        if path not in wanted
    ]
    return found


def _recording(
    call: LoggedCall, files: Mapping[str, int], bases: set[str], looked_at: frozenset[str]
) -> list[Difference]:
    """A call that was let in has one closed recording, of its length, intact, on disk."""
    recording = call.recording
    if recording is not None and recording.state == "erased":
        there = recording.path in bases
        return [Difference("recording-not-erased", recording.path)] if there else []
    if not call.queued:
        return []
    if recording is None or recording.state != "closed":
        return [Difference("recording-lacking", call.call_id)]
    size = files.get(recording.path)
    seen = recording.path.rpartition("/")[0] in looked_at
    if seen and size is None:
        return [Difference("recording-missing", recording.path)]
    if recording.intact is False:
        return [Difference("recording-altered", recording.path)]
    if not seen or size is None:
        return []
    seconds = recording.duration_s or 0.0
    wanted = HEADER_BYTES + round(seconds * BYTES_S)
    if abs(size - wanted) > 4:
        return [Difference("recording-altered", recording.path, {"bytes": size, "told": wanted})]
    return _length(call, recording, seconds)


def _length(call: LoggedCall, recording: LoggedRecording, seconds: float) -> list[Difference]:
    assert call.ended_at is not None
    if call.arrived_at is None or "-" in recording.path.rpartition("/")[2]:
        return []  # one begun anew after a fault, which was told: shorter than its call
    call_s = (call.ended_at - call.arrived_at).total_seconds()
    if abs(call_s - seconds) <= LENGTH_TOLERANCE_S + LENGTH_TOLERANCE_SHARE * call_s:
        return []
    numbers = {"call_s": round(call_s, 1), "recording_s": round(seconds, 1)}
    return [Difference("recording-length", recording.path, numbers)]


def _strange_files(
    log: list[LoggedCall], held: Held | None, files: Mapping[str, int]
) -> list[Difference]:
    """Files of calls that neither log nor switch knows.  A call may have several."""
    known = {call.call_id for call in log}
    known |= {call.call_id for call in held.calls} if held is not None else set()
    return [
        Difference("recording-of-nobody", path, {"bytes": size})
        for path, size in sorted(files.items())
        if path.rpartition("/")[2].partition(".")[0].partition("-")[0] not in known
    ]
