"""How much noise a number has made lately, and why we say so.  Pure.

The score is the sum of its classified calls, each weighing half after ``half_life_days``: a prank
1, one in the IVR 0.5, a silent call 0.1 (a stroke is silent too; one that answered by key weighs
nothing), and each real emergency −10.  Never below 0.  It proposes, a supervisor decides.
"""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

WEIGHTS = {"prank": 1.0, "ivr_prank": 0.5, "ghost": 0.1}
REAL_WEIGHT = -10.0
PROPOSED_FROM = 3.0
"""From this score on, and with no real emergency among its calls, a measure is proposed."""
DAY_S = 86_400


class Outcome(Struct, frozen=True):
    """What one call of the number was."""

    at: datetime
    call_class: str
    linked: bool = False
    """It told of an incident: real, whatever its class."""
    keyed: bool = False
    """Its silent caller answered by key: somebody was there and needed something."""


class Score(Struct, frozen=True):
    """A number's score with its explanation."""

    value: float
    counted: dict[str, int]
    """Kind → calls: ``real``, ``prank``, ``ivr_prank``, ``ghost`` and ``other``."""
    days: int
    """The oldest of them was so many days ago."""
    proposed: bool
    """Whether a measure is proposed."""


def kind_of(outcome: Outcome) -> str:
    """What the call counts as."""
    if outcome.linked or outcome.call_class == "normal":
        return "real"
    if outcome.call_class in WEIGHTS and not outcome.keyed:
        return outcome.call_class
    return "other"


def score(outcomes: Iterable[Outcome], now: datetime, half_life_days: float) -> Score:
    """The score now; a call to come (a clock was set back) counts as of now."""
    total = 0.0
    oldest_days = 0.0
    counted: Counter[str] = Counter()
    for outcome in outcomes:
        kind = kind_of(outcome)
        age_days = max(0.0, (now - outcome.at).total_seconds() / DAY_S)
        weight = REAL_WEIGHT if kind == "real" else WEIGHTS.get(kind, 0.0)
        total += weight * 0.5 ** (age_days / half_life_days)
        oldest_days = max(oldest_days, age_days)
        counted[kind] += 1
    value = round(max(0.0, total), 2)
    return Score(
        value=value,
        counted=dict(sorted(counted.items())),
        days=math.ceil(oldest_days),
        proposed=value >= PROPOSED_FROM and not counted["real"],
    )
