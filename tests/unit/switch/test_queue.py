"""The queue of a real switch with pretended media: turns, rings, overflow, surge, wrap-up; and a
switch that is killed in the middle of each."""

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.switch.queue import overflow
from tahuri.telephony.token import Skills

OFFER = sdp.offer("127.0.0.1", 40000, 1)
SUPERVISOR = Skills(desk="supervisor")


class Outside(Telephone):
    """A number outside, as a second centre or the city's fallback; it says that it rings."""

    async def rung(self, count: int = 1) -> PhoneCall:
        call = await super().rung(count)
        call.ring()
        return call


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    one = Outside()
    await one.phone.start()
    yield one
    await one.phone.stop()


def sound(folder: Path, name: str, seconds: float, rate: int = 8000) -> None:
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * int(seconds * rate))


def queue(seat: Browser) -> list[str | None]:
    """Numbers of the callers that wait, in their order."""
    return [entry["number"] for entry in seat.state["queue"]]  # type: ignore[index]


async def registered(one: Bench, seat_id: str, rings: list[PhoneCall]) -> Phone:
    phone = Phone(Account(seat_id.lower(), f"secret-{seat_id}"), rings.append)
    await phone.start()
    assert await phone.register(one.flow) == 200
    return phone


# ---- turns ----------------------------------------------------------------------------------


async def test_resource_priority_goes_first_and_a_kill_forgets_no_turn(tmp_path: Path) -> None:
    """A call that the network marks is a matter of life for many.

    Given three callers, the third with a priority we know and the second with one we do not; when
    the switch is killed; then the marked call is still first, and the fact says why.
    """
    async with bench(tmp_path, offer_s=5) as one:
        await one.call("<sip:+620001@127.0.0.1>")
        await one.call("<sip:+620002@127.0.0.1>", (("resource-priority", "private.9"),))
        marks = (("resource-priority", "private.9, esnet.3"), ("require", "resource-priority"))
        await one.call("<sip:+620003@127.0.0.1>", marks)
        await one.told("call-queued", 3)
        told = await one.told("precedence-set")
        assert told.body == {"precedence": 3, "reason": "resource-priority"}
        await one.restart()
        seat = Browser(one, "M1", "op1")
        await seat.sit(ready=False)
        assert queue(seat) == ["+620003", "+620001", "+620002"]
        await seat.ask("ready")
        await seat.offered()
        assert seat.state["offer"]["number"] == "+620003"
        await seat.leave()


async def test_only_a_demand_in_so_many_words_is_refused(tmp_path: Path) -> None:
    """Given a network that requires a priority nobody here knows; then it hears 417 and may go
    elsewhere, and the refusal is recorded."""
    async with bench(tmp_path) as one:
        marks = (("resource-priority", "private.9"), ("require", "resource-priority"))
        call = one.phone.call(
            "sip:112@127.0.0.1",
            one.flow,
            OFFER,
            "<sip:+620001@127.0.0.1>",
            "application/sdp",
            marks,
        )
        with pytest.raises(CallFailed) as caught:
            await call.wait_answered(5)
        assert caught.value.status == 417
        body = (await one.told("call-refused")).body
        assert (body["status"], body["reason"]) == (417, "unknown-resource-priority")


async def test_what_the_log_knows_moves_a_waiting_call_up_and_only_a_person_moves_it_down(
    tmp_path: Path,
) -> None:
    """Given two callers; when `serve` says that the second was lost before; then it is first, a
    lesser reason does not take that away, and a supervisor's word does."""
    async with bench(tmp_path) as one:
        await one.call("<sip:+620001@127.0.0.1>")
        await one.call("<sip:+620002@127.0.0.1>")
        await one.told("call-queued", 2)
        seat = Browser(one, "M1", "op1")
        await seat.sit(ready=False)
        second = next(
            str(entry["call_id"])
            for entry in seat.state["queue"]  # type: ignore[attr-defined]
            if entry["number"] == "+620002"
        )
        say = {"call_id": second, "operator_id": None}
        ask = one.switch.answer
        await ask("set_precedence", {**say, "precedence": 2, "reason": "call-back"})
        await seat_sees(seat, ["+620002", "+620001"])
        await ask("set_precedence", {**say, "precedence": 1, "reason": "open-incident"})
        await ask("set_precedence", {**say, "precedence": 2, "reason": "call-back"})
        assert one.types().count("precedence-set") == 1
        await ask("set_precedence", {**say, "precedence": 0, "reason": "operator"})
        await seat_sees(seat, ["+620001", "+620002"])
        gone = {"call_id": "gone", "precedence": 1, "reason": "operator"}
        with pytest.raises(rpc.Failure) as caught:
            await ask("set_precedence", gone)
        assert caught.value.code == "call-unknown"
        with pytest.raises(rpc.Failure):
            await ask("set_precedence", {**say, "precedence": 99, "reason": "operator"})
        await seat.leave()


