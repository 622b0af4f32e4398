"""How the lines of calls sound: shown while they talk, told once when they end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.kernel import clock
from tahuri.telephony.media import quality
from tahuri.telephony.media.protocol import PortFigures
from tahuri.telephony.switch.quality import linehistory, lines
from tahuri.telephony.switch.quality.linehistory import LineHistory


@pytest.fixture
async def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(lines, "LOOK_EVERY_S", 0.05)
    async with bench(tmp_path) as one:
        yield one


def figures(**more: object) -> dict[str, object]:
    nothing = dict.fromkeys(["rx", "tx", "lost", "late", "dropped", "strangers"], 0)
    return {**nothing, "jitter_ms": 0.0, "rtt_ms": None, "buffer_ms": 0.0, **more}


def shown(seat: Browser) -> dict[str, str]:
    call = seat.state.get("call") or {}
    return {line["leg"]: line["verdict"] for line in call.get("lines", [])}  # type: ignore[attr-defined]


async def test_a_bad_line_is_shown_while_they_talk_and_told_at_the_end(centre: Bench) -> None:
    """The operator must know that half a sentence may be missing; the log must be able to say so.

    The browser's port is older than the call: what it lost before is not this call's.
    """
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    own = centre.media.port("seat M1")
    centre.media.figures[own] = figures(rx=90_000, lost=5000)
    call = await centre.call()
    caller = centre.media.port("caller")
    centre.media.figures[caller] = figures()
    await seat.ask("answer", call_id=await seat.offered())
    await until(lambda: caller in centre.switch.core.figures)
    centre.media.figures[caller] = figures(rx=120, lost=30, their_lost=0, their_expected=150)
    centre.media.figures[own] = figures(rx=90_150, lost=5000)
    await until(lambda: shown(seat) == {"caller": "bad", "seat": "good"})
    call.hang_up()
    await centre.told("leg-quality-measured", 2)
    told = {f.body["leg"]: f for f in centre.facts() if f.type.endswith("leg-quality-measured")}
    assert told["caller"].body["verdict"] == "bad"
    assert (told["caller"].body["received"], told["caller"].body["lost"]) == (120, 30)
    assert (told["seat"].body["received"], told["seat"].body["lost"]) == (150, 0)
    assert told["caller"].stream == f"call/{told['caller'].stream.partition('/')[2]}"
    assert centre.switch.core.counters["legs-bad"] == 1
    await seat.leave()


async def test_a_killed_switch_still_knows_where_the_call_began(centre: Bench) -> None:
    """Without it the seat's whole shift would be told as this one call."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    own = centre.media.port("seat M1")
    centre.media.figures[own] = figures(rx=90_000, lost=5000)
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await until(lambda: [c for c in centre.switch.core.calls.values() if c.seat_before])
    await centre.restart()
    centre.media.figures[own] = figures(rx=90_100, lost=5001)
    call.hang_up()
    fact = await centre.told("leg-quality-measured")
    assert (fact.body["leg"], fact.body["received"], fact.body["lost"]) == ("seat", 100, 1)


async def test_a_long_call_is_judged_by_more_than_its_last_moment(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten bad seconds are what a complaint is about; a good end must not hide them.

    Given a call whose line was bad and is good again; then the seat sees both, oldest first, the
    fact tells the worst moment, and its round trip and jitter are means; a kill loses none of it.
    """
    monkeypatch.setattr(linehistory, "SPAN_S", 0.01)  # each look is a span
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    caller = centre.media.port("caller")
    told = centre.media.figures
    told[caller] = figures()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    core = centre.switch.core
    await until(lambda: caller in core.figures)
    told[caller] = figures(rx=100, lost=100, jitter_ms=40.0, rtt_ms=300.0)
    await until(lambda: core.calls[call_id].heard)
    told[caller] = figures(rx=2000, lost=100, jitter_ms=0.0, rtt_ms=20.0)
    await seat.until(lambda s: [len(line["history"]) for line in s["call"]["lines"][:1]] == [2])
    spans = seat.state["call"]["lines"][0]["history"]  # type: ignore[index]
    assert [span["verdict"] for span in spans] == ["bad", "good"]
    assert [span["loss"] for span in spans] == [0.5, 0.0]
    before = core.calls[call_id].heard[caller]
    await centre.restart()
    assert centre.switch.core.calls[call_id].heard[caller] == before
    call.hang_up()
    body = (await centre.told("leg-quality-measured")).body
    assert (body["jitter_ms"], body["rtt_ms"]) == (20.0, 160.0)
    assert body["worst_mos"] == spans[0]["worst_mos"]
    assert body["bad_s"] > 0
    await seat.leave()


def test_the_history_of_a_line_is_bounded() -> None:
    """A caller may stay on the line for a day; the switch must not grow with it."""
    history = LineHistory()
    line = quality.measured(PortFigures(**figures(port=1, kind="rtp", name="", rx=500)))  # type: ignore[arg-type]
    assert line is not None
    for look in range(2000):
        began = history.add(line, look * 3.0, clock.now())
        assert began == (look == 0 or look * 3 // 10 != (look - 1) * 3 // 10)
    assert len(history.views()) == linehistory.SPANS_MAX


async def test_media_that_does_not_say_costs_only_the_figures(centre: Bench) -> None:
    """The call ends with its one outcome all the same."""
    centre.media.refuse["measure"] = "bad-request"
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await until(lambda: "measure" in centre.media.asked)
    call.hang_up()
    await until(lambda: not centre.switch.core.calls)
    assert centre.types().count("call-ended") == 1
    assert "leg-quality-measured" not in centre.types()
    await seat.leave()
