"""SIPp, a SIP stack that is not ours, is called back by the real switch and media."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL

import pytest
from centre import ADDRESS, SEAT_HZ, Centre, free_tcp, phone_seat, seated
from media_bench import free_udp

FOLDER = Path(__file__).parent / "sipp"
ENDS_WITHIN_S = 25
NUMBER = "+62000111"

pytestmark = pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)


class CalledCentre(Centre):
    """A centre whose trunk takes calls at a port of SIPp's."""

    def __init__(self, folder: Path) -> None:
        self.town_port = free_tcp()
        trunk = {
            "name": "telco",
            "sources": ["127.0.0.1/32"],
            "host": f"{ADDRESS}:{self.town_port}",
            "default_out": True,
            "caller_id": "+62911112",
            "options_every_s": 0,  # SIPp would take an OPTIONS for the one call it waits for
        }
        super().__init__(
            folder, trunks=[trunk], seats=[phone_seat("S1")], offer_s=20, call_back_ring_s=1.5
        )

    async def call_back(self) -> str:
        """From seat S1; the call's id."""
        answer = await self.ask("S1", "call_back", callback_id="B1", number=NUMBER)
        assert isinstance(answer, dict)
        return str(answer["call_id"])

    async def end_of(self, call_id: str, **body: object) -> None:
        """Exactly one end with these values, the recording closed, nothing left behind."""
        await self.fact("call-ended", **body)
        await self.fact("recording-closed")
        kinds = await self.types(call_id)
        assert kinds.count("call-ended") == kinds.count("call-back-begun") == 1
        assert kinds.index("recording-started") < kinds.index("call-placed")
        async with asyncio.timeout(10):
            while not await self._tidy():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _tidy(self) -> bool:
        ports = (await self.media.client.hello()).ports
        kept = list((self.data / "journal" / "calls").iterdir())
        return not kept and {port.kind for port in ports} <= {"play"}


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[CalledCentre]:
    async with CalledCentre(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def sipp(centre: CalledCentre, scenario: str, status: str = "") -> AsyncIterator[None]:
    """SIPp waits to be called; at the end its scenario must have been fulfilled.

    Args:
        status: put in the place of ``@status@``: SIPp takes no keyword there.
    """
    folder = centre.folder / f"sipp-{scenario}"
    folder.mkdir()
    file = folder / f"{scenario}.xml"
    file.write_text((FOLDER / file.name).read_text().replace("@status@", status))
    process = await asyncio.create_subprocess_exec(
        "sipp", "-sf", str(file), "-i", ADDRESS,
        "-p", str(centre.town_port), "-mi", ADDRESS, "-mp", str(free_udp(8)), "-rtp_echo",
        "-m", "1", "-nostdin", "-timeout", "24s", "-timeout_error", "-trace_err", "-trace_msg",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _listens(centre.town_port)
        yield
        async with asyncio.timeout(ENDS_WITHIN_S):
            code = await process.wait()
        errors = "".join(path.read_text() for path in folder.glob("*errors.log"))
        assert code == 0, f"{scenario}: {code} {errors}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listens(port: int) -> None:
    """Wait until somebody has bound this UDP port (source: ``/proc/net/udp``)."""
    bound = f":{port:04X} "
    async with asyncio.timeout(10):
        while bound not in Path("/proc/net/udp").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_somebody_of_another_stack_is_called_back_and_heard(centre: CalledCentre) -> None:
    """The trunk's number is shown, sound goes both ways, a kill of the switch in the conversation
    is not heard, and the end is told once."""
    async with seated(centre, "S1") as seat, sipp(centre, "called_answers"):
        call_id = await centre.call_back()
        await seat.pick_up()
        await centre.fact("call-answered")
        await seat.hears(SEAT_HZ)  # SIPp sends back what it hears
        await centre.stop(SIGKILL)
        await seat.hears(SEAT_HZ)
        await centre.start()
        await centre.until_state(lambda state: state["calls"])
        await centre.ask("S1", "hang_up")
        await centre.end_of(call_id, outcome="answered", by="seat", reason="hung-up")


@pytest.mark.parametrize(("status", "reason"), [("486", "busy"), ("302", "redirected")])
async def test_whoever_refuses_is_told_with_the_status(
    centre: CalledCentre, status: str, reason: str
) -> None:
    """A redirection is told like a refusal: where calls of the city go is decided here."""
    async with (
        seated(centre, "S1") as seat,
        sipp(centre, "called_refuses", status),
    ):
        call_id = await centre.call_back()
        await seat.pick_up()
        await centre.end_of(call_id, outcome="not-reached", reason=reason, status=int(status))


@pytest.mark.parametrize("killed", [False, True])
async def test_a_phone_that_nobody_picks_up_is_cancelled(
    centre: CalledCentre, killed: bool
) -> None:
    """After the time that is set, or when the switch that rang it was killed: one end, no ring
    left behind."""
    async with seated(centre, "S1") as seat, sipp(centre, "called_rings_on"):
        call_id = await centre.call_back()
        await seat.pick_up()
        await centre.fact("call-ringing")
        if killed:
            await centre.restart()
            await centre.end_of(
                call_id, outcome="not-reached", by="failure", reason="switch-restarted"
            )
        else:
            await centre.end_of(call_id, outcome="not-reached", by="caller", reason="no-answer")
