"""The stream of callers: what happens, who rings, what they say.  Pure: chance is given."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tahuri.simulate.mix import (
    AMBONESE_SHARE,
    LOCATED_SHARE,
    NO_NUMBER_SHARE,
    NOISE,
    PRANKSTERS,
    REDIAL_SHARE,
    RHYTHM,
    TOPICS,
    WITHHELD_SHARE,
    NoiseKind,
    Topic,
)
from tahuri.simulate.spots import Spot, Spots
from tahuri.simulate.tellings import Book, Telling

NUMBER_PREFIX = "+620112"
"""After +62 no number begins with 0: these numbers can belong to nobody."""
FOLLOWERS_MAX = 3
FOLLOWERS_WITHIN_S = 150.0
FIRST_CALL_S = 4.0
T = TypeVar("T")

Kind = Literal["genuine", "queue", "early", "prank", "ghost", "information"]
NumberStatus = Literal["present", "withheld", "none"]


class Attempt(Struct, frozen=True):
    """One ringing of the caller."""

    after_s: float
    """Seconds after the last attempt ended; 0 for the first."""
    patience_s: float
    """Seconds that the caller waits in the queue."""
    stay_s: float | None
    """Seconds after the answer until the caller hangs up whatever is said; None: to the end."""


class Located(Struct, frozen=True):
    """What the caller's phone says of its place."""

    lat: float
    lon: float
    uncertainty_m: int


class Event(Struct, frozen=True):
    """What has happened; several callers may tell of it."""

    event_id: str
    topic: Topic
    category: str
    priority: int
    spot: Spot
    injured: int
    hazards: tuple[str, ...]
    summary: str
    hospital: bool
    on_scene_s: float
    disposition: str


class Story(Struct, frozen=True):
    """One caller."""

    story_id: str
    at_s: float
    """Seconds after the start."""
    kind: Kind
    event: Event | None
    leads: bool
    """Whether this is the first caller about the event."""
    alias: str
    number: str
    number_status: NumberStatus
    located: Located | None
    voice: str
    """Variant of the voice, e.g. ``f2``."""
    lines: tuple[str, ...]
    """What the caller tells, in order; none: silence."""
    replies: tuple[str, ...]
    """What the caller answers when everything is told."""
    closing: str
    hello: str
    attempts: tuple[Attempt, ...]


class Rates(Struct, frozen=True):
    """How much happens.

    ``start_hour``: local hour at the start, 0 ≤ h < 24, for a rate that follows the day; None: the
    same rate all day.
    """

    calls_per_hour: float = 60.0
    noise_share: float = 0.4
    start_hour: float | None = None


