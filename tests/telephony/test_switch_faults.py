"""Faults of the world around a call, on real processes: full disk, dead line, storms of keys."""

import asyncio
import resource
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    Person,
    person,
    phone_seat,
    seated,
    until,
)
from test_switch_failures import PIDF

from tahuri.telephony.media import rtp
from tahuri.telephony.media.protocol import RtpPort
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.body import Part, multipart
from tahuri.telephony.sip.gate import UDP_BYTES_MAX
from tahuri.telephony.sip.phone import CallFailed

ROOM_BYTES = 60_000
"""Of a recording, before the disk takes no more: two seconds."""


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with one phone seat."""
    async with Centre(tmp_path, seats=[phone_seat("S1")]) as running:
        yield running


def codes(state: dict[str, object]) -> set[str]:
    """The alarms that a supervisor sees."""
    alarms = state["alarms"]
    assert isinstance(alarms, list)
    return {str(alarm["code"]) for alarm in alarms}


async def test_a_disk_that_fills_up_costs_recordings_and_no_call(centre: Centre) -> None:
    """Given a disk that takes no more (the kernel refuses: a limit on the size of files); then the
    live call goes on, the next one is answered as well, both faults are in the log and an alarm
    stands; when there is room again, the next call is recorded and the alarm ends."""
    hard = resource.prlimit(centre.media.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(centre.media.pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, hard))
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        await seat.pick_up()
        await centre.fact("recording-failed", fault="disk", within_s=15)
        assert "recording-failed" in codes(await centre.state())
        await caller.hears(SEAT_HZ)
        await seat.hears(CALLER_HZ)
        call.hang_up()
        closed = await centre.fact("recording-closed")
        assert int(str(closed.body["bytes"])) <= ROOM_BYTES
        resource.prlimit(centre.media.pid, resource.RLIMIT_FSIZE, (20, hard))
        call = await caller.dial()
        await centre.fact("recording-failed", 2)
        await caller.hears(TONE_HZ)
        assert "recording-failed" in codes(await centre.state())
        call.hang_up()
        await centre.fact("call-ended", 2)
        resource.prlimit(centre.media.pid, resource.RLIMIT_FSIZE, (hard, hard))
        call = await caller.dial()
        started = await centre.fact("recording-started", 2)
        await centre.until_state(lambda state: "recording-failed" not in codes(state))
        await caller.hears(TONE_HZ)
        call.hang_up()
        await centre.fact("recording-closed", 2)
    assert tones.wav_levels(centre.recording(started), [CALLER_HZ], 0, 0.3, 0.8)[CALLER_HZ] > -20
    kinds = await centre.types()
    assert kinds.count("call-arrived") == kinds.count("call-ended") == 3


async def test_a_caller_without_any_sound_is_noticed(centre: Centre) -> None:
    """A one-way line looks like a silent caller; the call taker must know which it is."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = caller.phone.call("sip:112@127.0.0.1", centre.flow(), caller.offer)
        await call.wait_answered(5)
        await seat.pick_up()
        await caller.hears(SEAT_HZ)  # we speak, though nothing comes
        await centre.fact("media-silent", leg="caller", within_s=12)
        call.hang_up()
        await centre.fact("call-ended", outcome="answered")
        await centre.fact("recording-closed")


def press(someone: Person, port: RtpPort, digit: int, timestamp: int) -> None:
    """One key as RFC 4733 sends it: three packets while held, three at its end."""
    for number in range(6):
        body = struct.pack("!BBH", digit, 0x8A if number >= 3 else 0x0A, 160 * (number + 1))
        packet = rtp.build(101, 1 + number, timestamp, someone.end.ssrc, body, number == 0)
        someone.end.send(packet, port)


