"""Supervisors on other seats' calls: who hears them, who may, and that each minute is on record."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony import rpc
from tahuri.telephony.sip.phone import PhoneCall


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media."""
    async with bench(tmp_path, offer_s=1) as one:
        yield one


async def talking(centre: Bench) -> tuple[Browser, PhoneCall, str]:
    """A browser seat in a call; the caller's side, the call's id."""
    seat = Browser(centre, "M1", "op-M1", "call_taker")
    await seat.sit()
    call = await centre.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    return seat, call, call_id


async def supervisor(centre: Bench, ready: bool = True) -> Browser:
    one = Browser(centre, "V1", "op-V1", "call_taker", "supervisor")
    await one.sit(ready)
    return one


def hears(centre: Bench, name: str) -> list[str]:
    """What a port hears, by the names of the ports."""
    listener = centre.media.port(name)
    says = [says for hears, says in centre.media.cells if hears == listener]
    return sorted(" ".join(centre.media.ports[port][1].split()[:2]).split(" 0")[0] for port in says)


def heard(centre: Bench, name: str) -> list[str]:
    return [
        one.partition(" ")[0] if one.startswith("caller") else one for one in hears(centre, name)
    ]


@pytest.mark.parametrize(
    ("mode", "caller", "seat"),
    [
        ("listen", ["seat M1"], ["caller"]),
        ("whisper", ["seat M1"], ["caller", "seat V1"]),
        ("barge", ["seat M1", "seat V1"], ["caller", "seat V1"]),
    ],
)
async def test_a_supervisor_hears_all_and_is_heard_by_whom_the_mode_says(
    centre: Bench, mode: str, caller: list[str], seat: list[str]
) -> None:
    """A caller must never hear what is whispered to the call taker."""
    taker, _, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode=mode)
    assert heard(centre, "caller") == caller
    assert heard(centre, "seat M1") == seat
    assert heard(centre, "seat V1") == ["caller", "seat M1"]
    started = await centre.told("supervision-started")
    assert (started.body["mode"], started.body["operator_id"], started.actor) == (
        mode,
        "op-V1",
        "op-V1",
    )
    assert started.body["audible"] is False
    await watching.until(lambda s: s["supervision"]["mode"] == mode)
    assert watching.state["seat"]["state"] == "supervising"
    await taker.until(lambda s: s["call"]["supervisors"] == ([] if mode == "listen" else [mode]))
    await watching.ask("end_supervision")
    assert (await centre.told("supervision-ended")).body["reason"] == "left"
    await until(lambda: heard(centre, "caller") == ["seat M1"])
    assert heard(centre, "seat V1") == []
    await watching.until(lambda s: s["seat"]["state"] == "ready")
    await taker.leave()
    await watching.leave()


async def test_a_supervisor_hears_the_caller_on_hold(centre: Bench) -> None:
    """What is said while the caller waits may be what the supervisor came for."""
    taker, _, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode="whisper")
    await taker.ask("hold")
    assert heard(centre, "caller") == ["hold"]
    assert heard(centre, "seat M1") == ["seat V1"]
    assert heard(centre, "seat V1") == ["caller", "seat M1"]
    await taker.leave()
    await watching.leave()


async def test_whoever_supervises_is_offered_nothing(centre: Bench) -> None:
    """Given a supervisor who listens; when a call comes; then it waits for somebody else."""
    taker, _, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode="listen")
    await centre.call("<sip:+620002@127.0.0.1>")
    await watching.until(lambda s: len(s["queue"]) == 1)
    assert watching.state["offer"] is None
    for op in ("ready", "hold", "hang_up"):
        with pytest.raises(rpc.Failure):
            await watching.ask(op)
    await watching.ask("end_supervision")
    await watching.offered()
    await taker.leave()
    await watching.leave()


async def test_only_a_supervisor_may(centre: Bench) -> None:
    """The seat's token says who it is: the switch asks nobody else, `serve` may be away."""
    taker, _, call_id = await talking(centre)
    other = Browser(centre, "M2", "op-M2", "call_taker")
    await other.sit()
    for op, asked in (
        ("supervise", {"call_id": call_id, "mode": "listen"}),
        ("take_over", {"call_id": call_id}),
        ("end_supervision", {}),
    ):
        with pytest.raises(rpc.Failure) as caught:
            await other.ask(op, **asked)
        assert caught.value.code == "not-allowed"
    assert other.state["live"] == []
    assert "supervision-started" not in centre.types()
    await taker.leave()
    await other.leave()


async def test_supervision_needs_a_free_seat_and_a_live_call(centre: Bench) -> None:
    """Each refusal names its reason, and nothing has changed."""
    taker, _, call_id = await talking(centre)
    watching = await supervisor(centre)
    waiting = await centre.call("<sip:+620002@127.0.0.1>")
    own = await watching.offered()
    with pytest.raises(rpc.Failure) as queued:
        await watching.ask("supervise", call_id=own, mode="listen")
    await watching.ask("answer", call_id=own)
    with pytest.raises(rpc.Failure) as busy:
        await watching.ask("supervise", call_id=call_id, mode="listen")
    with pytest.raises(rpc.Failure) as itself:
        await watching.ask("supervise", call_id=own, mode="listen")
    with pytest.raises(rpc.Failure) as mode:
        await watching.ask("supervise", call_id=call_id, mode="shout")
    codes = [one.value.code for one in (queued, busy, itself, mode)]
    assert codes == ["no-live-call", "seat-busy", "seat-busy", "bad-request"]
    assert not waiting.ended.is_set()
    await taker.leave()
    await watching.leave()


