"""Faults a centre will meet: killed media, full disk, strangers, storms, bugs."""

import asyncio
import contextlib
import os
import resource
import signal
import struct
import subprocess
import sys
import wave
from pathlib import Path

import pytest
import tones
from media_bench import ADDRESS, Media, far_end, free_udp, joined, until

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony import rpc
from tahuri.telephony.media import rtp
from tahuri.telephony.media.clockwork import LATE_S, Clockwork, realtime
from tahuri.telephony.media.engine import Engine, Settings
from tahuri.telephony.media.leg import RtpLeg
from tahuri.telephony.media.protocol import (
    AnyEvent,
    Dtmf,
    Heard,
    MediaError,
    MediaRefused,
    OpenWebrtc,
    RecordingFailed,
    SetRemote,
    Silent,
    Webrtc,
)
from tahuri.telephony.media.server import main
from tahuri.telephony.media.webrtc import CONNECT_S, WebrtcLeg


async def test_a_killed_media_process_leaves_playable_recordings(tmp_path: Path) -> None:
    """What the caller said before the crash is evidence."""
    path = tmp_path / "call.wav"
    async with Media(tmp_path) as media, far_end() as caller:
        leg = await joined(media, caller, "caller")
        await media.client.record(path, [leg.port], [])
        await caller.play(tones.tone(440, 3.0), leg)
        await media.stop(signal.SIGKILL)
        await until(lambda: not media.client.connected)
        with pytest.raises(rpc.Unavailable):
            await media.client.hello()
    with wave.open(str(path)) as heard:
        assert heard.getnframes() >= 2 * 8000
        assert heard.getnframes() * 4 + 44 <= path.stat().st_size
    assert tones.wav_levels(path, [440], 0, 0.5, 1.5)[440] == pytest.approx(-12, abs=0.5)


async def test_media_that_is_stopped_closes_its_recordings(tmp_path: Path) -> None:
    """An update in the night must not cost the second that was not yet written."""
    path = tmp_path / "call.wav"
    async with Media(tmp_path) as media, far_end() as caller:
        leg = await joined(media, caller, "caller")
        await media.client.record(path, [leg.port], [])
        await caller.play(tones.tone(440, 0.6), leg)
        await media.stop(signal.SIGTERM)
        assert media.process is not None
        assert media.process.returncode == 0
    with wave.open(str(path)) as heard:
        assert heard.getnframes() >= 0.5 * 8000


async def test_a_disk_that_refuses_costs_the_recording_and_not_the_call(tmp_path: Path) -> None:
    """The caller is still heard; the fault is told once, and again at the close."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as taker:
        a, b = await joined(media, caller, "caller"), await joined(media, taker, "taker")
        await media.client.gains([(b.port, a.port, 1.0)])
        resource.prlimit(media.pid, resource.RLIMIT_FSIZE, (40_000, 40_000))
        recording = (await media.client.record(tmp_path / "r.wav", [a.port], [])).recording
        await caller.play(tones.tone(440, 3.5), a)
        failed = [event for event in media.events if isinstance(event, RecordingFailed)]
        assert [event.recording for event in failed] == [recording]
        closed = await media.client.record_stop(recording)
        assert closed.fault == failed[0].error
        with wave.open(closed.path) as heard:
            assert heard.getnframes() == 8000
        assert tones.levels(taker.heard(-25), [440])[440] == pytest.approx(-12, abs=0.6)


async def test_a_stranger_in_mid_call_is_neither_heard_nor_answered(tmp_path: Path) -> None:
    """Whoever guesses a port must not speak to a caller in distress."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as stranger:
        leg = await joined(media, caller, "caller")
        await caller.play(tones.silence(0.1), leg)
        await stranger.play(tones.tone(880, 0.4), leg)
        [figures] = (await media.client.stats(ports=True)).ports
        assert figures.strangers == 20
        assert figures.rx == 5
        assert stranger.packets == []


