"""The README's softphone: a baresip that was never set up calls the demo."""

import asyncio
import re
import shlex
from pathlib import Path

from tones import tone_wav

from demo import DemoCentre, wait_for

README = Path(__file__).parents[2] / "README.md"
CONFIG = """audio_player alsa,null
audio_source aufile,{sound}
audio_alert aufile,{sound}
ausrc_srate 8000
auplay_srate 8000
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module alsa.so
module aufile.so
module uuid.so
module_app menu.so
"""
"""What baresip writes at its first start, but for the sound card that a test machine lacks."""


def readme_command(sip: str) -> list[str]:
    """The README's line with this centre's port."""
    found = re.search(r"^baresip .*$", README.read_text(), re.MULTILINE)
    assert found
    return shlex.split(found[0].replace("127.0.0.1:5060", sip))


async def test_the_readmes_softphone_reaches_the_queue(centre: DemoCentre, tmp_path: Path) -> None:
    """It calls from whatever address the machine has: the first call a newcomer makes must ring."""
    api = await asyncio.to_thread(centre.client, "supervisor")
    before = await asyncio.to_thread(api.rows, "call")
    sound = tone_wav(tmp_path / "sound.wav", 440.0, 30.0)
    (tmp_path / "config").write_text(CONFIG.format(sound=sound))
    phone = await asyncio.create_subprocess_exec(
        *readme_command(centre.sip),
        *("-f", str(tmp_path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )

    def queued() -> bool:
        states = [row["state"] for key, row in api.rows("call").items() if key not in before]
        return bool(states) and states[0] in ("queued", "offered")

    try:
        assert phone.stdout is not None
        async with asyncio.timeout(30):
            while b"Call established" not in await phone.stdout.readline():
                assert phone.returncode is None
        await asyncio.to_thread(wait_for, queued, 30)
    finally:
        phone.terminate()
        await phone.communicate()
