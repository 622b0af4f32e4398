"""A call that waits at one node and a free seat at another: two switches with pretended media."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until

from ports import UDP, free_ports
from tahuri.telephony import rpc
from tahuri.telephony.sip.phone import PhoneCall
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.queue import peers

SOON = {"other_nodes_after_s": 0.2, "offer_s": 5, "seat_vanish_s": 0.4}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between two questions, and of guests, that a test can afford."""
    monkeypatch.setattr(peers, "AGAIN_S", 0.2)
    monkeypatch.setattr(peers, "ALONE_S", 0.3)


@contextlib.asynccontextmanager
async def pair(folder: Path, **settings: object) -> AsyncIterator[tuple[Bench, Bench]]:
    """Nodes A and B, each a trunk of the other's."""
    ports = {"A": free_ports(UDP), "B": free_ports(UDP)}
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for name, other in (("A", "B"), ("B", "A")):
            (folder / name).mkdir()
            host = f"{ADDRESS}:{ports[other]}"
            here = {
                **SOON,
                "node": name,
                "sip": {"address": ADDRESS, "udp_port": ports[name], "tcp_port": 0},
                "trunks": [
                    {"name": "telco", "sources": ["127.0.0.1/32"]},
                    {"name": other, "sources": ["127.0.0.1/32"], "host": host, "node": True,
                     "options_every_s": 0},
                ],
                **settings,
            }  # fmt: skip
            made.append(await stack.enter_async_context(bench(folder / name, **here)))
        yield made[0], made[1]


@contextlib.asynccontextmanager
async def sitting(one: Bench, seat_id: str, ready: bool = True) -> AsyncIterator[Browser]:
    """Somebody at a browser seat."""
    seat = Browser(one, seat_id, f"op{seat_id}")
    await seat.sit(ready)
    try:
        yield seat
    finally:
        with contextlib.suppress(Exception):
            await seat.leave()


async def answered_there(one: Bench, seat: Browser) -> tuple[PhoneCall, str]:
    """A caller of the first node whom a seat of the other has answered."""
    caller = await one.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    await one.told("call-answered")
    return caller, call_id


def of_calls(one: Bench) -> list[str]:
    """Types of the facts about calls."""
    return [fact.type.partition(".")[2] for fact in one.facts() if fact.stream.startswith("call/")]


async def test_a_free_seat_of_another_node_takes_the_call_that_waits_here(tmp_path: Path) -> None:
    """A caller must not wait while somebody is free in the other room.

    Given a caller at A, where nobody sits, and a ready seat at B; when the call has waited for its
    time; then it rings at B under its own id; answered, the caller's node tells by whom and goes on
    recording; when B's seat hangs up, the call ends once, as answered.
    """
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        caller = await one.call()
        call_id = await seat.offered()
        assert seat.state["offer"]["number"] == "+620001"
        assert call_id in one.switch.core.calls
        assert "call-answered" not in one.types()
        await seat.ask("answer", call_id=call_id)
        told = await one.told("call-answered")
        assert told.stream == f"call/{call_id}"
        assert told.actor == "opB1"
        assert told.body == {
            "seat_id": "B1", "operator_id": "opB1", "robot": False, "how": "other-node",
        }  # fmt: skip
        here, there = one.media, two.media
        await until(lambda: here.hears(here.port("caller")) == ["rtp node"])
        await until(lambda: there.hears(there.port("guest")) == ["webrtc seat"])
        assert len(here.recordings) == 1
        assert there.recordings == {}
        await seat.ask("hang_up")
        ended = await one.told("call-ended")
        assert (ended.body["outcome"], ended.body["by"]) == ("answered", "seat")
        await until(lambda: caller.ended.is_set())
        await until(lambda: not two.switch.core.calls and not one.switch.core.calls)
        assert of_calls(two) == ["leg-quality-measured"] * of_calls(two).count(
            "leg-quality-measured"
        )
        assert of_calls(one).count("call-ended") == 1
        assert [kind for kind, _ in here.ports.values() if kind == "rtp"] == []
        assert [kind for kind, _ in there.ports.values() if kind == "rtp"] == []