async def test_garbage_and_storms_leave_the_call_as_it_was(tmp_path: Path) -> None:
    """A broken gateway sends anything; the caller next to it is still heard."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as taker:
        a, b = await joined(media, caller, "caller"), await joined(media, taker, "taker")
        await media.client.gains([(b.port, a.port, 1.0)])
        for length in range(60):
            caller.send(os.urandom(length), a)
        caller.send(rtp.build(9, 1, 1, 1, b"G.722"), a)
        for number in range(60):
            body = struct.pack("!BBH", 1, 0x8A, 800)
            for _ in range(3):
                caller.send(rtp.build(101, number, 1000 * number, 1, body), a)
        await caller.play(tones.tone(440, 1.0), a)
        told = [event for event in media.events if isinstance(event, Dtmf)]
        assert told == [Dtmf(a.port, "1")] * rtp.PRESSES_PER_S_MAX
        assert tones.levels(taker.heard(-25), [440])[440] == pytest.approx(-12, abs=0.6)
        assert (await media.client.stats()).faults == 0


async def test_silence_of_the_line_is_told_once_and_its_end_as_well(tmp_path: Path) -> None:
    """A call taker must know whether the caller is quiet or the line is dead."""
    async with Media(tmp_path) as media, far_end() as caller:
        leg = await joined(media, caller, "caller")
        await caller.play(tones.silence(0.1), leg)
        await until(lambda: any(isinstance(e, Silent) for e in media.events), 8.0)
        [silent] = [event for event in media.events if isinstance(event, Silent)]
        assert 5.0 <= silent.seconds < 7.0
        await caller.play(tones.silence(0.1), leg)
        await until(lambda: Heard(leg.port) in media.events)


async def test_the_switch_comes_back_to_the_same_ports(tmp_path: Path) -> None:
    """The switch may die in mid-call; media goes on and tells what it holds."""
    async with Media(tmp_path) as media, far_end() as caller:
        leg = await joined(media, caller, "caller")
        before = await media.client.hello()
        await media.client.close()
        media.client.start()
        await until(lambda: media.client.connected)
        assert await media.client.hello() == before
        assert before.ports[0].udp == leg.udp


async def test_recordings_outside_their_folder_are_refused(tmp_path: Path) -> None:
    """No path of any request may overwrite what is not a recording."""
    folder = tmp_path / "recordings"
    async with Media(tmp_path, extra=("--recordings", str(folder))) as media:
        for path in ("../x.wav", "/tmp/x.wav", "."):
            with pytest.raises(MediaRefused) as refused:
                await media.client.record(path, [], [])
            assert refused.value.code is MediaError.BAD_FILE
        recording = (await media.client.record("2026/11/a.wav", [], [])).recording
        assert (await media.client.record_stop(recording)).path == str(folder / "2026/11/a.wav")


@contextlib.asynccontextmanager
async def engine(told: list[AnyEvent]):  # type: ignore[no-untyped-def]
    """An engine in this process, whose ticks the test makes itself."""
    low = free_udp(8)
    made = Engine(Settings(ADDRESS, low, low + 7, 0), told.append)
    try:
        yield made
    finally:
        await made.stop()


async def test_a_leg_that_raises_never_silences_the_others() -> None:
    """One exception must cost one packet of one leg."""
    async with engine([]) as made, far_end() as end:
        ports = [made.open_rtp("bad"), made.open_rtp("good")]
        for port in ports:
            made.set_remote(SetRemote(port.port, ADDRESS, end.udp, 8))

        def broken(packet: memoryview) -> None:
            raise RuntimeError("a bug")

        made._legs[ports[0].port].send = broken
        due = monotonic_s()
        for _ in range(3):
            due = made.clockwork.once(due)
        await until(lambda: len(end.packets) == 3)
        assert made.stats(ports=True).faults == 3


async def test_a_packet_whose_handling_raises_is_counted_and_the_next_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bug in one place must not close a socket."""
    async with engine([]) as made, far_end() as end:
        port = made.open_rtp("leg")
        take, calls = RtpLeg.take_packet, []

        def once(self: RtpLeg, packet: rtp.Packet) -> None:
            calls.append(packet)
            if len(calls) == 1:
                raise RuntimeError("a bug")
            take(self, packet)

        monkeypatch.setattr(RtpLeg, "take_packet", once)
        await end.play(tones.silence(0.04), port)
        await until(lambda: made.stats(ports=True).ports[0].rx == 1)
        assert made.stats(ports=False).faults == 1