async def test_keys_of_the_caller_are_told_once_each(centre: Centre) -> None:
    """Whoever cannot speak may be able to press: the log has each key, in order."""
    async with person(centre, CALLER_HZ) as caller:
        call = await caller.dial()
        await caller.hears(TONE_HZ)
        stream = sdp.parse(call.session or b"")
        assert stream.dtmf == 101
        port = RtpPort(0, stream.address, stream.udp)
        for number, digit in enumerate([1, 1, 2, 10, 11]):
            press(caller, port, digit, 1_000_000 + 1600 * number)
        await centre.fact("key-pressed", 5)
        call.hang_up()
        await centre.fact("call-ended")
    keys = [fact.body["digit"] for fact in await centre.facts() if "key-pressed" in fact.type]
    assert keys == ["1", "1", "2", "*", "#"]


async def test_a_storm_of_keys_floods_neither_log_nor_call(centre: Centre) -> None:
    """A stuck key or an attacker: the call taker still hears the caller."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        call = await caller.dial()
        await seat.pick_up()
        stream = sdp.parse(call.session or b"")
        port = RtpPort(0, stream.address, stream.udp)
        for number in range(600):
            press(caller, port, number % 12, 1_000_000 + 1600 * number)
            if number % 20 == 19:
                await asyncio.sleep(0.1)  # a storm has a pace as well: 200 keys a second
        await seat.hears(CALLER_HZ)
        await caller.hears(SEAT_HZ)
        call.hang_up()
        await centre.fact("call-ended")
    assert 20 <= (await centre.types()).count("key-pressed") <= 40


class Rtcp(asyncio.DatagramProtocol):
    """The far end's RTCP socket, one above its RTP."""

    def __init__(self) -> None:
        self.reports: list[rtp.Report] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.reports += rtp.parse_rtcp(data)


async def test_rtcp_is_sent_and_read(centre: Centre) -> None:
    """Both ends can tell whether the line is bad: our report counts what we got, and the far end's
    report gives the round trip, which an operator of the trunk will ask for."""
    loop = asyncio.get_running_loop()
    async with person(centre, CALLER_HZ) as caller:
        listener, rtcp = await loop.create_datagram_endpoint(
            Rtcp, local_addr=(ADDRESS, caller.end.udp + 1)
        )
        call = await caller.dial()
        await until(lambda: any(report.blocks for report in rtcp.reports), 15)
        report = next(report for report in rtcp.reports if report.blocks)
        assert report.ntp_middle is not None
        assert report.blocks[0].ssrc == caller.end.ssrc
        assert report.blocks[0].lost == 0
        block = rtp.ReportBlock(report.ssrc, 0, 0, 1, 0, report.ntp_middle, 0)
        answer = rtp.build_rtcp(caller.end.ssrc, "caller", None, block)
        stream = sdp.parse(call.session or b"")
        listener.sendto(answer, (stream.address, stream.udp + 1))
        async with asyncio.timeout(5):
            while True:
                figures = (await centre.media.client.stats(ports=True)).ports
                found = [one.rtt_ms for one in figures if one.rtt_ms is not None]
                if found:
                    break
                await asyncio.sleep(0.05)
        assert 0 <= found[0] < 10_000
        call.hang_up()
        listener.close()


async def test_a_location_too_large_for_udp_comes_over_tcp(centre: Centre) -> None:
    """A PIDF-LO of many kilobytes: refused with a reason over UDP, taken over TCP, kept whole."""
    xml = PIDF.replace(b"</presence>", b"<!--" + b"x" * (UDP_BYTES_MAX + 1000) + b"--></presence>")
    async with person(centre, CALLER_HZ) as caller:
        parts = [
            Part("application/sdp", "", caller.offer),
            Part("application/pidf+xml", "place@example.invalid", xml),
        ]
        kind, body = multipart(parts, "edge")
        place = (("geolocation", "<cid:place@example.invalid>"),)
        with pytest.raises(CallFailed) as caught:
            await caller.dial("urn:service:sos", headers=place, session=body, content_type=kind)
        assert caught.value.status == 513
        call = await caller.dial("urn:service:sos", "", "TCP", place, body, kind)
        arrived = await centre.fact("call-arrived", request_uri_kind="service-urn")
        assert arrived.personal["location"]["lat"] == -3.6954
        assert len(str(arrived.personal["location"]["xml"])) == len(xml)
        await caller.hears(TONE_HZ)
        call.hang_up()
