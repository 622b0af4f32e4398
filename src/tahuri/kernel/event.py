"""Facts, the events they carry, the commands that ask for them and the deciders between.  Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

import msgspec
from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that happened.  Past tense, whole words, ids only: no personal data.

    The tag is the stored name and never changes; a new field has a default.
    """


class Command(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something asked for.  A field that is not known is refused and named."""


class StreamId(Struct, frozen=True):
    """Whose history a fact belongs to: ``kind/key``, e.g. ``incident/01J…``."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError when there is no slash."""
        kind, slash, key = text.partition("/")
        if not (kind and slash and key):
            raise ValueError(f"not a stream: {text!r}")
        return cls(kind, key)


class Fact(Struct, frozen=True, kw_only=True):
    """An event with its place in the city's log."""

    seq: int
    """1, 2, 3 … without a gap, one count a city."""
    stream: StreamId
    version: int
    """1, 2, 3 … within the stream."""
    at: datetime
    """When it happened, UTC, by the clock of whoever saw it."""
    recorded_at: datetime
    """When the log took it, UTC.  Later than ``at`` after an outage or a dead spot."""
    actor: str
    """Operator id, or the process that acted: ``switch``, ``work``."""
    command: str
    """The command or the switch's event that led to it."""
    personal: dict[str, str] = {}
    """Erasable rows that came with it, and the digest (hex) of each."""
    event: Event


@cache
def event_types() -> dict[str, type[Event]]:
    """Every event by its stored name.  Call after the slices are imported."""
    found: dict[str, type[Event]] = {}
    waiting = list(Event.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        tag = kind.__struct_config__.tag
        if isinstance(tag, str):
            if tag in found and found[tag] is not kind:
                raise ValueError(f"two events are stored as {tag!r}")
            found[tag] = kind
    return found


def stored(event: Event) -> tuple[str, dict[str, Any]]:
    """The stored name and the body of an event."""
    body = cast("dict[str, Any]", msgspec.to_builtins(event))
    return body.pop("type"), body


def loaded(tag: str, body: dict[str, Any]) -> Event:
    """The event stored under ``tag``.

    Raises:
        ValueError: no such event, or a body that it cannot have.
    """
    kind = event_types().get(tag)
    if kind is None:
        raise ValueError(f"no event is stored as {tag!r}")
    return msgspec.convert({**body, "type": tag}, kind)


S = TypeVar("S")
P = ParamSpec("P")


@dataclass(frozen=True)
class Decider(Generic[S, P]):
    """The rules of one kind of stream: what a command leads to, and what an event leaves."""

    initial: S
    decide: Callable[Concatenate[Any, S, P], Sequence[Event]]
    """(command, state, what else must be known) → events; ``[]`` if it is so already.  Refuses."""
    evolve: Callable[[S, Any], S]
    """(state, event) → state.  Never refuses: it has happened."""

    def after(self, events: Iterable[Event]) -> S:
        """The state that these events leave."""
        state = self.initial
        for event in events:
            state = self.evolve(state, event)
        return state

    def state(self, facts: Iterable[Fact]) -> S:
        """The state that these facts of one stream leave."""
        return self.after(fact.event for fact in facts)