async def test_a_browser_that_never_connects_is_given_up() -> None:
    """A seat must not look connected for ever."""
    from_browser = "\r\n".join(
        [
            "v=0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 8",
            "a=ice-ufrag:a",
            "a=ice-pwd:b",
            "a=fingerprint:sha-256 AA",
            "",
        ]
    )
    told: list[AnyEvent] = []
    async with engine(told) as made:
        port = made.open_webrtc(OpenWebrtc("seat", from_browser)).port
        leg = made._legs[port]
        assert isinstance(leg, WebrtcLeg)
        leg.wake(monotonic_s() + CONNECT_S - 1)
        assert told == []
        leg._checked_at = monotonic_s() + CONNECT_S  # its checks come through, all else does not
        leg.wake(monotonic_s() + CONNECT_S + 1)
        leg.wake(monotonic_s() + CONNECT_S + 2)
        assert told == [Webrtc(port, "failed")]


def test_a_tick_that_raises_is_told_and_the_next_one_comes() -> None:
    """One exception in the tick once killed every call."""
    faults: list[str] = []

    def tick(next_at: float) -> None:
        raise RuntimeError("a bug")

    works = Clockwork(tick, faults.append)
    due = monotonic_s()
    following = works.once(due)
    assert following == pytest.approx(due + 0.02)
    assert works.once(following - 2 * LATE_S - 0.02) == pytest.approx(following - 2 * LATE_S)
    assert (works.ticks, works.late_ticks, len(faults)) == (2, 1, 2)


def test_a_machine_that_slept_leaves_ticks_out() -> None:
    """Seconds of old sound, played all at once, would be worse than a gap."""
    works = Clockwork(lambda _: None, lambda _: None)
    assert works.percentiles_ms() == (0.0, 0.0, 0.0)
    assert works.once(monotonic_s() - 10) > monotonic_s()
    assert works.late_ticks >= 499
    assert works.percentiles_ms()[2] >= 9000


def test_where_realtime_is_not_allowed_media_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator must see it in the figures, not in the callers' complaints."""

    def refused(pid: int, policy: int, param: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert realtime(10) is False


def in_a_fresh_process(code: str) -> str:
    """What a new interpreter prints."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_numpy_has_no_threads_of_its_own_in_media() -> None:
    """They spin: 86 to 157 % of a core and late ticks, when this was forgotten once."""
    code = (
        "import tahuri.telephony.media.server, os, numpy as n;"
        "n.ones((500, 500)) @ n.ones((500, 500)); print(len(os.listdir('/proc/self/task')))"
    )
    assert in_a_fresh_process(code) == "1"


def test_the_garbage_collector_does_not_stop_the_sound() -> None:
    """A full collection takes longer than a frame."""
    code = (
        "from tahuri.telephony.media.clockwork import still_heap; import gc; still_heap();"
        "print(gc.isenabled(), gc.get_freeze_count() > 1000)"
    )
    assert in_a_fresh_process(code) == "False True"


@pytest.mark.parametrize("ports", ["x", "1-x", "9-8", "0-9", "1-70000"])
def test_a_range_that_is_none_is_refused_at_the_start(ports: str, tmp_path: Path) -> None:
    """A typing error must show at once and not with the first call."""
    arguments = ["--socket", str(tmp_path / "s"), "--address", ADDRESS, "--webrtc-port", "0"]
    with pytest.raises(SystemExit):
        main([*arguments, "--rtp", ports])


async def test_an_address_that_is_not_ours_ends_the_start_with_status_1(tmp_path: Path) -> None:
    """The supervisor must see that media is down, and why."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tahuri.telephony.media", "--socket", str(tmp_path / "s"),
        "--address", "192.0.2.1", "--webrtc-port", "0",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"media cannot start" in errors
