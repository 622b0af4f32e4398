"""What may be done with a measure on a number."""

from datetime import timedelta

import pytest
from facts import START, at, fact, row_after
from given import check

from tahuri.kernel.event import Event
from tahuri.kernel.ids import OperatorId, PersonalId
from tahuri.noise.decider import (
    DAYS_MAX,
    MEASURE,
    REVIEW_WITHIN,
    LetEnd,
    Lift,
    PutInSlowLane,
    Review,
)
from tahuri.noise.events import (
    EndReason,
    MeasureEnded,
    MeasureReason,
    MeasureReviewed,
    MeasureSet,
)
from tahuri.noise.views import MEASURES, MeasureRow
from tahuri.refusals import Refusal

ANA, BUDI = OperatorId("ana"), OperatorId("budi")
SET = MeasureSet(
    operator_id=ANA,
    number=PersonalId("P1"),
    reason=MeasureReason.REPEATED_PRANKS,
    remarks=PersonalId("P2"),
    until=START + timedelta(days=7),
    review_by=START + REVIEW_WITHIN,
    score=4.2,
    counted={"prank": 5},
)
CONFIRMED = MeasureReviewed(operator_id=BUDI, confirmed=True)
LIFTED = MeasureEnded(reason=EndReason.LIFTED, operator_id=BUDI)


def put(days: int) -> PutInSlowLane:
    return PutInSlowLane(
        by=ANA, number=PersonalId("P1"), reason=MeasureReason.REPEATED_PRANKS,
        remarks=PersonalId("P2"), days=days, score=4.2, counted={"prank": 5}, now=START,
    )  # fmt: skip


def test_a_measure_has_a_reason_an_end_and_a_time_to_be_reviewed() -> None:
    """Nothing against a number without somebody who answers for it and a date on which it ends."""
    check(MEASURE, when=put(7), then=[SET])


def test_a_review_is_due_before_the_end() -> None:
    """A measure of one day is reviewed within that day."""
    (event,) = MEASURE.decide(put(1), MEASURE.initial)
    assert isinstance(event, MeasureSet)
    assert event.review_by == event.until == START + timedelta(days=1)


@pytest.mark.parametrize("confirmed", [True, False])
def test_nobody_reviews_their_own_measure(confirmed: bool) -> None:
    """Four eyes: whoever is angry at a caller is not the one to judge it."""
    check(
        MEASURE,
        given=[SET],
        when=Review(by=ANA, confirmed=confirmed),
        refused=Refusal.NOT_ALLOWED,
    )


def test_another_supervisor_confirms_it_and_it_goes_on() -> None:
    """Given a measure; when another confirms it; then the wait for a review ends nothing."""
    check(MEASURE, given=[SET], when=Review(by=BUDI, confirmed=True), then=[CONFIRMED])
    check(MEASURE, given=[SET, CONFIRMED], when=Review(by=BUDI, confirmed=True), then=[])
    check(MEASURE, given=[SET, CONFIRMED], when=LetEnd(reason=EndReason.UNREVIEWED), then=[])


def test_a_measure_that_another_does_not_confirm_ends() -> None:
    """Both are facts: the judgement and the end."""
    check(
        MEASURE,
        given=[SET],
        when=Review(by=BUDI, confirmed=False),
        then=[
            MeasureReviewed(operator_id=BUDI, confirmed=False),
            MeasureEnded(reason=EndReason.NOT_CONFIRMED, operator_id=BUDI),
        ],
    )


def test_a_measure_that_nobody_reviews_ends_by_itself() -> None:
    """A forgotten measure must not slow anybody for a month."""
    ended = MeasureEnded(reason=EndReason.UNREVIEWED)
    check(MEASURE, given=[SET], when=LetEnd(reason=EndReason.UNREVIEWED), then=[ended])


def test_a_measure_ends_when_its_time_is_over_confirmed_or_not() -> None:
    """None is for ever."""
    ended = MeasureEnded(reason=EndReason.EXPIRED)
    for given in ([SET], [SET, CONFIRMED]):
        check(MEASURE, given=given, when=LetEnd(reason=EndReason.EXPIRED), then=[ended])
    check(MEASURE, given=[SET, LIFTED], when=LetEnd(reason=EndReason.EXPIRED), then=[])


@pytest.mark.parametrize("by", [ANA, BUDI])
def test_any_supervisor_lifts_it_at_any_time(by: OperatorId) -> None:
    """Ending a measure needs no second pair of eyes."""
    ended = MeasureEnded(reason=EndReason.LIFTED, operator_id=by)
    check(MEASURE, given=[SET, CONFIRMED], when=Lift(by=by), then=[ended])


@pytest.mark.parametrize("given", [[], [SET, LIFTED]])
@pytest.mark.parametrize("when", [Lift(by=BUDI), Review(by=BUDI, confirmed=True)])
def test_what_is_over_or_never_was_is_refused(given: list[Event], when: object) -> None:
    """Two supervisors with one list: the second hears that it is over."""
    check(MEASURE, given=given, when=when, refused=Refusal.MEASURE_NOT_ACTIVE)


def test_the_row_tells_the_whole_story() -> None:
    """The list is what a complaint is answered from."""
    facts = [
        fact(event, stream="measure/M1", second=n, seq=n + 1)
        for n, event in enumerate([SET, CONFIRMED, LIFTED])
    ]
    row: MeasureRow = row_after(MEASURES, "M1", facts)
    assert (row.set_by, row.set_at, row.until) == (ANA, at(0), SET.until)
    assert (row.reviewed_by, row.reviewed_at) == (BUDI, at(1))
    assert (row.ended_by, row.ended_at, row.end_reason) == (BUDI, at(2), "lifted")
    assert (row.score, row.counted, row.number) == (4.2, {"prank": 5}, "P1")


def test_thirty_days_are_the_most() -> None:
    """The issue's limit, which the request's schema carries."""
    assert DAYS_MAX == 30
