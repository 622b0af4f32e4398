"""Rows of the table: a figure, its goal, the limit measured in the same run."""

import math
from collections.abc import Sequence

from msgspec import Struct


class Figure(Struct, frozen=True, kw_only=True):
    """One measured figure."""

    name: str
    value: float | None
    """None: could not be measured; ``how`` says why."""
    unit: str
    goal: float | None
    """None: told for information."""
    at_least: bool = False
    """Whether more is better."""
    limit: float | None = None
    """The same without us, measured in the same run (raw commits, bare echo, bare HTTP)."""
    how: str

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        if self.value is None:
            return False
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def row(self) -> dict[str, object]:
        """As written to ``--json``."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "met": self.met,
            "limit": self.limit,
            "how": self.how,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` (0 to 1) of the values do not exceed.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def printed(figures: Sequence[Figure]) -> str:
    """The table for people."""
    lines = []
    for figure in figures:
        value = "–" if figure.value is None else f"{figure.value:,.4g}"
        goal = (
            "" if figure.goal is None else f"{'≥' if figure.at_least else '≤'} {figure.goal:,.4g}"
        )
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        limit = "" if figure.limit is None else f"limit {figure.limit:,.4g}"
        head = f"{figure.name:<44} {value:>10} {figure.unit:<8} {goal:<10} {met:<7} {limit}"
        lines.append(f"{head.rstrip()}\n    {figure.how}")
    return "\n".join(lines)
