"""What callers say: ``sentences.toml``, checked when it is read."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tahuri.simulate.mix import TOPICS, NoiseKind, Topic

FILE = Path(__file__).parent / "sentences.toml"
BLANKS = frozenset({"place", "ward"})

Lines = Annotated[tuple[str, ...], Meta(min_length=1)]
Range = tuple[int, int]


class Telling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of event as callers tell it."""

    topic: Topic
    category: str
    """Code of the city pack."""
    weight: int = 1
    """Against the other tellings of the topic."""
    injured: Range
    hospital: bool = False
    """Whether an ambulance takes somebody away, when anybody is hurt or ill."""
    on_scene_min: Range
    """Minutes that crews stay."""
    dispositions: Lines
    hazards: tuple[str, ...] = ()
    follow: float = 0.0
    """Chance that others ring about the same."""
    summary: str
    opening: Lines
    details: Lines
    ambon: tuple[str, ...] = ()
    """Openings with Ambonese words."""


class Noise(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said in calls about nothing."""

    kind: NoiseKind
    opening: Lines
    details: tuple[str, ...] = ()
    ambon: tuple[str, ...] = ()


class Replies(Struct, frozen=True, forbid_unknown_fields=True):
    """What any caller says when asked."""

    place: Lines
    yes: Lines
    closing: Lines
    hello: Lines


class Book(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    ambonese_words: Lines
    telling: tuple[Telling, ...]
    noise: tuple[Noise, ...]
    replies: Replies

    def of_topic(self, topic: Topic) -> list[Telling]:
        """The tellings of a topic, at least one."""
        return [telling for telling in self.telling if telling.topic == topic]

    def of_noise(self, kind: NoiseKind) -> Noise | None:
        """What that noise says; None: nothing."""
        return next((noise for noise in self.noise if noise.kind == kind), None)


@cache
def load_book() -> Book:
    """The sentences.

    Raises:
        ValueError: a topic has no telling, or a sentence a blank that nobody fills.
    """
    book = msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), Book)
    for topic in TOPICS:
        if not book.of_topic(topic):
            raise ValueError(f"nobody tells of {topic}")
    for line in every_line(book):
        if not set(re.findall(r"\{(.*?)\}", line)) <= BLANKS:
            raise ValueError(f"unknown blank in {line!r}")
    return book


def every_line(book: Book) -> list[str]:
    """Every sentence that can be spoken, with its blanks."""
    lines = [*book.replies.place, *book.replies.yes, *book.replies.closing, *book.replies.hello]
    both: list[Telling | Noise] = [*book.telling, *book.noise]
    for one in both:
        lines += [*one.opening, *one.details, *one.ambon]
    return lines
