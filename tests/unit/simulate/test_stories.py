"""The stream of callers: seeded, in Ambon's mix, on Ambon's land."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tahuri.city.pack import load_pack, pack_folder
from tahuri.simulate.mix import DISTRICTS, NOISE, TOPICS
from tahuri.simulate.spots import Spots, spots_of
from tahuri.simulate.stories import NUMBER_PREFIX, Rates, Story, Stream
from tahuri.simulate.tellings import every_line, load_book

Stories = Callable[[int, int, Rates], list[Story]]
MANY = 4000
TOLERANCE = 0.035
"""Three standard deviations of a share near one half of 4,000."""


@pytest.fixture(scope="session")
def spots() -> Spots:
    """Ambon's places; read once, they never change."""
    return spots_of(load_pack(pack_folder("ambon")), dict(DISTRICTS))


@pytest.fixture(scope="session")
def tell(spots: Spots) -> Stories:
    """The first stories of a seed."""
    pack = load_pack(pack_folder("ambon"))
    priorities = {one.code: one.default_priority for one in pack.categories}

    def told(seed: int, count: int, rates: Rates) -> list[Story]:
        stream = Stream(Random(seed), spots, load_book(), priorities, rates)
        return list(islice(stream, count))

    return told


@given(seed=st.integers(0, 2**32), share=st.floats(0, 1))
def test_the_same_seed_gives_the_same_callers(tell: Stories, seed: int, share: float) -> None:
    """A fault that one run shows must be there again in the next."""
    rates = Rates(noise_share=share)
    assert tell(seed, 20, rates) == tell(seed, 20, rates)


@given(seed=st.integers(0, 2**32))
def test_callers_come_in_order_of_time_and_each_once(tell: Stories, seed: int) -> None:
    """Who rings about the fire of somebody else must not wait for the next stranger."""
    stories = tell(seed, 60, Rates())
    assert all(one.at_s <= two.at_s for one, two in pairwise(stories))
    assert len({one.story_id for one in stories}) == len(stories)


@given(seed=st.integers(0, 2**32))
def test_every_place_is_on_the_land_of_the_city(tell: Stories, spots: Spots, seed: int) -> None:
    """The centre refuses a place outside its region, and no house burns in the bay."""
    for story in tell(seed, 40, Rates(noise_share=0)):
        assert story.event is not None
        assert spots.on_land(story.event.spot.lat, story.event.spot.lon)


def test_what_happens_follows_the_published_mix(tell: Stories) -> None:
    """Two months of Ambon's own figures; callers about the same event count once."""
    stories = tell(7, MANY, Rates(noise_share=0))
    events = [one.event for one in stories if one.leads and one.event]
    counted, total = Counter(one.topic for one in events), sum(TOPICS.values())
    for topic, weight in TOPICS.items():
        assert counted[topic] / len(events) == pytest.approx(weight / total, abs=TOLERANCE)


def test_where_it_happens_follows_the_published_districts(tell: Stories) -> None:
    """Four months by kecamatan."""
    events = [one.event for one in tell(8, MANY, Rates(noise_share=0)) if one.event]
    counted, total = Counter(one.spot.district_code for one in events), sum(DISTRICTS.values())
    for code, weight in DISTRICTS.items():
        assert counted[code] / len(events) == pytest.approx(weight / total, abs=TOLERANCE)


def test_noise_has_the_share_that_is_asked_for_and_the_kinds_of_jakarta(tell: Stories) -> None:
    """A demo with a hundred pranks for one fire shows nothing."""
    stories = [one for one in tell(9, MANY, Rates(noise_share=0.4)) if one.leads]
    noise = Counter(one.kind for one in stories if one.event is None)
    assert noise.total() / len(stories) == pytest.approx(0.4, abs=TOLERANCE)
    for kind, weight in NOISE.items():
        share = weight / sum(NOISE.values())
        assert noise[kind] / noise.total() == pytest.approx(share, abs=TOLERANCE * 1.6)


