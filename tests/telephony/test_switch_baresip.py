"""baresip, a telephone that is not ours, as caller and as registered seat."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tones
from centre import ADDRESS, CALLER_HZ, SEAT_HZ, Centre, free_tcp, person, phone_seat, seated

MODULES = Path("/usr/lib/baresip/modules")
CONFIG = """sip_listen {address}:{sip}
audio_player alsa,null
audio_source aufile,{sound}
audio_alert aufile,{sound}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_end}
jitter_buffer_delay 2-5
net_interface {address}
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module alsa.so
snd_path {folder}
module uuid.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{control}
"""

pytestmark = pytest.mark.skipif(
    (shutil.which("baresip") is None or not MODULES.exists()) and not os.environ.get("CI"),
    reason="no baresip on this machine",
)


class Baresip:
    """One running baresip."""

    def __init__(self, folder: Path, control: int) -> None:
        self._folder = folder
        self._control = control

    async def command(self, name: str, parameters: str = "") -> None:
        """A command over its control socket (a netstring of JSON)."""
        writer = await self._connected()
        message = json.dumps({"command": name, "params": parameters})
        writer.write(f"{len(message)}:{message},".encode())
        await writer.drain()
        await asyncio.sleep(0.1)  # baresip drops a command whose connection closes at once
        writer.close()

    async def _connected(self) -> asyncio.StreamWriter:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    return (await asyncio.open_connection(ADDRESS, self._control))[1]
                await asyncio.sleep(0.05)

    def heard(self, hz: float) -> float:
        """Level of a tone in the last seconds of what it heard, dBFS."""
        files = sorted(self._folder.glob("dump-*dec*.wav"), key=lambda path: path.stat().st_mtime)
        return tones.wav_levels(files[-1], [hz], 0, -1.5, -0.3)[hz]


@contextlib.asynccontextmanager
async def baresip(folder: Path, hz: float, account: str, more: str = "") -> AsyncIterator[Baresip]:
    """A baresip that says a tone; ``account`` is its accounts line, ``{sip}`` its own port.

    Args:
        more: further lines of its configuration.
    """
    folder.mkdir()
    sound = tones.tone_wav(folder / "sound.wav", hz, 30.0)
    sip, control, rtp = free_tcp(), free_tcp(), free_tcp() & ~1
    config = CONFIG.format(
        address=ADDRESS,
        sip=sip,
        sound=sound,
        rtp=rtp,
        rtp_end=rtp + 20,
        modules=MODULES,
        folder=folder,
        control=control,
    )
    (folder / "config").write_text(config + more)
    (folder / "accounts").write_text(account.format(sip=sip) + "\n")
    (folder / "contacts").write_text("")
    with (folder / "baresip.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "baresip", "-f", str(folder), "-v",
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        yield Baresip(folder, control)
    finally:
        process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with two phone seats; the second knows MD5 only, as Debian's baresip does."""
    ha1 = hashlib.md5(b"s2:tahuri:secret-S2").hexdigest()
    old_phone = phone_seat("S2", password=None, password_ha1=ha1)
    async with Centre(tmp_path, seats=[phone_seat("S1"), old_phone]) as running:
        yield running


async def test_baresip_registers_answers_and_is_heard(centre: Centre, tmp_path: Path) -> None:
    """Any SIP phone can be a seat: digest, offer, pick-up, sound both ways."""
    account = (
        f"<sip:s2@{ADDRESS}:{centre.sip_port}>;auth_pass=secret-S2;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    async with (
        baresip(tmp_path / "seat", SEAT_HZ, account) as seat,
        person(centre, CALLER_HZ) as caller,
    ):
        await centre.fact("seat-ready", 1, 15.0, operator_id="op-S2")
        call = await caller.dial()
        await centre.fact("call-answered", 1, 15.0, seat_id="S2")
        for _ in range(4):
            await caller.hears(SEAT_HZ)
        call.hang_up()
        await centre.fact("call-ended", 1, 10.0, by="caller", outcome="answered")
        await centre.fact("recording-closed")
    assert seat.heard(CALLER_HZ) > -25


async def test_baresip_calls_and_its_keys_and_end_are_told(centre: Centre, tmp_path: Path) -> None:
    """A telephone that is not ours calls the emergency number."""
    account = f"<sip:+62000222@{ADDRESS}:{{sip}}>;regint=0;audio_codecs=PCMA/8000/1"
    async with (
        baresip(tmp_path / "caller", CALLER_HZ, account) as telephone,
        seated(centre, "S1") as seat,
    ):
        await telephone.command("dial", f"sip:112@{ADDRESS}:{centre.sip_port}")
        await seat.pick_up()
        for _ in range(4):
            await seat.hears(CALLER_HZ)
        arrived = await centre.fact("call-arrived")
        assert arrived.personal["caller"]["number"] == "+62000222"
        for key in "5#":
            await telephone.command("sndcode", key)
        await centre.fact("key-pressed", 1, 10.0, digit="#")
        keys = [fact.body["digit"] for fact in await centre.facts() if "key-" in fact.type]
        assert keys == ["5", "#"]
        await telephone.command("hangup")
        await centre.fact("call-ended", 1, 10.0, by="caller", outcome="answered")
        await centre.fact("recording-closed")
    assert telephone.heard(SEAT_HZ) > -25


async def test_baresip_calls_over_an_encrypted_trunk(tmp_path: Path) -> None:
    """SRTP by SDES as somebody else wrote it: keys, tags and cipher must agree to the bit."""
    trunk = {"name": "telco", "sources": ["127.0.0.1/32"], "srtp": "required"}
    account = (
        f"<sip:+62000222@{ADDRESS}:{{sip}}>;regint=0;audio_codecs=PCMA/8000/1;mediaenc=srtp-mand"
    )
    async with (
        Centre(tmp_path, seats=[phone_seat("S1")], trunks=[trunk]) as centre,
        baresip(tmp_path / "caller", CALLER_HZ, account) as telephone,
        seated(centre, "S1") as seat,
    ):
        await telephone.command("dial", f"sip:112@{ADDRESS}:{centre.sip_port}")
        await seat.pick_up()
        for _ in range(4):
            await seat.hears(CALLER_HZ)
        await telephone.command("hangup")
        await centre.fact("call-ended", 1, 10.0, by="caller", outcome="answered")
    assert telephone.heard(SEAT_HZ) > -25