async def test_each_change_of_mode_is_on_record(centre: Bench) -> None:
    """Start and end, with operator and mode, in order."""
    taker, call, call_id = await talking(centre)
    watching = await supervisor(centre)
    for mode in ("listen", "whisper", "whisper", "barge"):
        await watching.ask("supervise", call_id=call_id, mode=mode)
    call.hang_up()
    await centre.told("call-ended")
    told = [
        (fact.type.rpartition("-")[2], fact.body["mode"], fact.body.get("reason"))
        for fact in centre.facts()
        if "supervision" in fact.type
    ]
    assert told == [
        ("started", "listen", None),
        ("ended", "listen", "changed"),
        ("started", "whisper", None),
        ("ended", "whisper", "changed"),
        ("started", "barge", None),
        ("ended", "barge", "call-ended"),
    ]
    await watching.until(lambda s: s["seat"]["state"] == "ready" and s["supervision"] is None)
    await taker.leave()
    await watching.leave()


async def test_a_supervisor_takes_a_call_over(centre: Bench) -> None:
    """Given a call taker who cannot go on; when the supervisor takes over; then the caller talks
    with the supervisor, also from hold, and the call taker writes up."""
    taker, call, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode="listen")
    await taker.ask("hold")
    await watching.ask("take_over", call_id=call_id)
    await watching.ask("take_over", call_id=call_id)
    assert heard(centre, "caller") == ["seat V1"]
    assert heard(centre, "seat V1") == ["caller"]
    assert heard(centre, "seat M1") == []
    await taker.until(lambda s: s["seat"]["reason"] == "wrap-up" and s["call"] is None)
    answered = await centre.told("call-answered", 2)
    assert (answered.body["seat_id"], answered.body["how"]) == ("V1", "taken-over")
    assert (await centre.told("supervision-ended")).body["reason"] == "taken-over"
    assert not call.ended.is_set()
    await watching.ask("hang_up")
    assert (await centre.told("call-ended")).actor == "op-V1"
    await taker.leave()
    await watching.leave()


async def test_a_vanished_supervisor_ends_only_the_supervision(centre: Bench) -> None:
    """Given a supervisor who listens; when the browser is gone for good; then caller and call
    taker notice nothing, and the log says when it ended."""
    taker, call, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode="barge")
    await watching.leave()
    assert (await centre.told("supervision-ended")).body["reason"] == "seat-vanished"
    await until(lambda: heard(centre, "caller") == ["seat M1"])
    assert not call.ended.is_set()
    assert taker.state["seat"]["state"] == "busy"
    await taker.leave()


async def test_supervision_outlives_a_killed_switch(centre: Bench) -> None:
    """The whisper reaches the seat alone, before and after; the end is still on record."""
    taker, call, call_id = await talking(centre)
    watching = await supervisor(centre)
    await watching.ask("supervise", call_id=call_id, mode="whisper")
    await centre.restart()
    await until(lambda: heard(centre, "seat M1") == ["caller", "seat V1"])
    assert heard(centre, "caller") == ["seat M1"]
    again = Browser(centre, "V1", "op-V1", "supervisor")
    await again.sit(ready=False)
    await again.until(lambda s: s["supervision"]["mode"] == "whisper")
    call.hang_up()
    assert (await centre.told("supervision-ended")).body["reason"] == "call-ended"
    await again.until(lambda s: s["seat"]["state"] in ("ready", "not_ready"))
    await taker.leave()
    await again.leave()
    await watching.leave()


async def test_the_notice_sounds_where_the_setting_says(tmp_path: Path) -> None:
    """Given ``supervision_notice``; when somebody listens; then the seat hears the tone and is
    shown it; when they barge in, the caller hears it as well; then it is over."""
    async with bench(tmp_path, offer_s=1, supervision_notice=True) as centre:
        taker, _, call_id = await talking(centre)
        watching = await supervisor(centre)
        await watching.ask("supervise", call_id=call_id, mode="listen")
        assert heard(centre, "seat M1") == ["beep", "caller"]
        assert heard(centre, "caller") == ["seat M1"]
        assert taker.state["call"]["supervisors"] == ["listen"]
        assert (await centre.told("supervision-started")).body["audible"] is True
        played = centre.media.port("beep")
        centre.media.server.push({"event": "played", "port": played})
        await until(lambda: heard(centre, "seat M1") == ["caller"])
        await until(lambda: played not in centre.media.ports)
        await watching.ask("supervise", call_id=call_id, mode="barge")
        assert heard(centre, "caller") == ["beep", "seat M1", "seat V1"]
        await taker.leave()
        await watching.leave()
