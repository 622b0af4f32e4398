"""A flood on one trunk must not take the places that another trunk's callers need."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from switch_bench import Bench, bench, until

from tahuri.telephony.sip import gate, sdp
from tahuri.telephony.sip.phone import CallFailed, PhoneCall
from tahuri.telephony.switch.config import Trunk
from tahuri.telephony.switch.edge import admission, identity

OFFER = sdp.offer("127.0.0.1", 40000, 1)
GROUPS = ("mobile", "fixed", "seats")


def test_what_is_kept_for_a_group_is_refused_to_others_alone() -> None:
    """Given 10 places, 3 of them kept for fixed lines; when mobiles have 7; then the eighth mobile
    is refused and three fixed lines come in."""
    reserved = {"fixed": 3}
    full = admission.refusal("mobile", {"mobile": 7}, reserved, 10)
    assert full == "kept-for-other-trunks"
    assert admission.refusal("mobile", {"mobile": 6}, reserved, 10) is None
    for fixed in range(3):
        assert admission.refusal("fixed", {"mobile": 7, "fixed": fixed}, reserved, 10) is None
    assert admission.refusal("fixed", {"mobile": 7, "fixed": 3}, reserved, 10) == "too-many-calls"


def test_a_place_that_its_group_uses_is_kept_no_longer() -> None:
    """Given 3 places kept and 3 fixed lines talking; then mobiles may use all that is left."""
    assert admission.refusal("mobile", {"mobile": 6, "fixed": 3}, {"fixed": 3}, 10) is None


def test_a_group_without_a_reserve_is_as_before() -> None:
    """Centres that keep nothing notice nothing."""
    assert admission.refusal("mobile", {"mobile": 9}, {}, 10) is None
    assert admission.refusal("mobile", {"mobile": 10}, {}, 10) == "too-many-calls"


@given(
    st.lists(st.sampled_from(GROUPS), max_size=120),
    st.dictionaries(st.sampled_from(GROUPS[:2]), st.integers(0, 9)),
)
def test_whoever_has_a_reserve_gets_it_whatever_came_before(
    arrivals: list[str], reserved: dict[str, int]
) -> None:
    """Whatever order of calls: nobody is refused while the group uses less than is kept for it."""
    used: dict[str, int] = {}
    for group in arrivals:
        if admission.refusal(group, used, reserved, 20) is None:
            used[group] = used.get(group, 0) + 1
        else:
            assert used.get(group, 0) >= reserved.get(group, 0)
    assert sum(used.values()) <= 20


def test_trunks_of_one_group_share_its_reserve() -> None:
    """Two lines to one operator are one way in for its callers."""
    trunks = [
        Trunk("a", ["10.0.0.1/32"], group="fixed", reserved_calls=2),
        Trunk("b", ["10.0.0.2/32"], group="fixed", reserved_calls=1),
        Trunk("c", ["10.0.0.3/32"]),
    ]
    assert admission.kept(trunks) == {"fixed": 3, "c": 0}
    assert [admission.group_of(trunks, name) for name in ("a", "b", "c", "seats")] == [
        "fixed", "fixed", "c", "seats",
    ]  # fmt: skip


def test_a_call_on_its_way_in_counts_once() -> None:
    """Between INVITE and audio a flood would otherwise get in unseen."""
    room = admission.Room([Trunk("telco", ["10.0.0.1/32"])], 2)
    room.entering("C1", "telco")
    room.entering("C2", "telco")
    assert room.refusal("telco", {"C1": "telco"}) == "too-many-calls"
    room.entered("C2")
    assert room.refusal("telco", {"C1": "telco"}) is None


def test_a_flood_uses_up_the_rate_of_its_own_trunk_alone() -> None:
    """Given a trunk that sends a thousand INVITEs in one moment; then the other's is let in."""
    trunks = [
        Trunk("a", ["10.0.0.0/24"]).networks[0],
        Trunk("b", ["10.0.1.0/24"]).networks[0],
    ]
    limit = gate.Gate(trunks=trunks)
    flood = sum(limit.admit_call(0.0, f"10.0.0.{n % 200}") for n in range(1000))
    assert flood == gate.CALLS_BURST
    assert limit.admit_call(0.0, "10.0.1.9")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """Twelve places, four of them kept for the trunk of fixed lines."""
    trunks = [
        {"name": "mobile", "sources": ["127.0.0.1/32"]},
        {"name": "fixed", "sources": ["127.0.0.2/32"], "reserved_calls": 4},
    ]
    async with bench(tmp_path, trunks=trunks, calls_max=12) as one:
        yield one


async def test_during_a_flood_every_call_of_the_other_trunk_is_answered(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given hundreds of INVITEs on one trunk; when four callers come by the other; then all four
    are answered, every INVITE has an outcome, and what was refused is counted."""
    sources = ["127.0.0.1"]  # one phone plays both trunks: the next INVITE comes from here
    known = identity.trunk_of
    monkeypatch.setattr(identity, "trunk_of", lambda trunks, _: known(trunks, sources[0]))
    flood = [dial(centre) for _ in range(180)]
    answers = await asyncio.gather(
        *(call.wait_answered(10) for call in flood), return_exceptions=True
    )
    refusals = [one.status for one in answers if isinstance(one, CallFailed)]
    assert refusals == [503] * (180 - 8)
    sources[0] = "127.0.0.2"
    for _ in range(4):
        await dial(centre).wait_answered(5)
    with pytest.raises(CallFailed):
        await dial(centre).wait_answered(5)
    told = [fact for fact in centre.facts() if fact.type == "calls.call-refused"]
    reasons = [fact.body["reason"] for fact in told]
    assert (reasons.count("kept-for-other-trunks"), reasons.count("too-many-calls")) == (172, 1)
    counters = centre.switch.core.counters
    assert counters["refused-kept-for-other-trunks"] == 172
    for call in flood[:8]:
        call.hang_up()
    await until(lambda: len(centre.switch.core.calls) == 4)
    sources[0] = "127.0.0.1"
    await dial(centre).wait_answered(5)


def dial(centre: Bench) -> PhoneCall:
    return centre.phone.call("sip:112@127.0.0.1", centre.flow, OFFER, "<sip:+620001@127.0.0.1>")
