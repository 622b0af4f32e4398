"""Rows that screens see, folded from facts.  Pure; ``kernel.log`` stores them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from msgspec import Struct

from tahuri.kernel.event import Event, Fact, StreamId


class Row(Struct, frozen=True, kw_only=True):
    """One row of a view.  Every field but the key has a default."""


@dataclass(frozen=True)
class View:
    """A folding of the log: which rows a fact touches and what each becomes."""

    name: str
    row: type[Row]
    key_field: str
    keys: Callable[[StreamId, Event], Sequence[str]]
    """(stream, event) → keys of the rows it touches."""
    fold: Callable[[Any, Fact], Any]
    """(row, fact) → the row after it.  Never refuses."""
    personal: tuple[str, ...] = ()
    """Paths of fields that name erasable rows, e.g. ``caller`` or ``notes[].note``."""

    def new(self, key: str) -> Row:
        """The row before its first fact."""
        return self.row(**{self.key_field: key})

    def load(self, body: dict[str, Any]) -> Row:
        """A stored row."""
        return msgspec.convert(body, self.row)

    def personal_ids(self, body: dict[str, Any]) -> list[str]:
        """The erasable rows that a stored row names, in the order of ``personal``."""
        return [found for path in self.personal for found in _at(body, path.split("."))]


def _at(value: Any, path: list[str]) -> Iterable[str]:
    if not path:
        return [value] if isinstance(value, str) else []
    name = path[0].removesuffix("[]")
    inner = value.get(name) if isinstance(value, dict) else None
    if path[0].endswith("[]"):
        return [found for item in inner or [] for found in _at(item, path[1:])]
    return _at(inner, path[1:])


def body_of(row: Row) -> dict[str, Any]:
    """A row as it is stored and sent."""
    return cast("dict[str, Any]", msgspec.to_builtins(row))
