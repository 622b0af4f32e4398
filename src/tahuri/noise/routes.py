"""HTTP of noise: a number's score for the room, measures and what they cost for supervisors."""

from typing import Annotated, Any, cast

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.http import Json, Nothing, Routes, answered, db, who, writing
from tahuri.kernel.ids import OperatorId
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid
from tahuri.kernel.roles import Role
from tahuri.noise import queries
from tahuri.noise.deadlines import EXPIRY, REVIEW, key_of
from tahuri.noise.decider import DAYS, DAYS_MAX, MEASURE, Lift, PutInSlowLane, Review
from tahuri.noise.estimate import Estimate, LaneFigures, lost
from tahuri.noise.events import MeasureEnded, MeasureReason, MeasureSet
from tahuri.noise.score import Outcome, Score, score
from tahuri.numbers import NumberPlan

ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)
SUPERVISORS = (Role.SUPERVISOR,)
REMARKS_CHARS_MAX = 1_000
SHOWN_MAX = 30

routes = Routes("noise")


class SetMeasure(Command, frozen=True):
    """Which number's calls to slow, why and for how long."""

    number: Annotated[str, Meta(pattern=r"^\+?[0-9*#]{2,20}$")]
    reason: MeasureReason
    remarks: Annotated[str, Meta(max_length=REMARKS_CHARS_MAX)] = ""
    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] = DAYS


class ReviewMeasure(Command, frozen=True):
    """What another supervisor thinks of it."""

    confirmed: bool


class NumberNoise(Struct, frozen=True, kw_only=True):
    """A number with its score."""

    number: str
    score: Score
    measure_id: str | None
    """Of its active measure."""


class Noise(Struct, frozen=True, kw_only=True):
    """What supervisors look at."""

    numbers: list[NumberNoise]
    """Highest score first."""
    figures: LaneFigures
    estimate: Estimate
    look_back_days: int


def plan_of(request: Request) -> NumberPlan:
    """How the city's numbers are dialled."""
    return cast("NumberPlan", request.app.state.number_plan)


def _score(request: Request, outcomes: list[Outcome]) -> Score:
    half_life_days = request.app.state.settings.noise_half_life_days
    return score(outcomes, clock.now(), half_life_days)


@routes.get("/api/calls/{call_id}/noise", roles=ROOM)
async def call_noise(request: Request) -> Response:
    """The score of the caller's number with its explanation, and the measure on it; null where the
    number is not known."""
    number = await queries.number_of(db(request), request.path_params["call_id"])
    if number is None:
        return Json({"score": None, "measure": None})
    found = await queries.outcomes(db(request), [number], clock.now(), plan_of(request))
    measure = await queries.measure_on(db(request), number, plan_of(request))
    return Json({"score": _score(request, found[number]), "measure": measure})


@routes.get("/api/noise", roles=SUPERVISORS)
async def noise(request: Request) -> Response:
    """Numbers by their score, and how many real emergencies the slow lane may have cost."""
    now = clock.now()
    measured = {number: key for key, number, _ in await queries.active_measures(db(request))}
    plan = plan_of(request)
    noisy = [*await queries.noisy_numbers(db(request), now), *measured]
    numbers = {plan.canonical(number): number for number in noisy}  # as the measured one came
    found = await queries.outcomes(db(request), sorted(numbers.values()), now, plan)
    shown = [
        NumberNoise(number=number, score=_score(request, outcomes), measure_id=measured.get(number))
        for number, outcomes in found.items()
    ]
    shown.sort(key=lambda one: (-one.score.value, one.number))
    figures = await queries.lane_figures(db(request), now)
    return Json(
        Noise(
            numbers=[one for n, one in enumerate(shown) if n < SHOWN_MAX or one.measure_id],
            figures=figures,
            estimate=lost(figures),
            look_back_days=queries.LOOK_BACK.days,
        )
    )


@routes.post(
    "/api/measures",
    SetMeasure,
    roles=SUPERVISORS,
    example={"number": "+6281100000001", "reason": "repeated-pranks", "remarks": "", "days": 7},
    answer={"seq": 130, "measure_id": "01J…"},
)
async def set_measure(request: Request, asked: SetMeasure) -> dict[str, Any]:
    """Puts a number's calls into the slow lane; another supervisor has to confirm it in time."""
    found = await queries.outcomes(db(request), [asked.number], clock.now(), plan_of(request))
    now_score = _score(request, found[asked.number])
    async with writing(request) as log:
        if log.answered is None:
            spellings = plan_of(request).spellings(asked.number)
            if await log.fetch(queries.MEASURE_ON, (log.city_id, spellings)):
                raise Invalid.of({"number": "has an active measure: lift that one first"})
            remarks = log.personal("remarks", {"text": asked.remarks}) if asked.remarks else None
            command = PutInSlowLane(
                by=OperatorId(who(request).operator_id),
                number=log.personal("measured-number", {"number": asked.number}),
                reason=asked.reason,
                remarks=remarks,
                days=asked.days,
                score=now_score.value,
                counted=now_score.counted,
                now=log.now,
            )
            stream = StreamId("measure", new_id())
            body = {"measure_id": stream.key}
            for event in MEASURE.decide(command, MEASURE.initial):
                assert isinstance(event, MeasureSet)
                await log.append(stream, [event])
                await log.deadline(key_of(REVIEW, stream.key), event.review_by, REVIEW, body)
                await log.deadline(key_of(EXPIRY, stream.key), event.until, EXPIRY, body)
            log.answer |= body
    return answered(log)


@routes.post(
    "/api/measures/{measure_id}/review",
    ReviewMeasure,
    roles=SUPERVISORS,
    example={"confirmed": True},
)
async def review_measure(request: Request, asked: ReviewMeasure) -> dict[str, Any]:
    """Confirms another supervisor's measure, or ends it."""
    by = OperatorId(who(request).operator_id)
    return await _decide(request, Review(by=by, confirmed=asked.confirmed))


@routes.post("/api/measures/{measure_id}/lift", Nothing, roles=SUPERVISORS)
async def lift_measure(request: Request, _: Nothing) -> dict[str, Any]:
    """Ends a measure at once."""
    return await _decide(request, Lift(by=OperatorId(who(request).operator_id)))


async def _decide(request: Request, command: Review | Lift) -> dict[str, Any]:
    stream = StreamId("measure", request.path_params["measure_id"])
    async with writing(request) as log:
        if log.answered is None:
            events = MEASURE.decide(command, MEASURE.state(await log.read(stream)))
            await log.append(stream, events)
            if events:
                await log.forget_deadline(key_of(REVIEW, stream.key))
            if any(isinstance(event, MeasureEnded) for event in events):
                await log.forget_deadline(key_of(EXPIRY, stream.key))
    return answered(log)
