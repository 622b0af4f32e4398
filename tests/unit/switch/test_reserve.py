"""Seats kept for a trunk group: a flood leaves them to its callers, and nobody is lost for it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony.switch import views
from tahuri.telephony.switch.config import Trunk
from tahuri.telephony.switch.edge import identity
from tahuri.telephony.switch.queue import reserve

GROUPS = ("mobile", "fixed", "ims")
TRUNKS = [
    {"name": "mobile", "sources": ["127.0.0.1/32"]},
    {"name": "fixed", "sources": ["127.0.0.2/32"], "reserved_seats": 1},
]


def test_one_seat_on_duty_is_never_kept() -> None:
    """Given a reserve larger than the night shift; then it is as large as the shift less one: two
    people keep one, one keeps none, nobody keeps none."""
    kept = {"fixed": 5}
    assert [reserve.owed("mobile", kept, {}, on_duty) for on_duty in (7, 6, 5, 2, 1, 0)] == [
        5, 5, 4, 1, 0, 0,
    ]  # fmt: skip


def test_a_seat_that_its_group_uses_is_owed_no_longer() -> None:
    """Given two kept seats and one caller of the group who talks; then one more stays ready."""
    kept = {"fixed": 2}
    assert reserve.owed("mobile", kept, {"fixed": 1}, 9) == 1
    assert reserve.owed("mobile", kept, {"fixed": 3}, 9) == 0
    assert reserve.owed("fixed", kept, {}, 9) == 0


def test_with_few_seats_the_first_group_of_the_settings_has_its_share_first() -> None:
    """Given three on duty and two groups that want two each; then two and none are kept."""
    kept = {"fixed": 2, "ims": 2}
    assert reserve.owed("mobile", kept, {}, 3) == 2
    assert reserve.owed("fixed", kept, {}, 3) == 0
    assert reserve.owed("ims", kept, {}, 3) == 2
    assert reserve.owed("fixed", kept, {}, 4) == 1


@given(
    st.dictionaries(st.sampled_from(GROUPS), st.integers(0, 9)),
    st.dictionaries(st.sampled_from(GROUPS), st.integers(0, 9)),
    st.integers(0, 12),
    st.sampled_from((*GROUPS, "other")),
)
def test_whatever_is_set_one_seat_on_duty_is_for_everybody(
    kept: dict[str, int], in_use: dict[str, int], on_duty: int, group: str
) -> None:
    """A reserve that is larger than the shift must not lock it."""
    assert 0 <= reserve.owed(group, kept, in_use, on_duty) <= max(0, on_duty - 1)


def test_lines_of_one_group_add_up(tmp_path: Path) -> None:
    """As with reserved calls; a group that keeps nothing is not named."""
    trunks = [
        Trunk("a", ["10.0.0.1/32"], group="fixed", reserved_seats=1),
        Trunk("b", ["10.0.0.2/32"], group="fixed", reserved_seats=1),
        Trunk("c", ["10.0.0.3/32"]),
    ]
    settings = Bench(tmp_path).settings
    assert reserve.reserves(replace(settings, trunks=trunks)) == {"fixed": 2}


class Lines:
    """One phone plays both trunks: the next INVITE comes by ``source``."""

    def __init__(self, one: Bench) -> None:
        self.one = one
        self.source = "127.0.0.1"

    async def mobile(self, number: int) -> None:
        self.source = "127.0.0.1"
        await self.one.call(f"<sip:+62811{number}@127.0.0.1>")

    async def fixed(self, number: int) -> None:
        self.source = "127.0.0.2"
        await self.one.call(f"<sip:+62911{number}@127.0.0.1>")


@pytest.fixture
async def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lines]:
    """A switch that keeps one seat for fixed lines, for a minute."""
    async with bench(tmp_path, offer_s=30, trunks=TRUNKS, reserved_seat_wait_s=60) as one:
        made = Lines(one)
        known = identity.trunk_of
        monkeypatch.setattr(identity, "trunk_of", lambda trunks, _: known(trunks, made.source))
        yield made


async def sat(one: Bench, count: int) -> list[Browser]:
    seats = [Browser(one, f"M{n}", f"op{n}") for n in range(1, count + 1)]
    for seat in seats:
        await seat.sit()
    return seats


def ringing(one: Bench) -> dict[str, str]:
    """Number that rings, by seat."""
    return {
        seat_id: call.number or ""
        for call in one.switch.core.calls.values()
        for seat_id in call.rings_at
    }


async def test_a_flood_leaves_the_kept_seat_to_a_caller_of_its_group(lines: Lines) -> None:
    """Given three ready seats, one of them kept for fixed lines; when five mobiles call; then two
    ring and one seat stays ready; when a fixed line calls last, it rings there at once; and when
    a seat is free again the longest waiting mobile has it, for the reserve is in use."""
    one = lines.one
    seats = await sat(one, 3)
    for number in range(5):
        await lines.mobile(number)
    await one.told("call-queued", 5)
    assert sorted(ringing(one).values()) == ["+628110", "+628111"]
    assert [seat.state for seat in one.switch.core.seats.values()].count("ready") == 1
    waiting = [row for row in views.queue(one.switch.core) if not row.rings_at]
    now = one.switch.core.now()
    for row in waiting:  # the room sees why a seat is ready while callers wait, and for how long
        assert row.held_back_until is not None
        assert timedelta(0) < row.held_back_until - now <= timedelta(seconds=60)
    assert all(row.held_back_until is None for row in views.queue(one.switch.core) if row.rings_at)
    await lines.fixed(1)
    await until(lambda: "+629111" in ringing(one).values())
    busy = next(one for one in seats if one.state["offer"])
    await busy.ask("answer", call_id=await busy.offered())
    await busy.ask("hang_up")
    await until(lambda: busy.state["seat"]["state"] == "not_ready")
    await busy.ask("ready")
    await until(lambda: "+628112" in ringing(one).values())
    assert "call-refused" not in one.types()
    for seat in seats:
        await seat.leave()


async def test_a_caller_of_the_group_has_the_next_seat_though_the_flood_came_before(
    lines: Lines,
) -> None:
    """Given one kept seat of two, both taken by nobody of the group; when a seat is free while
    mobiles wait, a fixed line that came later has it: what is kept for it is kept."""
    one = lines.one
    first, second = await sat(one, 2)
    await lines.mobile(0)
    await one.told("call-offered")
    await lines.mobile(1)
    await lines.fixed(1)
    await until(lambda: len(ringing(one)) == 2)
    assert set(ringing(one).values()) == {"+628110", "+629111"}
    await first.leave()
    await second.leave()


async def test_a_lone_seat_takes_whoever_calls(lines: Lines) -> None:
    """Given one person on duty at night; then the reserve of a group keeps nobody from them, nor
    does somebody who is on a break count as on duty."""
    one = lines.one
    seat, away = await sat(one, 2)
    await away.ask("not_ready", reason="break")
    await lines.mobile(1)
    await seat.offered()
    assert ringing(one) == {"M1": "+628111"}
    await seat.leave()
    await away.leave()


async def test_a_kept_seat_gives_way_to_whoever_has_waited(tmp_path: Path) -> None:
    """Nobody listens to a tone for long while somebody sits idle.

    Given a kept seat and a second mobile; when nobody of the group has called within the longest
    wait; then the mobile rings there.
    """
    async with bench(
        tmp_path, offer_s=30, trunks=TRUNKS, reserved_seat_wait_s=1.0, seat_vanish_s=20
    ) as one:
        seats = await sat(one, 2)
        await one.call("<sip:+628111@127.0.0.1>")
        await one.call("<sip:+628112@127.0.0.1>")
        await one.told("call-queued", 2)
        assert list(ringing(one).values()) == ["+628111"]
        call = next(c for c in one.switch.core.calls.values() if c.number == "+628112")
        since = call.queued_s
        await until(lambda: "+628112" in ringing(one).values())
        assert one.switch.core.monotonic_s() - since >= 1.0
        assert "call-refused" not in one.types()
        for seat in seats:
            await seat.leave()


async def test_a_kill_forgets_neither_the_reserve_nor_the_wait(tmp_path: Path) -> None:
    """Given a mobile that is held back; when the switch is killed; then it is held back still,
    and its wait counts from when it came."""
    async with bench(
        tmp_path, offer_s=30, trunks=TRUNKS, reserved_seat_wait_s=60, seat_vanish_s=20
    ) as one:
        seats = await sat(one, 2)
        await one.call("<sip:+628111@127.0.0.1>")
        await one.call("<sip:+628112@127.0.0.1>")
        await one.told("call-queued", 2)
        before = {c.number: c.queued_s for c in one.switch.core.calls.values()}
        for seat in seats:
            await seat.leave()
        await one.restart()
        assert {c.number: c.queued_s for c in one.switch.core.calls.values()} == before
        again = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2)]
        for seat in again:
            await seat.sit(ready=False)
            if seat.state["seat"]["state"] == "not_ready":
                await seat.ask("ready")
        await until(lambda: len(ringing(one)) == 1)
        assert list(ringing(one).values()) == ["+628111"]
        held = next(c for c in one.switch.core.calls.values() if c.number == "+628112")
        held.queued_s -= 61
        for seat in one.switch.core.seats.values():
            seat.idle_since_s -= 61
        await until(lambda: len(ringing(one)) == 2)
        for seat in again:
            await seat.leave()


async def test_a_caller_who_lost_the_seat_waits_for_no_reserve(lines: Lines) -> None:
    """Given a mobile whose seat vanishes in mid-sentence; then the kept seat has it at once."""
    one = lines.one
    first, second = await sat(one, 2)
    await lines.mobile(1)
    call_id = await first.offered()
    await first.ask("answer", call_id=call_id)
    await first.leave()
    await one.told("call-requeued")
    assert await second.offered() == call_id
    await second.leave()


async def test_where_all_ring_the_kept_seat_does_not(tmp_path: Path) -> None:
    """Given three seats at which all ring and one kept; then a mobile rings at two of them."""
    rules = {"distribution": "ring-all", "reserved_seat_wait_s": 60}
    async with bench(tmp_path, offer_s=30, trunks=TRUNKS, **rules) as one:  # type: ignore[arg-type]
        seats = await sat(one, 3)
        await one.call("<sip:+628111@127.0.0.1>")
        await one.told("call-offered", 2)
        assert len(ringing(one)) == 2
        for seat in seats:
            await seat.leave()
