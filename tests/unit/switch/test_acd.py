"""Who is answered next, and where it rings: the rules alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tahuri.telephony.protocol.words import OverflowTo
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.switch.config import Overflow, Prompts, Settings, Sip, Websocket
from tahuri.telephony.switch.model import Audio, Call, Seat
from tahuri.telephony.switch.queue import acd
from tahuri.telephony.token import Desk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Path("unused")


def settings(*rules: Overflow) -> Settings:
    return Settings(
        data_dir=HERE, sip=Sip("127.0.0.1", 0, 0), public_address="127.0.0.1",
        websocket=Websocket("127.0.0.1", 0), media_socket=HERE, rpc_socket=HERE, trunks=[],
        prompts=Prompts(HERE, HERE, HERE), overflow=list(rules), skill_wait_s=10, robot_after_s=6,
    )  # fmt: skip


def call(name: str, arrived_s: float = 0.0, **known: object) -> Call:
    leg = Leg(
        name="l", call_id="c", local_tag="a", local="<sip:a@b>", remote="<sip:c@d>",
        target="sip:c@d", state="up", outgoing=False,
    )  # fmt: skip
    made = Call(
        call_id=name, ended_id="E", trunk="telco", arrived_at=NOW, arrived_s=arrived_s, caller=None,
        number_status="none", location=None, leg=leg, phase="queued",
        audio=Audio(port=1, address="127.0.0.1", udp=4000), skill_since_s=arrived_s,
    )  # fmt: skip
    for field, value in known.items():
        setattr(made, field, value)
    return made


def seat(
    name: str,
    idle_since_s: float = 0.0,
    *,
    languages: tuple[str, ...] = (),
    agency_id: str | None = None,
    desk: Desk = "taker",
    robot: bool = False,
    state: str = "ready",
) -> Seat:
    return Seat(
        seat_id=name, kind="browser", since=NOW, idle_since_s=idle_since_s, attached=True,
        state=state, operator_id=f"op-{name}", languages=list(languages),  # type: ignore[arg-type]
        agency_id=agency_id, desk=desk, robot=robot,
    )  # fmt: skip


def chosen(one: Call, seats: list[Seat], now_s: float = 0.0, *rules: Overflow) -> list[str]:
    return [found.seat_id for found in acd.choose(one, seats, now_s, settings(*rules))]


def test_a_returned_call_goes_first_then_precedence_then_arrival() -> None:
    """Somebody cut off in mid-sentence waits for nobody; after that the network's word counts."""
    queue = [
        call("late", 3.0),
        call("early", 1.0),
        call("urgent", 4.0, precedence=2),
        call("most", 5.0, precedence=4),
        call("returned", 6.0, requeued=True),
        call("ringing-off", 0.0, phase="live"),
    ]
    order = [one.call_id for one in acd.waiting(queue)]
    assert order == ["returned", "most", "urgent", "early", "late"]


def test_the_longest_idle_person_comes_first() -> None:
    """Work is shared out; the first seat by name must not get it all."""
    assert chosen(call("c"), [seat("A", 5.0), seat("B", 2.0), seat("C", 9.0)]) == ["B", "A", "C"]


@pytest.mark.parametrize(
    ("language", "agency_id", "expected"),
    [("en", None, ["B"]), (None, "damkar", ["C"]), (None, None, ["A", "B", "C"])],
)
def test_a_seat_with_the_skill_is_preferred(
    language: str | None, agency_id: str | None, expected: list[str]
) -> None:
    """A caller who speaks no Indonesian is helped soonest by somebody who understands them."""
    seats = [seat("A"), seat("B", languages=("id", "en")), seat("C", agency_id="damkar")]
    assert chosen(call("c", language=language, agency_id=agency_id), seats) == expected


def test_nobody_waits_for_a_skill_longer_than_declared_while_a_seat_is_free() -> None:
    """Help that is half understood is better than none.

    Given a seat with the skill that is busy and one without that is ready; when the declared time
    is over; then the one without takes the call.
    """
    seats = [seat("A"), seat("B", languages=("en",), state="busy")]
    wants = call("c", arrived_s=100.0, language="en")
    assert chosen(wants, seats, 109.9) == []
    assert chosen(wants, seats, 110.0) == ["A"]


def test_a_skill_that_nobody_has_is_not_waited_for() -> None:
    """Waiting ten seconds for nobody would be ten seconds lost."""
    assert chosen(call("c", language="fr"), [seat("A"), seat("B", languages=("en",))]) == ["A", "B"]


def test_a_robot_takes_only_what_no_person_takes() -> None:
    """People first, with or without the skill."""
    seats = [seat("R", robot=True, languages=("en",)), seat("A", 9.0)]
    assert chosen(call("c"), seats, 60.0) == ["A"]
    assert chosen(call("c"), seats[:1], 5.9) == []
    assert chosen(call("c"), seats[:1], 6.0) == ["R"]
    assert chosen(call("c", language="en"), seats, 60.0) == ["A"]


@pytest.mark.parametrize(
    ("desk", "open_to", "rules", "rings"),
    [
        ("supervisor", [], [], True),
        ("supervisor", [], [Overflow(30, "supervisors")], False),
        ("supervisor", ["supervisors"], [Overflow(30, "supervisors")], True),
        ("agency-desk", [], [], False),
        ("agency-desk", ["supervisors"], [Overflow(30, "supervisors")], False),
        ("agency-desk", ["agency-desks"], [Overflow(60, "agency-desks")], True),
    ],
)
def test_supervisors_and_desks_take_part_when_a_rule_lets_them(
    desk: Desk, open_to: list[OverflowTo], rules: list[Overflow], rings: bool
) -> None:
    """A supervisor's seat rings as ever where no rule speaks of it; a desk's never does unasked."""
    one = call("c", open_to=open_to)
    assert bool(chosen(one, [seat("S", desk=desk, agency_id="pln")], 0.0, *rules)) is rings


def test_a_desk_takes_what_is_for_its_agency() -> None:
    """A call on the fire brigade's old number goes to the brigade's desk at once."""
    seats = [seat("A"), seat("D", desk="agency-desk", agency_id="damkar")]
    assert chosen(call("c", agency_id="damkar"), seats) == ["D"]
    assert chosen(call("c", agency_id="pln"), seats) == ["A"]


def test_call_takers_go_before_supervisors() -> None:
    """Even if the supervisor has been idle for hours."""
    seats = [seat("S", 0.0, desk="supervisor"), seat("A", 9.0)]
    assert chosen(call("c"), seats) == ["A", "S"]


def test_the_slow_lane_waits_behind_every_precedence() -> None:
    """A number that plays tricks on us gains nothing by a mark on its call; a call that lost its
    seat has been answered once and is slow no more."""
    marked = call("A", 0, lane="slow", precedence=4)
    plain = call("B", 5)
    cut_off = call("C", 9, lane="slow", requeued=True, answered_at=NOW)
    assert [one.call_id for one in acd.waiting([marked, plain, cut_off])] == ["C", "B", "A"]