class Stream:
    """An endless stream of stories; the same chance and rates give the same stream.

    Args:
        priorities: category code → usual priority, of the city pack.
    """

    def __init__(
        self,
        chance: Random,
        spots: Spots,
        book: Book,
        priorities: Mapping[str, int],
        rates: Rates,
    ) -> None:
        if rates.calls_per_hour <= 0 or not 0 <= rates.noise_share <= 1:
            raise ValueError("calls_per_hour must be positive and noise_share from 0 to 1")
        self._chance = chance
        self._spots = spots
        self._book = book
        self._priorities = priorities
        self._rates = rates
        self._people = 0
        self._events = 0
        self._stories = 0
        self._pranksters = [self._number() for _ in range(PRANKSTERS)]
        self._later: list[tuple[float, str, Story]] = []

    def __iter__(self) -> Iterator[Story]:
        """Stories by time, for ever."""
        at_s = FIRST_CALL_S
        while True:
            while self._later and self._later[0][0] <= at_s:
                yield heapq.heappop(self._later)[2]
            if self._chance.random() < self._rates.noise_share:
                yield self._noise(at_s)
            else:
                yield self._genuine(at_s)
            at_s += self._chance.expovariate(self._rate_at(at_s) / 3600)

    def _rate_at(self, at_s: float) -> float:
        if self._rates.start_hour is None:
            return self._rates.calls_per_hour
        hour = int(self._rates.start_hour + at_s / 3600) % 24
        return self._rates.calls_per_hour * RHYTHM[hour]

    # ---- what is real -----------------------------------------------------------------------

    def _genuine(self, at_s: float) -> Story:
        topic = pick(self._chance, TOPICS)
        tellings = self._book.of_topic(topic)
        (telling,) = self._chance.choices(tellings, [one.weight for one in tellings])
        event = self._event(telling)
        if self._chance.random() < telling.follow:
            for _ in range(self._chance.randint(1, FOLLOWERS_MAX)):
                self._follow(telling, event, at_s)
        return self._told(telling, event, at_s, leads=True)

    def _event(self, telling: Telling) -> Event:
        chance = self._chance
        self._events += 1
        injured = chance.randint(*telling.injured)
        return Event(
            event_id=f"e{self._events}",
            topic=telling.topic,
            category=telling.category,
            priority=self._priorities[telling.category],
            spot=self._spots.pick(chance),
            injured=injured,
            hazards=telling.hazards,
            summary=telling.summary,
            hospital=telling.hospital and telling_carries(telling, injured),
            on_scene_s=60.0 * chance.uniform(*telling.on_scene_min),
            disposition=chance.choice(telling.dispositions),
        )

    def _follow(self, telling: Telling, event: Event, at_s: float) -> None:
        """Somebody else rings about the same, from a little further away."""
        then_s = at_s + self._chance.uniform(8, FOLLOWERS_WITHIN_S)
        seen = replace(event, spot=self._spots.near(event.spot, self._chance, 120.0))
        story = self._told(telling, seen, then_s, leads=False)
        heapq.heappush(self._later, (then_s, story.story_id, story))

    def _told(self, telling: Telling, event: Event, at_s: float, *, leads: bool) -> Story:
        chance = self._chance
        openings: Sequence[str] = telling.opening
        if telling.ambon and chance.random() < AMBONESE_SHARE:
            openings = telling.ambon
        details = chance.sample(telling.details, min(len(telling.details), chance.randint(2, 3)))
        said = tuple(filled(line, event.spot) for line in (chance.choice(openings), *details))
        patient = Attempt(0.0, chance.uniform(60, 180), None)
        attempts: tuple[Attempt, ...] = (patient,)
        if chance.random() < REDIAL_SHARE:
            hasty = Attempt(0.0, chance.uniform(4, 12), None)
            attempts = (hasty, replace(patient, after_s=chance.uniform(5, 25)))
        place = filled(chance.choice(self._book.replies.place), event.spot)
        replies = (place, *chance.sample(self._book.replies.yes, 2))
        return self._story(at_s, "genuine", event, leads, said, replies, attempts)

    # ---- what is not ------------------------------------------------------------------------

    def _noise(self, at_s: float) -> Story:
        chance = self._chance
        kind: NoiseKind = pick(chance, NOISE)
        said: tuple[str, ...] = ()
        noise = self._book.of_noise(kind)
        if noise is not None:
            openings = (*noise.opening, *noise.ambon)
            count = min(len(noise.details), 2)
            spot = self._spots.pick(chance)
            lines = (chance.choice(openings), *chance.sample(noise.details, count))
            said = tuple(filled(line, spot) for line in lines)
        patience_s = chance.uniform(2, 9) if kind == "queue" else chance.uniform(20, 60)
        stay_s = {"early": chance.uniform(0.5, 4), "ghost": chance.uniform(8, 30)}.get(kind)
        attempt = Attempt(0.0, patience_s, stay_s)
        replies = () if kind == "ghost" else tuple(chance.sample(self._book.replies.yes, 2))
        return self._story(at_s, kind, None, True, said, replies, (attempt,))

    # ---- the person -------------------------------------------------------------------------

    def _story(
        self,
        at_s: float,
        kind: Kind,
        event: Event | None,
        leads: bool,
        lines: tuple[str, ...],
        replies: tuple[str, ...],
        attempts: tuple[Attempt, ...],
    ) -> Story:
        chance = self._chance
        self._people += 1
        self._stories += 1
        prank = kind == "prank"
        return Story(
            story_id=f"s{self._stories:05d}",
            at_s=at_s,
            kind=kind,
            event=event,
            leads=leads,
            alias=f"Pelapor {self._people}",
            number=chance.choice(self._pranksters) if prank else self._number(),
            number_status=self._number_status(),
            located=self._located(event),
            voice=chance.choice(("m1", "m3", "m7", "f1", "f2", "f4")),
            lines=lines,
            replies=replies,
            closing=chance.choice(self._book.replies.closing),
            hello=chance.choice(self._book.replies.hello),
            attempts=attempts,
        )

    def _number(self) -> str:
        return f"{NUMBER_PREFIX}{self._chance.randrange(100_000):05d}"

    def _number_status(self) -> NumberStatus:
        drawn = self._chance.random()
        if drawn < WITHHELD_SHARE:
            return "withheld"
        return "none" if drawn < WITHHELD_SHARE + NO_NUMBER_SHARE else "present"

    def _located(self, event: Event | None) -> Located | None:
        if event is None or self._chance.random() >= LOCATED_SHARE:
            return None
        return Located(event.spot.lat, event.spot.lon, self._chance.choice((15, 40, 150)))


def telling_carries(telling: Telling, injured: int) -> bool:
    """Whether there is somebody to take to hospital: hurt, or about to give birth."""
    return injured > 0 or telling.injured == (0, 0)


def filled(line: str, spot: Spot) -> str:
    """A sentence with its blanks filled."""
    return line.format(place=spot.name, ward=spot.ward)


def pick(chance: Random, weights: Mapping[T, int]) -> T:
    """A key, by weight."""
    (chosen,) = chance.choices(list(weights), list(weights.values()))
    return chosen