async def seat_sees(seat: Browser, numbers: list[str]) -> None:
    await until(lambda: queue(seat) == numbers)


async def test_a_called_number_asks_for_a_language(tmp_path: Path) -> None:
    """Given a number for foreigners and two ready seats, the longer idle without the language;
    then it rings at the one who speaks it."""
    numbers = [{"number": "113", "language": "en"}]
    async with bench(tmp_path, offer_s=5, called_numbers=numbers) as one:
        first = Browser(one, "M1", "op1")
        await first.sit()
        second = Browser(one, "M2", "op2", skills=Skills(languages=["id", "en"]))
        await second.sit()
        await one.call(number="113")
        await second.offered()
        assert (await one.told("skill-asked")).body["language"] == "en"
        assert first.state["offer"] is None
        call_id = str(second.state["offer"]["call_id"])
        await one.switch.answer("ask_skill", {"call_id": call_id, "agency_id": "damkar"})
        assert (await one.told("skill-asked", 2)).body["agency_id"] == "damkar"
        await first.leave()
        await second.leave()


# ---- ring-all -------------------------------------------------------------------------------


async def test_where_all_ring_one_wins_and_the_others_stay_ready(tmp_path: Path) -> None:
    """Given three ready seats; when a call comes; then all ring, exactly one gets it, the others
    are told that it rings no longer and are ready for the next."""
    async with bench(tmp_path, offer_s=5, distribution="ring-all") as one:
        seats = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2, 3)]
        for seat in seats[:2]:
            await seat.sit()
        await one.call()
        call_id = await seats[0].offered()
        await seats[1].offered()
        await seats[2].sit()  # who sits down while it rings hears it as well
        await seats[2].offered()
        await seats[1].ask("answer", call_id=call_id)
        with pytest.raises(rpc.Failure) as caught:
            await seats[0].ask("answer", call_id=call_id)
        assert caught.value.code == "call-already-answered"
        await until(lambda: all(seats[n].state["seat"]["state"] == "ready" for n in (0, 2)))
        assert seats[1].state["seat"]["state"] == "busy"
        assert one.types().count("call-offered") == 3
        assert one.types().count("offer-withdrawn") == 2
        assert one.types().count("call-answered") == 1
        for seat in seats:
            await seat.leave()


async def test_where_all_ring_and_nobody_answers_all_are_not_ready(tmp_path: Path) -> None:
    """Given two seats with nobody there; when the ring is over; then neither gets the next call."""
    async with bench(tmp_path, offer_s=1.0, distribution="ring-all") as one:
        seats = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2)]
        for seat in seats:
            await seat.sit()
        await one.call()
        await one.told("offer-missed", 2)
        await until(lambda: all(seat.state["seat"]["state"] == "not_ready" for seat in seats))
        assert {seat.state["seat"]["reason"] for seat in seats} == {"missed-offer"}
        for seat in seats:
            await seat.leave()


