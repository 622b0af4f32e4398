"""Browser seats: offers, hot audio, vanished machines, and a switch that is killed."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tahuri.telephony import rpc
from tahuri.telephony.protocol.words import SUBPROTOCOL
from tahuri.telephony.switch import websocket


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media."""
    async with bench(tmp_path) as one:
        yield one


async def test_a_browser_answers_and_both_hear_each_other(centre: Bench) -> None:
    """The plain case of the whole day."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    call_id = await seat.offered()
    assert seat.state["offer"]["number"] == "+620001"
    caller = centre.media.port("caller")
    assert centre.media.hears(caller) == ["play notice"]
    await seat.ask("answer", call_id=call_id)
    await seat.ask("answer", call_id=call_id)
    assert centre.media.hears(caller) == ["webrtc seat"]
    assert centre.media.hears(centre.media.port("seat")) == ["rtp caller"]
    await seat.ask("hold")
    assert centre.media.hears(caller) == ["play hold"]
    await seat.ask("resume")
    call.hang_up()
    await until(lambda: seat.state["seat"]["reason"] == "wrap-up")
    await centre.told("recording-closed")
    assert centre.types().count("call-answered") == 1
    await until(lambda: "rtp" not in [kind for kind, _ in centre.media.ports.values()])
    await until(lambda: not list((centre.folder / "data/journal/calls").iterdir()))
    await seat.leave()


async def test_a_reloaded_page_gets_its_live_call_back(centre: Bench) -> None:
    """The new audio leg takes the old one's place in mid-call."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    before = centre.media.port("seat M1")
    again = Browser(centre, "M1", "op1")
    await again.sit(ready=False)
    after = centre.media.port("seat M1")
    assert after != before
    assert before not in centre.media.ports
    assert centre.media.hears(after) == ["rtp caller"]
    assert again.state["call"] is not None
    await seat.leave()
    await again.ask("hang_up")
    assert (await centre.told("call-ended")).actor == "op1"
    await again.leave()


async def test_the_call_of_a_vanished_seat_goes_to_the_next(centre: Bench) -> None:
    """A burnt-out computer must not cost the caller the line."""
    first, second = Browser(centre, "M1", "op1"), Browser(centre, "M2", "op2")
    await first.sit()
    call = await centre.call()
    call_id = await first.offered()
    await first.ask("answer", call_id=call_id)
    await first.leave()
    await centre.told("seat-vanished")
    await centre.told("call-requeued")
    await until(lambda: centre.media.hears(centre.media.port("caller")) == ["play tone"])
    await second.sit()
    assert await second.offered() == call_id
    await second.ask("answer", call_id=call_id)
    assert not call.ended.is_set()
    assert centre.media.hears(centre.media.port("caller")) == ["webrtc seat"]
    await second.leave()


@pytest.mark.parametrize("killed", [False, True])
async def test_a_page_closed_after_its_seat_was_left_keeps_no_port(
    centre: Bench, killed: bool
) -> None:
    """Given somebody who leaves the seat and then closes the page, also in the moment of a kill;
    then media's port of that seat is free again although nobody sits there."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await seat.ask("leave")
    await seat.leave()
    if killed:
        await centre.restart()
    await until(lambda: "webrtc" not in [kind for kind, _ in centre.media.ports.values()])
    assert centre.switch.core.seats["M1"].port is None
    assert "seat-vanished" not in centre.types()


async def test_two_seats_answer_at_once_and_one_wins(centre: Bench) -> None:
    """Compare-and-set: the other hears why not."""
    first, second = Browser(centre, "M1", "op1"), Browser(centre, "M2", "op2")
    await first.sit()
    await second.sit()
    await centre.call()
    call_id = await first.offered()
    await until(lambda: first.state["offer"] is None)  # missed: on to the next seat
    assert await second.offered() == call_id
    with pytest.raises(rpc.Failure) as early:
        await first.ask("answer", call_id=call_id)
    await second.ask("answer", call_id=call_id)
    with pytest.raises(rpc.Failure) as late:
        await first.ask("answer", call_id=call_id)
    assert (early.value.code, late.value.code) == ("call-not-offered", "call-already-answered")
    assert first.state["seat"]["reason"] == "missed-offer"
    await first.leave()
    await second.leave()


async def test_a_killed_switch_keeps_seat_call_and_queue(centre: Bench) -> None:
    """The browser comes back to its call; nothing is told twice under another id."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    live = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await centre.call("<sip:+620002@127.0.0.1>")
    await centre.told("call-queued", 2)
    await centre.restart()
    again = Browser(centre, "M1", "op1")
    await again.sit(ready=False)
    assert again.state["call"]["number"] == "+620001"
    assert [q["number"] for q in again.state["queue"]] == ["+620002"]  # type: ignore[index]
    live.hang_up()
    await centre.told("call-ended")
    ids = {fact.id for fact in centre.facts() if fact.type == "calls.call-arrived"}
    assert len(ids) == 2
    await again.leave()
    await seat.leave()