async def test_whoever_of_ours_is_faster_has_the_caller(tmp_path: Path) -> None:
    """Given a call that rings at B; when a seat of A is ready and answers; then it no longer rings
    at B, whose seat has missed nothing and is ready for the next."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as there:
        await one.call()
        call_id = await there.offered()
        async with sitting(one, "A1") as here:
            assert await here.offered() == call_id
            await here.ask("answer", call_id=call_id)
            await there.until(lambda state: state["seat"]["state"] == "ready")
            await until(lambda: not two.switch.core.calls)
            told = await one.told("call-answered")
            assert (told.body["seat_id"], told.body["how"]) == ("A1", "offered")
            assert [p for p in one.switch.core.calls[call_id].parties if p.node] == []


async def test_while_a_seat_of_ours_rings_no_other_node_is_asked(tmp_path: Path) -> None:
    """Given a seat at A where the call rings; then B is not asked, however long it rings."""
    async with pair(tmp_path) as (one, two), sitting(one, "A1") as here, sitting(two, "B1"):
        call = await one.call()
        call_id = await here.offered()
        core = one.switch.core
        since_s = core.monotonic_s()
        await until(lambda: core.monotonic_s() - since_s > 1.0)
        assert core.calls[call_id].nodes_asked == 0
        assert two.switch.core.calls == {}
        call.hang_up()
        await one.told("call-ended")


async def test_a_node_without_a_free_seat_refuses_and_the_caller_waits_on(tmp_path: Path) -> None:
    """Given nobody ready at B; then it refuses at once, without a fact anywhere; when somebody is
    ready there; then the call rings."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1", ready=False) as seat:
        await one.call()
        await until(lambda: two.switch.core.counters.get("guests-refused", 0) >= 2)
        assert of_calls(two) == []
        assert set(of_calls(one)) == {"call-arrived", "call-queued", "recording-started"}
        await seat.ask("ready")
        await seat.offered()


async def test_a_caller_of_ones_own_goes_before_a_guest(tmp_path: Path) -> None:
    """A node must not help out while its own caller waits for the same seat.

    Given a caller at each node and one seat; then B's seat rings for B's own caller, and for A's
    only after that."""
    async with pair(tmp_path) as (one, two):
        await two.call("<sip:+620002@127.0.0.1>")
        await one.call("<sip:+620001@127.0.0.1>")
        await until(lambda: two.switch.core.counters.get("guests-refused", 0) >= 1)
        async with sitting(two, "B1") as seat:
            call_id = await seat.offered()
            assert seat.state["offer"]["number"] == "+620002"
            await seat.ask("answer", call_id=call_id)
            await seat.ask("hang_up")
            await seat.ask("ready")
            await until(lambda: seat.state.get("offer"))
            assert seat.state["offer"]["number"] == "+620001"


@pytest.mark.parametrize("phase", ["ringing", "live"])
async def test_a_caller_who_hangs_up_frees_the_seat_at_the_other_node(
    tmp_path: Path, phase: str
) -> None:
    """Given a call at a seat of B, ringing or live; when its caller is gone; then the seat is free
    and the call ended once: abandoned, or answered."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        if phase == "live":
            caller, _ = await answered_there(one, seat)
        else:
            caller = await one.call()
            await seat.offered()
        caller.hang_up()
        ended = await one.told("call-ended")
        wanted = "answered" if phase == "live" else "abandoned"
        assert (ended.body["outcome"], ended.body["by"]) == (wanted, "caller")
        await until(lambda: not two.switch.core.calls)
        await seat.until(lambda state: state["seat"]["state"] in ("ready", "not_ready"))
        assert "call-ended" not in of_calls(two)


async def test_a_node_that_is_gone_gives_the_caller_back(tmp_path: Path) -> None:
    """A power cut in the other room must not cost the caller.

    Given a call live at a seat of B; when no sound comes from B any more; then the call is at the
    head of A's queue with its reason, and rings at A's next free seat.
    """
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        caller, call_id = await answered_there(one, seat)
        port = one.media.port("node")
        await two.switch.stop()
        one.media.server.push({"event": "silent", "port": port, "seconds": 5.0})
        told = await one.told("call-requeued")
        assert told.body == {"seat_id": "B1", "reason": "node-lost"}
        async with sitting(one, "A1") as here:
            assert await here.offered() == call_id
            await here.ask("answer", call_id=call_id)
            await here.ask("hang_up")
        ended = await one.told("call-ended")
        assert ended.body["outcome"] == "answered"
        await until(lambda: caller.ended.is_set())
        await two.resume()
        await until(lambda: not two.switch.core.calls)


async def test_a_pause_of_sound_that_is_over_costs_nothing(tmp_path: Path) -> None:
    """Given a call live at B; when sound fails and comes back before it is looked at; then the call
    stays where it is."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        _, call_id = await answered_there(one, seat)
        port = one.media.port("node")
        one.media.server.push({"event": "silent", "port": port, "seconds": 5.0})
        one.media.server.push({"event": "heard", "port": port})
        await one.told("media-heard")
        assert one.switch.core.calls[call_id].phase == "live"
        assert "call-requeued" not in one.types()


