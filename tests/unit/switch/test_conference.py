"""Who hears whom, cell by cell: a mistake here lets a caller hear what is not for them."""

from datetime import UTC, datetime

import pytest

from tahuri.telephony.protocol.words import SupervisionMode
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.switch.control import conference
from tahuri.telephony.switch.model import Audio, Beep, Call, Party, Seat, Transfer

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CALLER, SEAT, PARTY, BOSS, BEEP, TONE, HOLD = 1, 2, 3, 4, 5, 8, 9


def leg(name: str) -> Leg:
    return Leg(
        name=name, call_id=name, local_tag="l", local="", remote="", target="", state="up",
        outgoing=True,
    )  # fmt: skip


def audio(port: int) -> Audio:
    return Audio(port=port, address="127.0.0.1", udp=port)


def call(**state: object) -> Call:
    """A live call with a party that has joined."""
    party = Party(leg_id="L", address="113", state="joined", audio=audio(PARTY), leg=leg("p"))
    known: dict[str, object] = {
        "call_id": "C", "ended_id": "E", "trunk": "t", "arrived_at": AT, "caller": None,
        "number_status": "none", "location": None, "leg": leg("c"), "audio": audio(CALLER),
        "phase": "live", "seat_id": "M1", "parties": [party],
    }  # fmt: skip
    return Call(**{**known, **state})  # type: ignore[arg-type]


def heard(one: Call, *watching: tuple[int, SupervisionMode]) -> dict[int, set[int]]:
    """Port → what it hears."""
    seat = Seat(seat_id="M1", kind="browser", since=AT, port=SEAT) if one.seat_id else None
    found: dict[int, set[int]] = {}
    for hears, says in conference.cells(one, seat, TONE, HOLD, watching):
        found.setdefault(hears, set()).add(says)
    return found


def right(one: Call, *watching: tuple[int, SupervisionMode]) -> set[int]:
    """What is recorded opposite the caller."""
    seat = Seat(seat_id="M1", kind="browser", since=AT, port=SEAT)
    return set(conference.channels(one, seat, TONE, HOLD, watching)[1])


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_the_caller_hears_a_supervisor_only_who_barges_in(mode: SupervisionMode) -> None:
    """Whispered words are for the call taker; parties do not hear them either."""
    found = heard(call(), (BOSS, mode))
    assert found[BOSS] == {CALLER, SEAT, PARTY}
    assert (BOSS in found[CALLER]) == (BOSS in found[PARTY]) == (mode == "barge")
    assert (BOSS in found[SEAT]) == (mode in ("whisper", "barge"))
    assert (BOSS in right(call(), (BOSS, mode))) == (mode != "listen")


def test_a_muted_seat_is_not_heard_by_a_supervisor_either() -> None:
    """Mute is mute."""
    found = heard(call(muted=True), (BOSS, "listen"))
    assert found[BOSS] == {CALLER, PARTY}
    assert found[CALLER] == {PARTY}


def test_while_a_target_rings_the_caller_hears_the_prompt_alone() -> None:
    """What seat and parties say of the caller is not for the caller."""
    transfer = Transfer(kind="blind", seat_id="M1", operator_id="O", since=AT, target="113")
    found = heard(call(transfer=transfer), (BOSS, "barge"))
    assert found[CALLER] == {HOLD}
    assert found[SEAT] == {PARTY, BOSS}
    assert found[BOSS] == {CALLER, SEAT, PARTY}


def test_without_its_seat_caller_and_parties_go_on() -> None:
    """The call that was handed over; a whisper reaches nobody then."""
    found = heard(call(seat_id=None), (BOSS, "whisper"))
    assert found == {CALLER: {PARTY}, PARTY: {CALLER}, BOSS: {CALLER, PARTY}}


@pytest.mark.parametrize("caller_hears", [True, False])
def test_the_notice_is_heard_by_whom_it_concerns_and_recorded(caller_hears: bool) -> None:
    """One who listens is told to the seat; one who barges in to everybody."""
    one = call(beep=Beep(port=BEEP, caller_hears=caller_hears, due_s=0))
    found = heard(one)
    assert BEEP in found[SEAT]
    assert (BEEP in found[CALLER]) == (BEEP in found[PARTY]) == caller_hears
    assert BEEP in right(one)


def test_an_ended_call_connects_nobody() -> None:
    """Also not its supervisors."""
    assert heard(call(phase="ended"), (BOSS, "barge")) == {}
