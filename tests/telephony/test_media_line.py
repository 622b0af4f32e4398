"""What a listener hears over a bad line: loss, jitter, packets out of order and doubled.

The bad line is a relay of our own with a seeded pattern, because not every kernel that runs these
tests has `tc netem`.
"""

import asyncio
import socket
from pathlib import Path

import numpy as np
import pytest
import tones
from media_bench import ADDRESS, FRAME, FarEnd, Media, far_end, joined, until

from tahuri.telephony.media import g711, quality, rtp
from tahuri.telephony.media.protocol import FirstRtp, MediaError, MediaRefused, RtpPort, Silent
from tahuri.telephony.sip import sdp

HZ = 440.0
LOSS, DOUBLED, JITTER_S = 0.05, 0.03, 0.040


class BadLine:
    """Sends what a far end says on to media, worse."""

    def __init__(self, end: FarEnd, to: RtpPort) -> None:
        self._chance = np.random.default_rng(112)
        self._end, self._to = end, to
        self._loop = asyncio.get_running_loop()
        self.lost = self.swapped = self.doubled = 0
        self._last_due = 0.0
        self.in_time: list[bool] = []
        """Which packets a listener with a fixed delay of one frame could play."""

    def carry(self, datagram: bytes) -> None:
        if self._chance.random() < LOSS:
            self.lost += 1
            self.in_time.append(False)
            return
        held_s = float(self._chance.uniform(0, JITTER_S))
        self.in_time.append(held_s < 0.02)
        due = self._loop.time() + held_s
        self.swapped += due < self._last_due
        self._last_due = max(due, self._last_due)
        self._loop.call_at(due, self._end.send, datagram, self._to)
        if self._chance.random() < DOUBLED:
            self.doubled += 1
            self._loop.call_at(due + 0.003, self._end.send, datagram, self._to)

    async def play(self, samples: np.ndarray) -> None:
        for index in range(len(samples) // FRAME):
            due = self._loop.time() + 0.02
            body = tones_body(samples[index * FRAME : (index + 1) * FRAME])
            self.carry(rtp.build(8, 1000 + index, 5000 + index * FRAME, 0x1234, body))
            await asyncio.sleep(max(0.0, due - self._loop.time()))


def tones_body(samples: np.ndarray) -> bytes:
    return g711.encode(g711.PCMA, samples).tobytes()


def purity_db(heard: np.ndarray) -> float:
    """Power of the tone above the power of everything else."""
    window = np.hanning(len(heard))
    power = np.square(np.abs(np.fft.rfft(heard * window)))
    middle = round(HZ * len(heard) / 8000)
    tone = float(power[middle - 8 : middle + 9].sum())
    return float(10 * np.log10(tone / (float(power.sum()) - tone + 1e-9)))


def gaps(heard: np.ndarray) -> int:
    """Frames of 20 ms in which hardly anything is heard."""
    frames = heard[: len(heard) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    return int((np.sqrt(np.square(frames).mean(axis=1)) < 200).sum())


async def test_a_bad_line_is_heard_nearly_whole_and_called_what_it_is(tmp_path: Path) -> None:
    """5 % loss, 40 ms of jitter, out of order, doubled: every word must get through."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as listener:
        says = await joined(media, caller, "caller")
        hears = await joined(media, listener, "listener")
        await media.client.gains([(hears.port, says.port, 1.0)])
        line = BadLine(caller, says)
        sound = tones.tone(HZ, 8.0)
        await line.play(sound)
        heard = listener.heard()[-6 * 8000 :]
        assert line.lost > 8
        assert line.swapped > 20
        assert line.doubled > 3
        level = tones.levels(heard, [HZ])[HZ]  # delay that grows and shrinks moves its phase
        assert level > tones.levels(sound, [HZ])[HZ] - 3.0
        assert gaps(heard) <= 3  # of 300
        plain = sound.astype(float)
        for number, in_time in enumerate(line.in_time):
            plain[number * FRAME : (number + 1) * FRAME] *= in_time
        assert purity_db(heard) > purity_db(plain[-6 * 8000 :]) + 3.0
        figures = (await media.client.measure([says.port]))[0]
        assert abs(figures.lost - line.lost) <= line.doubled
        assert figures.jitter_ms > 5
        found = quality.measured(figures)
        assert found is not None
        assert quality.verdict(found) in ("fair", "bad")
        assert figures.buffer_ms <= 200


async def test_what_the_far_end_reports_is_known(tmp_path: Path) -> None:
    """Only the caller's own phone can tell that our words do not reach the caller."""
    async with Media(tmp_path) as media, far_end() as caller:
        port = await joined(media, caller, "caller")
        await caller.play(tones.tone(HZ, 0.6), port)
        await until(lambda: caller.packets)
        ours = caller.packets[0][1].ssrc
        block = rtp.ReportBlock(ours, 64, 7, 1000, 160, 0, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
            report = rtp.build_rtcp(0x1234, "phone", None, block)
            rtcp.sendto(report, (ADDRESS, port.udp + 1))
            async with asyncio.timeout(10):
                while True:
                    figures = (await media.client.measure([port.port, 999]))[0]
                    if figures.their_lost is not None:
                        break
                    await asyncio.sleep(0.02)
        assert (figures.their_lost, figures.their_fraction) == (7, 0.25)
        assert figures.their_jitter_ms == 20
        assert figures.their_expected is not None
        assert figures.their_expected > 0


async def test_a_caller_behind_address_translation_is_heard_and_answered(tmp_path: Path) -> None:
    """Their SDP names an address inside their house; also before anything was answered."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as said:
        early = await media.client.open_rtp("early")
        await caller.play(tones.tone(HZ, 0.2), early)
        await media.client.set_remote(early.port, ADDRESS, said.udp, 8, 101)
        since = len(caller.packets)
        await caller.play(tones.tone(HZ, 0.6), early)
        await until(lambda: len(caller.packets) > since + 5)
        figures = (await media.client.measure([early.port]))[0]
        assert figures.rx >= 38, "what came before the answer counts and is heard"
        assert figures.strangers == 0
        there = len(said.packets)
        await caller.play(tones.tone(HZ, 0.3), early)
        assert len(said.packets) == there, "nothing more goes to the address that was said"


async def test_a_caller_whose_line_begins_with_a_pause_is_heard(tmp_path: Path) -> None:
    """Whoever listens first and speaks later sends a pause before the first word.

    Given comfort noise before any sound, on a line on which nothing else happens any more; when
    the caller speaks; then that is heard, and the line's beginning was told once.
    """
    async with Media(tmp_path) as media, far_end() as caller, far_end() as listener:
        says = await joined(media, caller, "caller")
        hears = await joined(media, listener, "listener")
        await media.client.gains([(hears.port, says.port, 1.0)])
        caller.send(rtp.build(13, caller.sequence, caller.timestamp, caller.ssrc, b"\x28"), says)
        caller.sequence += 1
        await until(lambda: FirstRtp(says.port) in media.events)
        since = len(listener.packets)
        await until(lambda: len(listener.packets) > since + 5)  # the plan of the mixing is made
        caller.timestamp += 10 * FRAME
        await caller.play(tones.tone(HZ, 1.0), says)
        assert tones.levels(listener.heard()[-4000:], [HZ])[HZ] > -25
        assert media.events.count(FirstRtp(says.port)) == 1


async def test_a_pause_with_comfort_noise_is_no_dead_line(tmp_path: Path) -> None:
    """Some phones send nothing while the caller listens; that must not look like a lost call."""
    async with Media(tmp_path) as media, far_end() as caller, far_end() as listener:
        says = await joined(media, caller, "caller")
        hears = await joined(media, listener, "listener")
        await media.client.gains([(hears.port, says.port, 1.0)])
        await caller.play(tones.tone(HZ, 0.3), says)
        body = bytes([40])  # -40 dBov
        caller.send(rtp.build(13, caller.sequence, caller.timestamp, caller.ssrc, body), says)
        since = len(listener.packets)
        await until(lambda: len(listener.packets) > since + 340, within_s=20)
        noise = listener.heard(since + 50).astype(float)
        assert 150 < np.sqrt(np.square(noise).mean()) < 600
        assert not [e for e in media.events if isinstance(e, Silent) and e.port == says.port]
        figures = (await media.client.measure([says.port]))[0]
        assert figures.lost == 0
        assert figures.concealed < 5  # of 340 frames, on a machine that has other work too


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python was built without IPv6")
async def test_sound_goes_over_ipv6_as_over_ipv4(tmp_path: Path) -> None:
    """Trunks of mobile networks are IPv6 more and more; source and SDP may differ there as well."""
    async with (
        Media(tmp_path, address="::1") as media,
        far_end("::1") as caller,
        far_end("::1") as listener,
        far_end("::1") as said,
    ):
        says = await media.client.open_rtp("caller")
        assert says.address == "::1"
        await media.client.set_remote(says.port, "::1", said.udp, 8, 101)
        hears = await joined(media, listener, "listener")
        await media.client.gains([(hears.port, says.port, 1.0), (says.port, hears.port, 1.0)])
        await asyncio.gather(
            caller.play(tones.tone(HZ, 1.0), says), listener.play(tones.tone(880, 1.0), hears)
        )
        assert tones.levels(listener.heard()[-4000:], [HZ])[HZ] > -25
        assert tones.levels(caller.heard()[-4000:], [880])[880] > -25
        with pytest.raises(MediaRefused) as refused:
            await media.client.set_remote(says.port, ADDRESS, 4000, 8)
        assert refused.value.code is MediaError.BAD_MEDIA_ADDRESS


def test_a_session_on_ipv6_says_so_and_is_understood() -> None:
    """`IN IP6` in o= and c=, and the answer names our own address."""
    offered = sdp.parse(sdp.offer("2001:db8::7", 4000, 1))
    assert (offered.address, offered.udp) == ("2001:db8::7", 4000)
    answered = sdp.answer(offered, "::1", 5000, 1)
    assert b"c=IN IP6 ::1\r\n" in answered
    assert b"o=tahuri 1 1 IN IP6 ::1\r\n" in answered
    assert sdp.parse(answered).udp == 5000