@pytest.mark.parametrize("killed", ["home", "there"])
@pytest.mark.parametrize("phase", ["ringing", "live"])
async def test_a_kill_of_either_switch_loses_no_caller(
    tmp_path: Path, killed: str, phase: str
) -> None:
    """Given a call of A that rings or is live at a seat of B; when either switch is killed and
    started again; then the live one goes on, the ringing one rings again, and it ends once."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        if phase == "live":
            _, call_id = await answered_there(one, seat)
        else:
            await one.call()
            call_id = await seat.offered()
        await (one if killed == "home" else two).restart()
        async with sitting(two, "B1", ready=phase == "ringing") as again:
            if phase == "ringing":
                if killed == "there":  # what rang there is forgotten: its own node asks anew
                    party = one.switch.core.calls[call_id].parties[0]
                    party.ring_due = 0.0
                await until(lambda: again.state.get("offer"))
                await again.ask("answer", call_id=call_id)
                await one.told("call-answered")
            await again.until(lambda state: state["call"]["call_id"] == call_id)
            assert one.switch.core.calls[call_id].phase == "live"
            await again.ask("hang_up")
            await one.told("call-ended")
        await until(lambda: not one.switch.core.calls and not two.switch.core.calls)
        assert of_calls(one).count("call-ended") == 1
        assert not {"call-ended", "call-refused"} & set(of_calls(two))


async def test_a_guest_whose_seat_vanishes_rings_there_again_or_goes_home(tmp_path: Path) -> None:
    """Given a call live at B; when its seat vanishes and another is ready there; then that rings;
    when that one vanishes too; then the call goes back to the head of A's queue."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        _, call_id = await answered_there(one, seat)
        second = Browser(two, "B2", "opB2")
        await second.sit()
        await seat.leave()
        assert await second.offered() == call_id
        await second.ask("answer", call_id=call_id)
        told = await two.told("call-answered")  # the first answer was told by the caller's node
        assert told.body["seat_id"] == "B2"
        await second.leave()
        back = await one.told("call-requeued")
        assert back.body["reason"] == "node-lost"
        assert one.switch.core.calls[call_id].phase == "queued"
        await until(lambda: not two.switch.core.calls)
        assert "call-ended" not in [*of_calls(one), *of_calls(two)]


async def test_a_node_that_is_drained_takes_no_guest(tmp_path: Path) -> None:
    """Given a ready seat at B, which is being emptied; then A's call does not ring there."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        two.switch.core.drain(True)
        await one.call()
        await until(lambda: two.switch.core.counters.get("guests-refused", 0) >= 2)
        assert seat.state["offer"] is None


async def test_only_a_node_may_send_guests(tmp_path: Path) -> None:
    """A caller who writes our header into an INVITE is a caller like any other.

    Given a trunk that is no node; when it sends a call's id; then that is a call of its own."""
    async with bench(tmp_path, **SOON) as one:
        forged = "0" * 26
        await one.call(headers=((peers.CALL_HEADER, forged),))
        arrived = await one.told("call-arrived")
        assert arrived.stream != f"call/{forged}"


async def test_a_node_is_no_line_to_the_town(tmp_path: Path) -> None:
    """Given no trunk but the other node; then a number cannot be called through it."""
    async with pair(tmp_path) as (one, _):
        with pytest.raises(rpc.Failure, match="bad-address"):
            parties.destination(one.switch.core, "0911112")


async def test_a_call_that_is_known_here_is_no_guest(tmp_path: Path) -> None:
    """Nodes that were told each other's addresses wrongly must not ring in a circle."""
    async with pair(tmp_path) as (one, two), sitting(two, "B1") as seat:
        await one.call()
        call_id = await seat.offered()
        header = ((peers.CALL_HEADER, call_id),)
        with contextlib.suppress(Exception):
            await one.call(headers=header)
        assert one.switch.core.counters["guests-refused"] == 1
        assert list(one.switch.core.calls) == [call_id]


async def test_a_silent_caller_answers_by_keys_at_the_other_node_too(tmp_path: Path) -> None:
    """A stroke is silent at any node: questions and keys must work wherever the seat is.

    Given a call of A at a seat of B, which begins to ask; when the caller presses the key for yes;
    then B's switch has the answer as a fact; when it is ended as silent; then that is one as well.
    """
    async with pair(tmp_path, listen_in_s=0) as (one, two), sitting(two, "B1") as seat:
        _, call_id = await answered_there(one, seat)
        await seat.ask("ghost")
        one.media.server.push({"event": "dtmf", "port": one.media.port("caller"), "digit": "5"})
        told = await two.told("ghost-answered")
        assert told.body == {"question": "cannot-speak", "answer": "yes", "digit": "5"}
        assert (await one.told("key-pressed")).body == {"digit": "5"}
        await seat.ask("ghost_end")
        over = await two.told("ghost-ended")
        assert over.stream == f"call/{call_id}"
        assert over.body["call_back"] is True
        await one.told("call-ended")
        assert "key-pressed" not in two.types()
