"""Scores, measures and the lane over HTTP on a real PostgreSQL; measures told to the switch."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

import tahuri.calls.views
import tahuri.noise.routes
import tahuri.noise.views
from tahuri.calls.events import (
    CallArrived,
    CallClass,
    CallClassified,
    CallEnded,
    CallLinked,
    CallSampled,
    CallSlowed,
    LaneLeft,
)
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.deadlines import carry_out, due
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.ids import IncidentId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.roles import Role
from tahuri.kernel.verify import verify
from tahuri.noise import push
from tahuri.noise.deadlines import DEADLINES
from tahuri.noise.push import MeasurePush
from tahuri.numbers import NumberPlan
from tahuri.settings import Settings
from tahuri.telephony.protocol.operations import number_digest

VIEWS = (*tahuri.calls.views.VIEWS, *tahuri.noise.views.VIEWS)
PEOPLE = {
    "ana": SignedOn("ana", "Ana", (Role.SUPERVISOR,)),
    "budi": SignedOn("budi", "Budi", (Role.SUPERVISOR,)),
    "taker": SignedOn("taker", "Penerima", (Role.CALL_TAKER,)),
    "crew": SignedOn("crew", "Regu", (Role.CREW,)),
}
NOISY, QUIET = "+6281100000001", "+6281100000002"
PRANK, REAL = (
    CallClassified(call_class=CallClass.PRANK),
    CallClassified(call_class=CallClass.NORMAL),
)
SLOWED = CallSlowed(measure_id="S1", wait_max_s=20)
SAMPLED = CallSampled(measure_id="S1", share=0.1)
ANSWERED = CallEnded(outcome="answered", by="caller")
ABANDONED = CallEnded(outcome="abandoned", by="caller")


async def reader(request: Request) -> SignedOn | None:
    return PEOPLE.get(request.headers.get("who", ""))


class Room:
    """Supervisors' programs, and the switch's facts."""

    def __init__(self, client: httpx.AsyncClient, database: Database) -> None:
        self.client, self.database = client, database

    async def post(
        self, who: str, path: str, body: dict[str, Any], key: str = ""
    ) -> httpx.Response:
        headers = {"who": who, "Idempotency-Key": key or new_id()}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, who: str, path: str) -> Any:
        answer = await self.client.get(path, headers={"who": who})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def call(
        self, *events: Event, number: str | None = NOISY, at: datetime | None = None
    ) -> str:
        """A call with these facts; its id."""
        stream = StreamId("call", new_id())
        write = Writing(actor="switch", command=new_id(), now=clock.now())
        async with writing(self.database, VIEWS, write) as log:
            caller = log.personal("caller", {"number": number}) if number else None
            status = "present" if number else "none"
            arrived = CallArrived(trunk="isat", number_status=status, caller=caller)
            await log.append(stream, [arrived, *events], at=at)
        return stream.key

    async def measure(self, number: str = NOISY, **more: Any) -> str:
        body = {"number": number, "reason": "repeated-pranks", **more}
        answer = await self.post("ana", "/api/measures", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["measure_id"])

    async def row(self, measure_id: str) -> dict[str, Any]:
        record = await self.database.one(
            "select body from view_rows where view = 'measure' and key = %s", (measure_id,)
        )
        assert record is not None
        body: dict[str, Any] = record[0]
        return body

    async def later(self, **delta: float) -> None:
        """Every deadline that has come by then is carried out."""
        for one in await due(self.database, clock.now() + timedelta(**delta)):
            await carry_out(self.database, VIEWS, DEADLINES, one)

    async def table(self) -> tuple[str, list[dict[str, Any]]]:
        """What the switch is told."""
        told: list[dict[str, Any]] = []

        async def tell(op: str, **arguments: Any) -> None:
            assert op == "measures"
            told.append(arguments)

        await MeasurePush(self.database, tell, number_digest).once()
        return told[0]["salt"], told[0]["measures"]

    async def erase(self, number: str) -> None:
        """All that is kept of a number."""
        async with self.database.connection() as connection:
            await connection.execute(
                "update personal set body = null, salt = null, erased_at = now() "
                "where body ->> 'number' = %s",
                (number,),
            )


@pytest.fixture
async def room(database: Database, tmp_path: Path) -> AsyncIterator[Room]:
    """A room whose log is proved after every test."""
    routes = tahuri.noise.routes.routes.starlette()
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    app.state.db, app.state.views, app.state.session_reader = database, VIEWS, reader
    app.state.settings = Settings(data=str(tmp_path))
    app.state.number_plan = NumberPlan()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://room") as client:
        yield Room(client, database)
    verdict = await verify(database, VIEWS)
    assert verdict.fault is None


async def test_the_call_taker_sees_what_the_numbers_calls_were(room: Room) -> None:
    """Given three pranks within 20 days and a call of another number; when the number calls again;
    then the score says three pranks in 20 days and nothing of the other's."""
    ago = clock.now() - timedelta(days=19.5)
    for at in (ago, None, None):
        await room.call(PRANK, at=at)
    await room.call(REAL, number=QUIET)
    call_id = await room.call()
    found = await room.get("taker", f"/api/calls/{call_id}/noise")
    assert found["score"]["counted"] == {"prank": 3}
    assert found["score"]["days"] == 20
    assert 2.6 < found["score"]["value"] < 2.7
    assert found["measure"] is None


