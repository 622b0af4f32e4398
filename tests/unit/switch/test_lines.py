"""How the lines of calls sound: shown while they talk, told once when they end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony.switch import lines


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
