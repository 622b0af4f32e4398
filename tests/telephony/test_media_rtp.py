"""The real media process and plain RTP: who hears whom, and what is recorded."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tones
from media_bench import FarEnd, Media, far_end, joined, until

from tahuri.telephony.media.protocol import FirstRtp, MediaError, MediaRefused, Played


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[Media]:
    async with Media(tmp_path) as running:
        yield running


@pytest.fixture
async def ends() -> AsyncIterator[tuple[FarEnd, FarEnd]]:
    async with far_end() as one, far_end() as other:
        yield one, other


async def test_two_legs_hear_each_other_and_both_are_recorded(
    media: Media, ends: tuple[FarEnd, FarEnd], tmp_path: Path
) -> None:
    """The whole point: caller and call taker talk, and it can be proved afterwards."""
    caller, taker = ends
    a, b = await joined(media, caller, "caller"), await joined(media, taker, "taker")
    await media.client.gains([(a.port, b.port, 1.0), (b.port, a.port, 1.0)])
    path = tmp_path / "2026/11/24/call.wav"
    recording = (await media.client.record(path, [a.port], [b.port])).recording
    await asyncio.gather(caller.play(tones.tone(440, 2.5), a), taker.play(tones.tone(880, 2.5), b))
    closed = await media.client.record_stop(recording)
    at_caller = tones.levels(caller.heard(25), [440, 880])
    at_taker = tones.levels(taker.heard(25), [440, 880])
    assert at_caller[880] == pytest.approx(-12, abs=0.5)
    assert at_caller[440] < -60
    assert at_taker[440] == pytest.approx(-12, abs=0.5)
    assert at_taker[880] < -60
    assert closed.fault is None
    assert closed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert closed.bytes == path.stat().st_size
    assert closed.duration_s == pytest.approx(2.5, abs=0.5)
    assert tones.wav_levels(path, [440, 880], 0, 0.3, 2.3)[440] == pytest.approx(-12, abs=0.5)
    assert tones.wav_levels(path, [440, 880], 1, 0.3, 2.3)[880] == pytest.approx(-12, abs=0.5)
    assert tones.wav_levels(path, [440, 880], 0, 0.3, 2.3)[880] < -60
    assert FirstRtp(a.port) in media.events
    assert await media.client.record_stop(recording) == closed, "asked again, the same answer"


async def test_an_announcement_is_heard_and_its_end_is_told(
    media: Media, ends: tuple[FarEnd, FarEnd], tmp_path: Path
) -> None:
    """The notice comes first, and only its end starts the queue tone."""
    caller, _ = ends
    a = await joined(media, caller, "caller")
    notice = await media.client.play("notice", tones.tone_wav(tmp_path / "n.wav", 620, 1.0))
    await media.client.gains([(a.port, notice.port, 1.0)])
    await until(lambda: Played(notice.port) in media.events)
    assert tones.levels(caller.heard()[-6400:-800], [620])[620] == pytest.approx(-12, abs=0.6)
    tone = await media.client.play("tone", tones.tone_wav(tmp_path / "t.wav", 500, 0.5), loop=True)
    await media.client.gains([(a.port, tone.port, 0.5)])
    since = len(caller.packets) + 5
    await until(lambda: len(caller.packets) > since + 75)
    assert tones.levels(caller.heard(since), [500])[500] == pytest.approx(-18, abs=0.6)


async def test_what_cannot_be_is_refused_by_its_code(media: Media, tmp_path: Path) -> None:
    """The switch decides by the code; a wrong one would end a call for nothing."""
    client = media.client
    a = await client.open_rtp("a")

    async def code(asked: object) -> MediaError:
        with pytest.raises(MediaRefused) as refused:
            await asked  # type: ignore[misc]
        return refused.value.code

    assert await code(client.set_remote(99, None, 0, 8)) == MediaError.NO_SUCH_PORT
    for address in ("0.0.0.0", "224.0.0.1", "example", "::1", "255.255.255.255"):
        refused = code(client.set_remote(a.port, address, 4000, 8))
        assert await refused == MediaError.BAD_MEDIA_ADDRESS
    assert await code(client.set_remote(a.port, "127.0.0.1", 0, 8)) == MediaError.BAD_MEDIA_ADDRESS
    assert await code(client.set_remote(a.port, "127.0.0.1", 9, 9)) == MediaError.UNSUPPORTED_CODEC
    assert await code(client.gains([(a.port, 77, 1.0)])) == MediaError.NO_SUCH_PORT
    assert await code(client.gains([(a.port, a.port, 99.0)])) == MediaError.BAD_REQUEST
    assert await code(client.play("x", tmp_path / "none.wav")) == MediaError.BAD_FILE
    assert await code(client.open_webrtc("x", "nonsense")) == MediaError.BAD_SDP
    assert await code(client.record_stop(5)) == MediaError.NO_SUCH_PORT
    (tmp_path / "taken.wav").touch()
    assert await code(client.record(tmp_path / "taken.wav", [], [])) == MediaError.BAD_FILE
    await client.free(a.port, a.port, 1234)


async def test_ports_run_out_with_a_code_and_come_back_when_freed(media: Media) -> None:
    """A surge must end in a 503 for the one too many, never in an exception for all."""
    opened = [await media.client.open_rtp(f"leg {n}") for n in range(16)]
    with pytest.raises(MediaRefused) as refused:
        await media.client.open_rtp("one too many")
    assert refused.value.code == MediaError.PORTS_EXHAUSTED
    await media.client.free(opened[3].port)
    again = await media.client.open_rtp("after one left")
    assert again.udp == opened[3].udp
    assert again.port not in {one.port for one in opened}
    held = await media.client.hello()
    assert {one.port for one in held.ports} == ({o.port for o in opened} - {opened[3].port}) | {
        again.port
    }