async def test_phones_ring_together_and_one_that_declines_leaves_the_others_ringing(
    tmp_path: Path,
) -> None:
    """Given three SIP seats that ring; when one declines and one picks up; then only the first is
    not ready, and the third stops ringing and is ready."""
    phones = [phone_seat(f"S{n}") for n in (1, 2, 3)]
    async with bench(tmp_path, offer_s=5, distribution="ring-all", seats=phones) as one:
        rings: list[list[PhoneCall]] = [[], [], []]
        made = [await registered(one, f"S{n}", rings[n - 1]) for n in (1, 2, 3)]
        call = await one.call()
        await until(lambda: all(rings))
        rings[0][0].reject(486)
        assert (await one.told("offer-missed")).body["seat_id"] == "S1"
        rings[1][0].accept(OFFER)
        assert (await one.told("call-answered")).body["seat_id"] == "S2"
        assert await rings[2][0].wait_ended(5) == "cancelled"
        seats = one.switch.core.seats
        await until(lambda: seats["S3"].state == "ready")
        assert (seats["S1"].state, seats["S2"].state) == ("not_ready", "busy")
        call.hang_up()
        await one.told("call-ended")
        await until(lambda: not one.switch.core.calls)
        await until(lambda: not [kind for kind, _ in one.media.ports.values() if kind == "rtp"])
        for phone in made:
            await phone.stop()


async def test_rings_everywhere_end_with_a_killed_switch_and_begin_anew(tmp_path: Path) -> None:
    """Given phones that ring together; when the switch is killed; then each old ring ends and the
    call rings anew at all: nobody picks up a dead line."""
    phones = [phone_seat("S1"), phone_seat("S2")]
    async with bench(tmp_path, offer_s=5, distribution="ring-all", seats=phones) as one:
        rings: list[list[PhoneCall]] = [[], []]
        made = [await registered(one, f"S{n}", rings[n - 1]) for n in (1, 2)]
        await one.call()
        await until(lambda: all(rings))
        for ring in rings:
            ring[0].ring()
        await one.restart()
        for ring in rings:
            assert await ring[0].wait_ended(5) == "cancelled"
        await until(lambda: all(len(ring) == 2 for ring in rings))
        rings[1][1].accept(OFFER)
        assert (await one.told("call-answered")).body["seat_id"] == "S2"
        for phone in made:
            await phone.stop()


# ---- overflow -------------------------------------------------------------------------------


def to_number(outside: Outside, after_s: float = 0.2) -> list[dict[str, object]]:
    return [{"after_s": after_s, "to": "number", "address": outside.address}]


