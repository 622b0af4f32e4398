"""The keys' conversation with a caller who does not speak."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony import rpc
from tahuri.telephony.switch.config import PROMPTS
from tahuri.telephony.switch.queue import ghost


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch where listening in takes a moment only."""
    async with bench(tmp_path, listen_in_s=0.2) as one:
        yield one


@pytest.fixture
async def seat(centre: Bench) -> AsyncIterator[Browser]:
    """A seat that talks with a silent caller and has begun to ask."""
    one = Browser(centre, "M1", "op1")
    await one.sit()
    await centre.call()
    await one.ask("answer", call_id=await one.offered())
    await one.ask("ghost")
    yield one
    await one.leave()


def press(centre: Bench, digit: str) -> None:
    port = centre.media.port("caller")
    centre.media.server.push({"event": "dtmf", "port": port, "digit": digit})


def shown(seat: Browser) -> tuple[object, list[tuple[str, str]]]:
    """(what is asked, (question, answer) so far) as the console sees it."""
    seen = seat.state["call"]["ghost"]
    assert isinstance(seen, dict)
    return seen["question"], [(one["question"], one["answer"]) for one in seen["answers"]]


def told(centre: Bench) -> list[str]:
    return [kind for kind in centre.types() if kind.startswith("ghost")]


async def test_the_silent_caller_is_asked_and_answers_by_keys(centre: Bench, seat: Browser) -> None:
    """Given a silent call; when 5 is pressed, then another key for a question; then the console
    shows yes and no while the call goes on, and both are facts."""
    assert (await centre.told("ghost-asked")).body == {"question": "cannot-speak"}
    press(centre, "5")
    answered = await centre.told("ghost-answered")
    assert answered.body == {"question": "cannot-speak", "answer": "yes", "digit": "5"}
    assert answered.actor == "switch"
    await seat.ask("ghost_ask", question="police")
    press(centre, "2")
    await centre.told("ghost-answered", 2)
    await until(lambda: shown(seat) == (None, [("cannot-speak", "yes"), ("police", "no")]))


async def test_everybody_hears_the_question_and_caller_and_seat_go_on_hearing_each_other(
    centre: Bench, seat: Browser
) -> None:
    """A question must not cover the whisper that follows it."""
    caller, sits = centre.media.port("caller"), centre.media.port("seat")
    await until(lambda: centre.media.hears(caller) == ["play ghost", "webrtc seat"])
    assert centre.media.hears(sits) == ["play ghost", "rtp caller"]
    press(centre, "5")
    await until(lambda: centre.media.hears(caller) == ["webrtc seat"])
    await until(lambda: "ghost" not in str(centre.media.ports))


async def test_one_question_has_one_answer(centre: Bench, seat: Browser) -> None:
    """A trembling finger must not turn yes into no; asked again, the new answer counts."""
    press(centre, "5")
    press(centre, "8")
    await centre.told("key-pressed", 2)
    assert told(centre).count("ghost-answered") == 1
    await seat.ask("ghost")
    press(centre, "8")
    await centre.told("ghost-answered", 2)
    await until(lambda: shown(seat) == (None, [("cannot-speak", "no")]))
    assert told(centre).count("ghost-started") == 1


async def test_a_storm_of_keys_leaves_room_for_an_answer(centre: Bench, seat: Browser) -> None:
    """Given a caller whose keys are recorded no more; then an answer still counts."""
    for _ in range(60):
        press(centre, "1")
    await centre.told("key-pressed", 40)
    await seat.ask("ghost_ask", question="medical")
    press(centre, "5")
    answered = await centre.told("ghost-answered", 2)
    assert (answered.body["question"], answered.body["answer"]) == ("medical", "yes")


async def test_nobody_gives_up_before_listening_in_is_over(tmp_path: Path) -> None:
    """Given 30 s of listening in; when the call taker ends the call as silent at once; then it is
    refused and the call goes on."""
    async with bench(tmp_path, listen_in_s=30) as centre:
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
        await centre.call()
        await seat.ask("answer", call_id=await seat.offered())
        for asked in (False, True):
            if asked:
                await seat.ask("ghost")
            with pytest.raises(rpc.Failure) as caught:
                await seat.ask("ghost_end")
            assert caught.value.code == "listen-in-running"
        assert "call-ended" not in centre.types()
        await seat.leave()


async def test_a_silent_call_that_ends_asks_for_a_call_back(centre: Bench, seat: Browser) -> None:
    """Given listening in is over; when the call is ended as silent; then the log says so, that the
    number is to be called back, and that somebody had pressed a key."""
    press(centre, "5")
    await centre.told("ghost-answered")
    core = centre.switch.core
    await until(
        lambda: all(c.ghost and not ghost.left_s(core, c.ghost) for c in core.calls.values())
    )
    await seat.ask("ghost_end")
    ended = await centre.told("ghost-ended")
    assert ended.body == {"by": "seat", "answers": 1, "call_back": True}
    assert ended.actor == "op1"
    assert (await centre.told("call-ended")).body["reason"] == "ghost"


async def test_a_silent_caller_who_is_cut_off_is_called_back_too(tmp_path: Path) -> None:
    """Given a caller without a number who hangs up in the middle; then nobody can call back, and
    the fact says that as well; an ordinary hang-up by the seat asks for nothing."""
    async with bench(tmp_path) as centre:
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
        call = await centre.call("<sip:anonymous@anonymous.invalid>")
        await seat.ask("answer", call_id=await seat.offered())
        await seat.ask("ghost")
        call.hang_up()
        ended = await centre.told("ghost-ended")
        assert ended.body == {"by": "caller", "answers": 0, "call_back": False}
        await until(lambda: seat.state["seat"]["state"] == "not_ready")
        await seat.ask("ready")
        await centre.call()
        await seat.ask("answer", call_id=await seat.offered())
        await seat.ask("ghost")
        await seat.ask("hang_up")
        await centre.told("call-ended", 2)
        assert told(centre).count("ghost-ended") == 1
        await seat.leave()


async def test_a_killed_switch_goes_on_asking(centre: Bench, seat: Browser) -> None:
    """Given a question that waits for its key; when the switch is killed; then the next one takes
    the key as its answer."""
    await centre.restart()
    press(centre, "5")
    assert (await centre.told("ghost-answered")).body["answer"] == "yes"


async def test_on_hold_nothing_is_asked(centre: Bench, seat: Browser) -> None:
    """The caller hears the hold prompt, and would not hear the question."""
    await seat.ask("hold")
    with pytest.raises(rpc.Failure):
        await seat.ask("ghost_ask", question="fire")
    await seat.ask("resume")
    await seat.ask("ghost_ask", question="fire")


async def test_a_question_that_nobody_could_hear_is_not_told_as_asked(
    centre: Bench, seat: Browser
) -> None:
    """A key pressed by chance must not become an answer to it."""
    press(centre, "5")
    await centre.told("ghost-answered")
    centre.media.refuse["play"] = "ports-exhausted"
    with pytest.raises(rpc.Failure) as caught:
        await seat.ask("ghost_ask", question="come")
    assert caught.value.code == "media-unavailable"
    press(centre, "5")
    await centre.told("key-pressed", 2)
    assert told(centre) == ["ghost-started", "ghost-asked", "ghost-answered"]


@pytest.mark.parametrize("question", ["cannot-speak", "police", "medical", "fire", "come"])
def test_every_question_has_its_recording(question: str) -> None:
    """A question without sound would wait for a key that nobody knows of."""
    assert (PROMPTS / f"ghost-{question}.wav").stat().st_size > 8_000
    assert (PROMPTS / "challenge.wav").is_file()