async def test_a_caller_without_a_number_has_no_score(room: Room) -> None:
    """Nor has a call that nobody knows."""
    call_id = await room.call(number=None)
    for one in (call_id, "nobody"):
        assert await room.get("taker", f"/api/calls/{one}/noise") == {
            "score": None,
            "measure": None,
        }


async def test_a_linked_prank_is_real(room: Room) -> None:
    """It told of an incident, whatever was clicked."""
    await room.call(PRANK)
    call_id = await room.call(PRANK, CallLinked(incident_id=IncidentId("I1")))
    found = await room.get("taker", f"/api/calls/{call_id}/noise")
    assert found["score"]["counted"] == {"prank": 1, "real": 1}
    assert found["score"]["value"] == 0


async def test_erasing_a_caller_erases_score_and_measure(room: Room) -> None:
    """Given a measured number with a score; when its caller asks to be forgotten; then no score,
    no number and no slow lane is left, and the log still verifies."""
    for _ in range(4):
        call_id = await room.call(PRANK)
    await room.measure()
    assert len((await room.table())[1]) == 1
    await room.erase(NOISY)
    assert await room.get("taker", f"/api/calls/{call_id}/noise") == {
        "score": None,
        "measure": None,
    }
    assert (await room.get("ana", "/api/noise"))["numbers"] == []
    assert (await room.table())[1] == []


async def test_the_list_shows_the_noisiest_and_proposes(room: Room) -> None:
    """Given one number with five pranks, one with five and a real emergency; then the first is
    proposed, the second never."""
    for _ in range(5):
        await room.call(PRANK)
        await room.call(PRANK, number=QUIET)
    await room.call(REAL, number=QUIET)
    numbers = (await room.get("ana", "/api/noise"))["numbers"]
    assert [(one["number"], one["score"]["proposed"]) for one in numbers] == [
        (NOISY, True), (QUIET, False),
    ]  # fmt: skip
    assert numbers[0]["measure_id"] is None


async def test_two_spellings_of_a_number_have_one_score_and_one_measure(room: Room) -> None:
    """Given pranks that two trunks spell differently; then they count together, and the number
    has no second measure."""
    for number in ("+6281234567890", "081234567890", "006281234567890"):
        await room.call(PRANK, number=number)
    call_id = await room.call(number="6281234567890")
    seen = await room.get("taker", f"/api/calls/{call_id}/noise")
    assert seen["score"]["counted"]["prank"] == 3
    assert len((await room.get("ana", "/api/noise"))["numbers"]) == 1
    measure_id = await room.measure(number="081234567890")
    asked = {"number": "+6281234567890", "reason": "repeated-pranks"}
    assert (await room.post("ana", "/api/measures", asked)).status_code in (400, 422)
    seen = await room.get("taker", f"/api/calls/{call_id}/noise")
    assert seen["measure"]["measure_id"] == measure_id


async def test_a_measure_reaches_the_switch_without_its_number(room: Room) -> None:
    """Given a measure of two days; then the switch is told a digest that fits the number, and when
    its review must have come, or once that has, its end: it ends without us as well.  No fact and
    no part of the table holds the number."""
    measure_id = await room.measure(days=2, remarks="menelepon tiap malam")
    salt, (told,) = await room.table()
    assert told["digest"] == number_digest(salt, NOISY)
    assert told["measure_id"] == measure_id
    left = datetime.fromisoformat(told["until"]) - clock.now()
    assert timedelta(days=0.9) < left <= timedelta(days=1)
    await room.post("budi", f"/api/measures/{measure_id}/review", {"confirmed": True})
    _, (reviewed,) = await room.table()
    left = datetime.fromisoformat(reviewed["until"]) - clock.now()
    assert timedelta(days=1.9) < left <= timedelta(days=2)
    assert NOISY not in str(told)
    facts = await room.database.all("select body::text from facts")
    assert NOISY not in str(facts)
    assert "malam" not in str(facts)


async def test_a_second_measure_on_a_number_is_refused_until_the_first_is_over(room: Room) -> None:
    """Lifting one must not leave another that nobody sees."""
    measure_id = await room.measure()
    again = await room.post("budi", "/api/measures", {"number": NOISY, "reason": "abuse"})
    assert again.status_code == 422
    assert again.json()["errors"][0]["field"] == "number"
    assert (await room.post("budi", f"/api/measures/{measure_id}/lift", {})).status_code == 200
    assert (await room.table())[1] == []
    await room.measure()