async def test_restarted_media_gets_every_leg_again(centre: Bench) -> None:
    """Ports of a dead process mean nothing; far ends are told by re-INVITE."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await centre.kill_media()
    await centre.told("recording-started", 2)
    await until(lambda: seat.state["seat"]["media"] == "down")
    await seat.ask("webrtc", sdp="offer")
    assert centre.media.hears(centre.media.port("caller")) == ["webrtc seat"]
    assert not call.ended.is_set()
    await seat.leave()


async def test_a_full_disk_stops_no_call(centre: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither recording nor spool nor journal is worth a caller."""
    centre.media.refuse["record"] = "disk-full"
    seat = Browser(centre, "M1", "op1")
    await seat.sit()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        await centre.call()
        await seat.ask("answer", call_id=await seat.offered())
        state = await centre.switch.answer("state", {})
        codes = {alarm.code for alarm in state.alarms}  # type: ignore[attr-defined]
        expected = {"spool-disk-full", "spool-memory-only", "recording-failed"}
        assert expected <= codes
        await until(lambda: expected <= set(seat.state["alarms"]))
        assert "call-answered" in centre.types()
    await until(lambda: not centre.switch.core.spool.unwritten)
    await seat.leave()


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("open_rtp", "ports-exhausted", 503),
        ("set_remote", "bad-media-address", 488),
        ("open_rtp", "bad-request", 503),
    ],
)
async def test_media_that_refuses_gives_the_caller_a_status(
    centre: Bench, operation: str, code: str, status: int
) -> None:
    """An error inside must become a SIP answer, not silence."""
    centre.media.refuse[operation] = code
    with pytest.raises(Exception, match=f"SIP {status}"):
        await centre.call()
    assert (await centre.told("call-refused")).body["status"] == status
    await until(lambda: "caller" not in str(centre.media.ports))


async def test_audio_that_fails_makes_a_ready_seat_not_ready(centre: Bench) -> None:
    """A caller must not be offered to somebody who cannot hear."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    port = centre.media.port("seat")
    centre.media.server.push({"event": "webrtc", "port": port, "state": "failed"})
    await until(lambda: seat.state["seat"]["reason"] == "technical")
    await seat.ask("leave")
    await seat.ask("leave")
    await centre.told("seat-left")
    await seat.leave()


async def test_events_of_media_become_facts(centre: Bench) -> None:
    """Keys, silence, a failed recording; and no more keys than the limit."""
    await centre.call()
    port = centre.media.port("caller")
    for _ in range(45):
        centre.media.server.push({"event": "dtmf", "port": port, "digit": "5"})
    recording = next(iter(centre.media.recordings))
    for event in (
        {"event": "silent", "port": port, "seconds": 5},
        {"event": "heard", "port": port},
        {"event": "first_rtp", "port": port},
        {"event": "recording_failed", "recording": recording, "path": "x", "error": "disk"},
        {"event": "dtmf", "port": 999, "digit": "5"},
        {"event": "unknown"},
    ):
        centre.media.server.push(dict(event))
    await centre.told("recording-failed")
    assert centre.types().count("key-pressed") == 40
    assert (await centre.told("media-silent")).body == {"leg": "caller"}


@pytest.mark.parametrize(("origin", "path"), [("https://evil", "/seat"), (None, "/other")])
async def test_a_foreign_page_may_not_connect(centre: Bench, origin: str | None, path: str) -> None:
    """Another site's script must not become a seat."""
    uri = f"ws://127.0.0.1:{centre.websocket_port}{path}"
    with pytest.raises(InvalidStatus):
        await connect(uri, origin=origin)  # type: ignore[arg-type]


async def test_whoever_says_nothing_keeps_no_seat_from_its_line(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given as many silent connections of one address as may be; when another comes; then it is
    refused at once, and let in as soon as the silent ones are gone."""
    monkeypatch.setattr(websocket, "ATTACHING_MAX", 3)
    silent = [await unattached(centre) for _ in range(3)]
    refused = await refusal_of(centre)
    assert refused.response.status_code == 503
    for one in silent:
        await one.close()
    await until(lambda: not centre.switch._sockets._attaching)
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    assert not centre.switch._sockets._attaching
    await seat.leave()


async def unattached(centre: Bench) -> ClientConnection:
    uri = f"ws://127.0.0.1:{centre.websocket_port}/seat"
    return await connect(uri, subprotocols=[SUBPROTOCOL])  # type: ignore[list-item]


async def refusal_of(centre: Bench) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        await unattached(centre)
    return caught.value
