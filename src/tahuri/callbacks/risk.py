"""Whom to call back first: points for what is known of the calls, each with its reason.  Pure.

No chance and no learning: who disagrees reads the reasons on screen, and the table below.

| reason | points | because |
|---|---|---|
| ``cannot-speak`` | 6 | they say so on their page: who must not be heard is in danger |
| ``failure`` | 5 | we lost the call: they may believe that help is coming |
| ``asked`` | 4 | they said that they need the call, to us or on their page |
| ``silent`` | 4 | who does not speak may not be able to |
| ``near-incident`` | 4 | an open incident is near them or of the same number |
| ``keys`` | 3 | who presses keys may not be able to speak |
| ``again`` | 2 for each further call, at most 6 | who rings again means it |
| ``wrote`` | 3 | who writes to us still needs something |
| ``waited-long`` | 3 from 30 s | who waits half a minute means it |
| ``waited`` | 1 from 10 s | it was no slip of the finger |
| ``no-number`` | 1 | perhaps a phone without a SIM card; they can only call again |
| ``withheld`` | 1 | who hides the number from others may be in danger at home |
| ``located`` | 1 | help could be sent |
| ``night`` | 1 | 22:00 to 05:00: fewer people near who could help |
| ``no-longer-needed`` | −3 | they say so; it stays: others may hold their telephone |

The sum is never below 0.  Equal points: who has waited longest comes first.
"""

from collections.abc import Iterable

from msgspec import Struct

from tahuri.callbacks.events import CallerWord, Cause

WAITED_S, WAITED_LONG_S = 10.0, 30.0
AGAIN_POINTS, AGAIN_POINTS_MAX = 2, 6
NIGHT_FROM, NIGHT_TO = 22, 5
"""Hours in the city's zone."""


class RiskReason(Struct, frozen=True):
    """One reason, as screens show it."""

    code: str
    points: int


class Signals(Struct, frozen=True):
    """What counts of one call."""

    cause: Cause
    waited_s: float = 0.0
    keys: int = 0
    located: bool = False
    near: bool = False
    night: bool = False


class Told(Struct, frozen=True):
    """What counts of the caller's words on their page."""

    wish: CallerWord | None = None
    """The last of `events.WISHES`."""
    wrote: bool = False
    located: bool = False


def is_night(hour: int) -> bool:
    """Whether that hour of the city's day counts as night."""
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def reasons_of(
    calls: Iterable[Signals], number_status: str, dialable: bool, told: Told | None = None
) -> tuple[RiskReason, ...]:
    """The reasons that apply, the weightiest first; `risk_of` adds up their points."""
    listed = tuple(calls)
    waited_s = max((call.waited_s for call in listed), default=0.0)
    again = min(AGAIN_POINTS * (len(listed) - 1), AGAIN_POINTS_MAX)
    told = told or Told()
    asked = told.wish is CallerWord.CALL_ME or any(call.cause is Cause.ASKED for call in listed)
    found = (
        ("cannot-speak", 6, told.wish is CallerWord.CANNOT_SPEAK),
        ("failure", 5, any(call.cause is Cause.FAILURE for call in listed)),
        ("again", again, again > 0),
        ("asked", 4, asked),
        ("silent", 4, any(call.cause is Cause.SILENT for call in listed)),
        ("near-incident", 4, any(call.near for call in listed)),
        ("keys", 3, any(call.keys for call in listed)),
        ("wrote", 3, told.wrote),
        ("waited-long", 3, waited_s >= WAITED_LONG_S),
        ("waited", 1, WAITED_S <= waited_s < WAITED_LONG_S),
        ("no-number", 1, not dialable),
        ("withheld", 1, dialable and number_status == "withheld"),
        ("located", 1, told.located or any(call.located for call in listed)),
        ("night", 1, any(call.night for call in listed)),
        ("no-longer-needed", -3, told.wish is CallerWord.NO_LONGER_NEEDED),
    )
    reasons = [RiskReason(code, points) for code, points, applies in found if applies]
    return tuple(sorted(reasons, key=lambda reason: -reason.points))


def risk_of(reasons: Iterable[RiskReason]) -> int:
    """The sum of the points, never below 0."""
    return max(0, sum(reason.points for reason in reasons))