@pytest.mark.parametrize("rate", [6.0, 60.0, 600.0])
def test_as_many_events_begin_an_hour_as_asked_for(tell: Stories, rate: float) -> None:
    """Rates are what a visitor turns; callers about the same event come on top."""
    leading = [one for one in tell(3, MANY, Rates(calls_per_hour=rate)) if one.leads]
    assert len(leading) / (leading[-1].at_s / 3600) == pytest.approx(rate, rel=0.1)


def test_a_stream_with_the_days_rhythm_is_quiet_at_night(tell: Stories) -> None:
    """Four in the morning has a third of the mean."""
    night = tell(3, 200, Rates(calls_per_hour=3600, start_hour=4.0))
    noon = tell(3, 200, Rates(calls_per_hour=3600, start_hour=16.0))
    assert night[-1].at_s > 2 * noon[-1].at_s


def test_a_fire_is_reported_by_several_people_in_their_own_words(tell: Stories) -> None:
    """The second caller must become part of the same incident, not a second one."""
    stories = tell(11, MANY, Rates(noise_share=0))
    calls = Counter(one.event.event_id for one in stories if one.event)
    fires = {
        one.event.event_id
        for one in stories[: MANY // 2]
        if one.event and one.event.category == "structure-fire"
    }
    assert fires
    assert all(calls[fire] >= 2 for fire in fires)
    openings = {one.lines[0] for one in stories if one.event and one.event.event_id == min(fires)}
    assert openings


def test_nobody_can_have_the_callers_numbers(tell: Stories) -> None:
    """After +62 no Indonesian number begins with 0; and nobody has a name."""
    stories = tell(5, 500, Rates())
    pattern = re.compile(re.escape(NUMBER_PREFIX) + r"\d{5}$")
    assert NUMBER_PREFIX.startswith("+620")
    assert all(pattern.match(one.number) for one in stories)
    assert all(re.match(r"^Pelapor \d+$", one.alias) for one in stories)


def test_every_kind_of_trouble_comes_within_a_day_of_demo(tell: Stories) -> None:
    """Redials, withheld numbers, phones without a number, and phones that know their place."""
    stories = tell(2, 1500, Rates())
    assert {one.number_status for one in stories} == {"present", "withheld", "none"}
    assert any(one.located for one in stories)
    assert any(len(one.attempts) > 1 for one in stories)
    assert {one.kind for one in stories} == {"genuine", *NOISE}
    assert all(not one.lines for one in stories if one.kind == "ghost")


def test_nobody_in_a_ghost_call_speaks_and_all_genuine_callers_do(tell: Stories) -> None:
    """A silent caller is silent to the end."""
    for story in tell(4, 500, Rates()):
        assert bool(story.lines) == (story.kind in ("genuine", "prank", "information", "early"))


def test_categories_hazards_and_dispositions_are_those_of_the_city_pack() -> None:
    """A report that the centre refuses would leave the robot with an open case."""
    pack, book = load_pack(pack_folder("ambon")), load_book()
    for telling in book.telling:
        assert telling.category in {one.code for one in pack.categories}
        assert set(telling.hazards) <= {one.code for one in pack.hazards}
        assert set(telling.dispositions) <= {one.code for one in pack.dispositions}


def test_only_attested_ambonese_is_spoken() -> None:
    """Words that wait for a speaker's check stay out; no caricature of a language."""
    book = load_book()
    unchecked = {
        "tabakar",
        "tenggalang",
        "bakalai",
        "mabo",
        "saki",
        "sake",
        "banjer",
        "seng",
        "oto",
    }
    attested = [word.lower() for word in book.ambonese_words]
    for line in every_line(book):
        assert not unchecked & set(re.findall(r"[\w-]+", line.lower()))
    for telling in book.telling:
        for line in telling.ambon:
            assert any(re.search(rf"\b{word}\b", line.lower()) for word in attested), line


@pytest.mark.parametrize("rates", [Rates(calls_per_hour=0), Rates(noise_share=1.5)])
def test_rates_that_cannot_be_are_refused(tell: Stories, rates: Rates) -> None:
    """A typing error on the command line is said at once."""
    with pytest.raises(ValueError, match="calls_per_hour"):
        tell(1, 1, rates)
