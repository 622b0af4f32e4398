"""A silent call: what was asked, and answered by keys.  Stream: ``call/<call_id>``."""

from enum import StrEnum

from tahuri.kernel.event import Event


class GhostQuestion(StrEnum):
    """What a caller who does not speak may be asked; each is a recording."""

    CANNOT_SPEAK = "cannot-speak"
    POLICE = "police"
    MEDICAL = "medical"
    FIRE = "fire"
    COME = "come"


class GhostStarted(Event, frozen=True, tag="calls.ghost-started"):
    """Nobody speaks: the call taker listens in and asks for keys."""

    listen_in_s: float


class GhostAsked(Event, frozen=True, tag="calls.ghost-asked"):
    """The silent caller was asked; 5 is yes, any other key no."""

    question: str
    """``cannot-speak``, ``police``, ``medical``, ``fire`` or ``come``."""


class GhostAnswered(Event, frozen=True, tag="calls.ghost-answered"):
    """The silent caller answered by a key."""

    question: str
    answer: str
    """``yes`` or ``no``."""
    digit: str


class GhostEnded(Event, frozen=True, tag="calls.ghost-ended"):
    """A silent call is over; whether its caller is to be called back."""

    by: str
    """``caller``, ``seat`` or ``failure``."""
    answers: int
    """Keys that the caller answered with: somebody was there."""
    call_back: bool
    """The number is known."""
