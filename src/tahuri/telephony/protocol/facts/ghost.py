"""Stream ``call/<call_id>``: a caller who does not speak is asked for keys."""

from typing import Literal

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import GhostAnswer, GhostQuestion


class GhostStarted(Body, frozen=True, tag="calls.ghost-started"):
    """Nobody speaks: from now on the caller is asked for keys."""

    listen_in_s: float


class GhostAsked(Body, frozen=True, tag="calls.ghost-asked"):
    """The caller hears the question; 5 is yes, any other key no."""

    question: GhostQuestion


class GhostAnswered(Body, frozen=True, tag="calls.ghost-answered"):
    """The first key after the question."""

    question: GhostQuestion
    answer: GhostAnswer
    digit: str


class GhostEnded(Body, frozen=True, tag="calls.ghost-ended"):
    """A silent call is over, and nobody has spoken."""

    by: Literal["caller", "seat", "failure", "switch"]
    answers: int
    """Keys that the caller answered with: somebody was there."""
    call_back: bool
    """Whether the caller is to be called back: the number is known."""
