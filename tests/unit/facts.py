"""Facts for folds, with times that can be told apart."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.view import View

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    """``second`` after START."""
    return START + timedelta(seconds=second)


def fact(
    event: Event,
    *,
    stream: str = "call/C1",
    second: float = 0,
    late_s: float = 0,
    seq: int = 1,
    actor: str = "switch",
) -> Fact:
    """A fact that happened ``second`` after START and was recorded ``late_s`` later."""
    return Fact(
        seq=seq,
        stream=StreamId.parse(stream),
        version=seq,
        at=at(second),
        recorded_at=at(second + late_s),
        actor=actor,
        command=f"command-{seq}",
        event=event,
    )


def row_after(view: View, key: str, facts: Iterable[Fact]) -> Any:
    """The row that these facts leave; those that do not name it are passed over."""
    row: Any = view.new(key)
    for one in facts:
        if key in view.keys(one.stream, one.event):
            row = view.fold(row, one)
    return row