async def test_a_call_that_waits_is_taken_by_the_number_outside(
    tmp_path: Path, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody rings for ever: the second centre takes what we cannot.

    Given nobody at any seat; when the rule's time is there; then the number is called while the
    caller waits on; when it answers both hear each other, it is recorded, and when the far side
    hangs up after a conversation the call is over: answered, by overflow.
    """
    monkeypatch.setattr(overflow, "TALK_S_MIN", 0.0)
    async with bench(tmp_path, overflow=to_number(outside)) as one:
        call = await one.call()
        far = await outside.rung()
        assert (await one.told("call-overflowed")).body["to"] == "number"
        assert one.media.hears(one.media.port("caller")) != ["rtp party"]
        far.accept(OFFER)
        leg_id = (await one.told("overflow-answered")).body["leg_id"]
        assert (await one.told("party-joined")).body["leg_id"] == leg_id
        await until(lambda: one.media.hears(one.media.port("caller")) == ["rtp party"])
        assert one.media.hears(one.media.port("party")) == ["rtp caller"]
        assert len(one.media.recordings) == 1
        await one.restart()  # the conversation outlives a kill
        assert one.media.hears(one.media.port("caller")) == ["rtp party"]
        far.hang_up()
        ended = (await one.told("call-ended")).body
        assert ended == {
            "outcome": "answered",
            "by": "overflow",
            "reason": "hung-up",
            "status": None,
        }
        assert await call.wait_ended(5) == "hung-up"
        assert one.types().count("call-ended") == 1


async def test_a_far_side_that_is_gone_at_once_has_helped_nobody(
    tmp_path: Path, outside: Outside
) -> None:
    """An answering machine must not end an emergency call.

    Given a number that answers and hangs up; then the caller is first in the queue again, and if
    they give up now the call is abandoned: somebody has to call back.
    """
    async with bench(tmp_path, overflow=to_number(outside)) as one:
        call = await one.call()
        far = await outside.rung()
        far.accept(OFFER)
        await one.told("overflow-answered")
        far.hang_up()
        await one.told("overflow-returned")
        await until(lambda: one.media.hears(one.media.port("caller"))[0].startswith("play"))
        call.hang_up()
        assert (await one.told("call-ended")).body["outcome"] == "abandoned"


async def test_a_number_that_refuses_costs_the_caller_nothing(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a fallback number that is busy; then the call is where it was, and a seat takes it."""
    async with bench(tmp_path, offer_s=5, overflow=to_number(outside)) as one:
        await one.call()
        far = await outside.rung()
        far.reject(486)
        assert (await one.told("party-left")).body["status"] == 486
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await seat.ask("answer", call_id=await seat.offered())
        await one.told("call-answered")
        await seat.leave()


async def test_a_number_that_never_answers_is_let_go_and_the_call_waits_on(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a fallback number that only rings; when its time is over; then it rings no longer, the
    caller is still in the queue, and a seat takes the call."""
    async with bench(tmp_path, offer_s=5, overflow=to_number(outside)) as one:
        await one.call()
        far = await outside.rung()
        [call] = one.switch.core.calls.values()
        call.parties[0].ring_due = 0.0
        assert (await one.told("party-left")).body["reason"] == "no-answer"
        assert await far.wait_ended(5) == "cancelled"
        assert call.phase == "queued"
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await seat.ask("answer", call_id=await seat.offered())
        await one.told("call-answered")
        assert len(outside.rings) == 1
        await seat.leave()


async def test_a_number_that_cannot_be_called_is_told(tmp_path: Path) -> None:
    """Given a rule with a number and no trunk that takes calls; then the log says that nobody was
    called, and the call waits on."""
    rules = [{"after_s": 0.1, "to": "number", "address": "110"}]
    async with bench(tmp_path, overflow=rules) as one:
        call = await one.call()
        assert (await one.told("call-overflowed")).body["leg_id"] is None
        call.hang_up()
        assert (await one.told("call-ended")).body["outcome"] == "abandoned"


async def test_a_seat_that_is_faster_than_the_number_has_the_caller(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a number that rings; when a seat answers; then the number stops ringing."""
    async with bench(tmp_path, offer_s=5, overflow=to_number(outside)) as one:
        await one.call()
        far = await outside.rung()
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await seat.ask("answer", call_id=await seat.offered())
        assert await far.wait_ended(5) == "cancelled"
        assert (await one.told("party-left")).body["reason"] == "dropped"
        await until(lambda: one.media.hears(one.media.port("caller")) == ["webrtc seat"])
        await seat.leave()


async def test_a_number_that_rings_while_the_switch_dies_is_called_anew(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a number that rings; when the switch is killed; then that ring ends and another
    begins, and the call is in the queue all the while."""
    async with bench(tmp_path, overflow=to_number(outside)) as one:
        await one.call()
        far = await outside.rung()
        await one.restart()
        assert await far.wait_ended(5) == "cancelled"
        again = await outside.rung(2)
        again.accept(OFFER)
        await one.told("overflow-answered")
        await until(lambda: one.media.hears(one.media.port("caller")) == ["rtp party"])


async def test_a_number_tried_in_vain_before_a_kill_is_not_called_again(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a number that was busy; when the switch is killed; then the next one does not call it
    again, a later rule still comes to pass, and the call waits on."""
    rules = [*to_number(outside), {"after_s": 1.0, "to": "supervisors"}]
    async with bench(tmp_path, overflow=rules) as one:
        await one.call()
        (await outside.rung()).reject(486)
        await one.told("party-left")
        await one.restart()
        await one.told("call-overflowed", 2)
        told = [fact.body["to"] for fact in one.facts() if fact.type.endswith("call-overflowed")]
        assert told == ["number", "supervisors"]
        assert len(outside.rings) == 1
        [call] = one.switch.core.calls.values()
        assert call.phase == "queued"


async def test_a_number_that_a_kill_kept_from_ringing_is_called(
    tmp_path: Path, outside: Outside
) -> None:
    """Given a rule whose time has come in the moment of a kill, so that nothing rang yet; then the
    next switch calls the number, once."""
    async with bench(tmp_path, overflow=to_number(outside, 3600)) as one:
        await one.call()
        core = one.switch.core
        [call] = core.calls.values()
        call.overflow_next = 1  # as `overflow.look` leaves it before the step that calls
        call.queued_s -= 3600
        core.save(call)
        await one.restart()
        await outside.rung()
        assert one.types().count("call-overflowed") == len(outside.rings) == 1


async def test_a_supervisor_is_rung_when_the_rule_says_so_and_after_a_kill_still(
    tmp_path: Path,
) -> None:
    """Given a supervisor's ready seat and a rule; when the call has waited; then it rings there,
    not before; and a new switch knows that it may."""
    rules = [{"after_s": 0.6, "to": "supervisors"}]
    async with bench(tmp_path, offer_s=5, overflow=rules) as one:
        seat = Browser(one, "M1", "op1", skills=SUPERVISOR)
        await seat.sit()
        await one.call()
        await one.told("call-queued")
        assert seat.state["offer"] is None
        await seat.offered()
        assert (await one.told("call-overflowed")).body["to"] == "supervisors"
        assert "call-offered" in one.types()[one.types().index("call-overflowed") :]
        assert one.types().index("call-offered") > one.types().index("call-overflowed")
        await seat.leave()
        await one.restart()
        again = Browser(one, "M1", "op1", skills=SUPERVISOR)
        await again.sit()
        await again.offered()
        assert again.state["queue"][0]["overflow"] == ["supervisors"]  # type: ignore[index]
        await again.leave()


# ---- wrap-up --------------------------------------------------------------------------------


async def wrapping_up(one: Bench, seat: Browser) -> None:
    call = await one.call()
    await seat.ask("answer", call_id=await seat.offered())
    call.hang_up()
    await until(lambda: seat.state["seat"]["reason"] == "wrap-up")


async def test_wrap_up_ends_by_itself_where_that_is_set(tmp_path: Path) -> None:
    """Given a declared time for writing up; then the seat is ready after it, and the log says how
    long it had."""
    async with bench(tmp_path, offer_s=5, wrap_up_s=0.3) as one:
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await wrapping_up(one, seat)
        assert seat.state["seat"]["wrap_up_until"] is not None
        not_ready = [fact for fact in one.facts() if fact.type.endswith("seat-not-ready")]
        assert not_ready[-1].body["for_s"] == 0.3
        await until(lambda: seat.state["seat"]["state"] == "ready")
        assert [fact.actor for fact in one.facts() if fact.type.endswith("seat-ready")][-1] == (
            "switch"
        )
        await seat.leave()


async def test_wrap_up_without_a_time_lasts_until_the_operator_says_so(tmp_path: Path) -> None:
    """The default: nobody is rung in the middle of a report.  To ask for longer changes nothing."""
    async with bench(tmp_path, offer_s=5) as one:
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await wrapping_up(one, seat)
        await seat.ask("extend_wrap_up", for_s=60)
        assert seat.state["seat"]["wrap_up_until"] is None
        assert "wrap-up-extended" not in one.types()
        await seat.ask("ready")
        await until(lambda: seat.state["seat"]["state"] == "ready")
        await seat.leave()


async def test_a_longer_wrap_up_survives_a_kill(tmp_path: Path) -> None:
    """Given an operator who asked for longer; when the switch is killed; then the seat stays not
    ready until that time, and no sooner."""
    async with bench(tmp_path, offer_s=5, wrap_up_s=2.0, seat_vanish_s=20) as one:
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await wrapping_up(one, seat)
        with pytest.raises(rpc.Failure):
            await seat.ask("extend_wrap_up", for_s=0)
        await seat.ask("extend_wrap_up", for_s=600)
        assert (await one.told("wrap-up-extended")).body["for_s"] == 600
        due = one.switch.core.seats["M1"].wrap_up_due
        await seat.leave()
        await one.restart()
        assert one.switch.core.seats["M1"].wrap_up_due == due
        again = Browser(one, "M1", "op1")
        await again.sit(ready=False)
        assert again.state["seat"]["reason"] == "wrap-up"
        assert again.state["seat"]["wrap_up_until"] is not None
        await again.leave()


# ---- notices --------------------------------------------------------------------------------


async def test_a_surge_notice_is_played_once_to_each_caller_and_survives_a_kill(
    tmp_path: Path,
) -> None:
    """After an earthquake hundreds ask the same thing.

    Given a notice that a supervisor switched on; when the switch is killed; then it is still on,
    the next caller hears it, may be answered meanwhile, and every seat shows it; switched off,
    callers hear the ordinary one.
    """
    folder = tmp_path / "notices"
    sound(folder, "gempa", 1.0)
    async with bench(tmp_path, offer_s=5, notice_folders=[str(folder)]) as one:
        say = {"notice": "gempa", "operator_id": "boss"}
        await one.switch.answer("switch_surge", say)
        await one.switch.answer("switch_surge", say)
        assert one.types().count("surge-switched") == 1
        fact = await one.told("surge-switched")
        assert (fact.stream, fact.actor, fact.body) == ("centre/surge", "boss", {"notice": "gempa"})
        await one.restart()
        await one.call()
        assert (await one.told("call-queued")).body == {"notice": "surge"}
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        assert seat.state["surge"]["notice"] == "gempa"
        await seat.ask("answer", call_id=await seat.offered())
        await until(lambda: one.media.hears(one.media.port("caller")) == ["webrtc seat"])
        await one.switch.answer("switch_surge", {"notice": None, "operator_id": "boss"})
        await until(lambda: seat.state["surge"] is None)
        await one.call("<sip:+620002@127.0.0.1>")
        assert (await one.told("call-queued", 2)).body == {"notice": "normal"}
        await seat.leave()


async def test_only_a_notice_that_can_be_played_can_be_switched_on(tmp_path: Path) -> None:
    """A supervisor in an earthquake must hear at once that the file will not do, and why."""
    folder = tmp_path / "notices"
    sound(folder, "good", 1.0)
    sound(folder, "long", 3.0)
    sound(folder, "wide", 1.0, 16000)
    (folder / "broken.wav").write_bytes(b"no sound")
    (folder / "bad name.wav").write_bytes(b"")
    folders = [str(tmp_path / "nowhere"), str(folder)]
    async with bench(tmp_path, notice_folders=folders, surge_notice_s=2) as one:
        found = await one.switch.answer("notices", {})
        assert [(view.name, view.fault) for view in found] == [  # type: ignore[attr-defined]
            ("bad name.wav", "bad-name"),
            ("broken", "unreadable"),
            ("good", None),
            ("long", "too-long"),
            ("wide", "not-8khz-mono"),
        ]
        for name in ("long", "broken", "bad name.wav", "nothing", "../good"):
            with pytest.raises(rpc.Failure) as caught:
                await one.switch.answer("switch_surge", {"notice": name, "operator_id": "boss"})
            assert caught.value.code == "bad-request"
        await one.switch.answer("switch_surge", {"notice": "good", "operator_id": "boss"})
        (folder / "good.wav").unlink()
        await one.call()
        assert (await one.told("call-queued")).body == {"notice": "normal"}


async def test_who_waits_hears_now_and_then_that_nobody_has_forgotten_them(tmp_path: Path) -> None:
    """Silence makes people hang up.  Given a caller who waits; then the comfort notice is played,
    between it the tone, and again; not once somebody has answered."""
    prompts = {
        name: str(tmp_path / f"{name}.wav") for name in ("notice", "tone", "hold", "comfort")
    }
    async with bench(tmp_path, offer_s=5, prompts=prompts, comfort_every_s=0.3) as one:
        await one.call()
        call = next(iter(one.switch.core.calls.values()))
        heard = lambda: one.media.hears(one.media.port("caller"))  # noqa: E731
        for _ in range(2):
            if heard() == ["play notice"]:
                one.media.server.push({"event": "played", "port": call.notice})
            await until(lambda: heard() == ["play comfort"])
            port = call.notice
            one.media.server.push({"event": "played", "port": port})
            await until(lambda: heard() == ["play tone"])
        seat = Browser(one, "M1", "op1")
        await seat.sit()
        await seat.ask("answer", call_id=await seat.offered())
        await until(lambda: heard() == ["webrtc seat"])
        count = one.switch.core.counters["comfort-notices"]
        await until(lambda: heard() == ["webrtc seat"])
        assert one.switch.core.counters["comfort-notices"] == count
        await seat.leave()