async def test_a_repeated_request_sets_one_measure(room: Room) -> None:
    """The answer was lost in the network."""
    body = {"number": NOISY, "reason": "abuse"}
    first = await room.post("ana", "/api/measures", body, key="k")
    again = await room.post("ana", "/api/measures", body, key="k")
    assert first.json() == again.json()
    assert len((await room.table())[1]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"days": 31}, "days"),
        ({"days": 0}, "days"),
        ({"reason": "because"}, "reason"),
        ({"number": "somebody"}, "number"),
        ({"number": ""}, "number"),
        ({"kind": "block"}, "kind"),
        ({"remarks": "x" * 1001}, "remarks"),
    ],
)
async def test_what_is_wrong_is_named(room: Room, change: dict[str, Any], field: str) -> None:
    """There is no way to ask for more than the slow lane, or for ever."""
    answer = await room.post("ana", "/api/measures", {"number": NOISY, "reason": "abuse", **change})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_an_unreviewed_measure_ends_by_itself(room: Room) -> None:
    """Given a measure that nobody reviewed for a day; then it is over, and the log says why."""
    measure_id = await room.measure()
    await room.later(hours=23)
    assert (await room.row(measure_id))["ended_at"] is None
    await room.later(hours=25)
    assert (await room.row(measure_id))["end_reason"] == "unreviewed"
    assert (await room.table())[1] == []


async def test_a_confirmed_measure_lasts_until_its_end(room: Room) -> None:
    """Given a measure that another supervisor confirmed; then it outlives the day of its review and
    ends when it was said."""
    measure_id = await room.measure(days=3)
    own = await room.post("ana", f"/api/measures/{measure_id}/review", {"confirmed": True})
    assert (own.status_code, own.json()["code"]) == (403, "not-allowed")
    other = await room.post("budi", f"/api/measures/{measure_id}/review", {"confirmed": True})
    assert other.status_code == 200
    await room.later(hours=48)
    row = await room.row(measure_id)
    assert (row["ended_at"], row["reviewed_by"]) == (None, "budi")
    await room.later(hours=73)
    assert (await room.row(measure_id))["end_reason"] == "expired"
    late = await room.post("budi", f"/api/measures/{measure_id}/lift", {})
    assert (late.status_code, late.json()["code"]) == (409, "measure-not-active")


async def test_a_measure_that_is_not_confirmed_is_over_at_once(room: Room) -> None:
    """And leaves no deadline behind."""
    measure_id = await room.measure()
    await room.post("budi", f"/api/measures/{measure_id}/review", {"confirmed": False})
    assert (await room.row(measure_id))["end_reason"] == "not-confirmed"
    assert await due(room.database) == []


@pytest.mark.parametrize("who", ["taker", "crew"])
async def test_only_supervisors_set_and_see_measures(room: Room, who: str) -> None:
    """A call taker who was insulted is the last who should."""
    body = {"number": NOISY, "reason": "abuse"}
    assert (await room.post(who, "/api/measures", body)).status_code == 403
    measure_id = await room.measure()
    for action, asked in (("review", {"confirmed": True}), ("lift", {})):
        answer = await room.post(who, f"/api/measures/{measure_id}/{action}", asked)
        assert answer.status_code == 403
    assert (await room.client.get("/api/noise", headers={"who": who})).status_code == 403


async def test_the_lane_is_counted_from_the_log(room: Room) -> None:
    """Given sampled, slowed and abandoned calls; then each figure can be found again, and the
    estimate stands on the sample's share: 1 of 4 real, so half a call of 2 abandoned."""
    for classified in (REAL, PRANK, PRANK, PRANK):
        await room.call(SAMPLED, ANSWERED, classified)
    await room.call(SAMPLED, ABANDONED)
    for _ in range(2):
        await room.call(SLOWED, ABANDONED)
    await room.call(SLOWED, LaneLeft(reason="key", waited_s=2), ANSWERED, REAL)
    await room.call(SLOWED, LaneLeft(reason="waited", waited_s=20), ABANDONED)
    await room.call(SLOWED, ANSWERED, PRANK)
    await room.call(PRANK)
    found = await room.get("ana", "/api/noise")
    assert found["figures"] == {
        "sampled": 5, "sampled_known": 4, "sampled_real": 1, "slowed": 5, "abandoned": 2,
        "left_by_key": 1, "left_by_wait": 1, "answered_known": 2, "answered_real": 1,
    }  # fmt: skip
    estimate = found["estimate"]
    assert estimate["expected"] == 0.5
    assert estimate["low"] == pytest.approx(2 * 0.00631, abs=1e-4)
    assert estimate["high"] == pytest.approx(2 * 0.80588, abs=1e-4)


async def test_a_switch_that_was_down_is_told_when_it_is_back(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a switch that is down, then breaks, then is back; then it has the table."""
    monkeypatch.setattr(push, "EVERY_S", 0.01)
    await room.measure()
    told: asyncio.Queue[list[Any]] = asyncio.Queue()
    faults: list[Exception] = [RuntimeError("bug"), Unavailable("switch")]

    async def tell(op: str, **arguments: Any) -> None:
        if faults:
            raise faults.pop()
        await told.put(arguments["measures"])

    running = asyncio.create_task(MeasurePush(room.database, tell, number_digest).run())
    async with asyncio.timeout(10):
        assert len(await told.get()) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
