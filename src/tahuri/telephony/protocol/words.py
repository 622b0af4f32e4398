"""Words that facts, snapshot and operations of the switch share."""

from typing import Literal

SUBPROTOCOL = "tahuri.seat.1"
"""WebSocket subprotocol of browser seats."""
PRECEDENCE_MAX = 9
"""The most urgent call's precedence."""
LANGUAGE_CHARS_MAX = 16

NumberStatus = Literal["present", "withheld", "none"]
NotReadyReason = Literal[
    "break", "meal", "paperwork", "training", "technical", "missed-offer", "wrap-up"
]
SeatStateName = Literal["free", "not_ready", "ready", "offered", "busy", "supervising", "vanished"]
AnsweredHow = Literal["offered", "picked-up", "taken-over", "taken-back", "other-node"]
TransferKind = Literal["blind", "warm", "refer"]
SupervisionMode = Literal["listen", "whisper", "barge"]
"""Hears all, heard by nobody; heard by the seat alone; heard by all."""
PartyState = Literal["calling", "joined"]
Direction = Literal["in", "out"]
LeftReason = Literal[
    "dropped", "hung-up", "refused", "no-answer", "failed", "call-ended", "transferred"
]
ReferRefusedReason = Literal["not-allowed", "attended", "busy", "unreachable", "too-many-parties"]
"""``attended``: it names a dialog with us, of which it knows only its own end."""
ConsultationOutcome = Literal[
    "transferred",
    "given-up",
    "hung-up",
    "party-left",
    "refused",
    "no-answer",
    "failed",
    "seat-left",
    "call-ended",
]
"""The caller is with whom was asked; the seat gave up before the answer, or hung up after it; who
was asked hung up, refused, or did not answer; a line broke; the seat's part in the call was over;
the caller's was."""
ConsultationRefusedReason = Literal[
    "no-live-call", "not-proven", "busy", "unreachable", "too-many-parties"
]
"""``not-proven``: wrong credentials; ``unreachable``: not registered, not ready, no way there."""
PrecedenceReason = Literal["resource-priority", "open-incident", "call-back", "operator"]
SkillReason = Literal["trunk", "number", "operator"]
OverflowTo = Literal["supervisors", "agency-desks", "number"]
AlarmCode = Literal[
    "media-lost",
    "spool-disk-full",
    "spool-disk-failing",
    "spool-full",
    "spool-filling",
    "spool-memory-only",
    "facts-lost",
    "recording-failed",
    "draining",
    "trunk-down",
    "test-call-missing",
]
DiskFault = Literal["full", "failing", "limit"]
"""No room, an error, or as many facts as the spool may keep."""
DamageReason = Literal["checksum", "disk"]
"""A checksum is wrong: rotten, or half written; the disk does not give it back."""
TrunkStateName = Literal["unknown", "up", "down"]
LineVerdict = Literal["good", "fair", "bad"]
RefusedReason = Literal[
    "unsupported-codec",
    "srtp-required",
    "unsupported-body",
    "no-offer-possible",
    "malformed",
    "ports-exhausted",
    "too-many-calls",
    "kept-for-other-trunks",
    "media-unavailable",
    "not-allowed",
    "disk-full",
    "switch-restarted",
    "draining",
    "internal-error",
    "too-many-test-calls",
    "unknown-resource-priority",
]


Lane = Literal["normal", "slow"]
GhostQuestion = Literal["cannot-speak", "police", "medical", "fire", "come"]
GhostAnswer = Literal["yes", "no"]
