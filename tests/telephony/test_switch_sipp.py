"""SIPp, a SIP stack that is not ours, calls the real switch."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import tones
from centre import ADDRESS, CALLER_HZ, Centre, free_tcp, phone_seat, seated
from media_bench import free_udp

from tahuri.telephony.media import g711

FOLDER = Path(__file__).parent / "sipp"
RUN_WITHIN_S = 25

pytestmark = pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with one phone seat."""
    async with Centre(tmp_path, seats=[phone_seat("S1")]) as running:
        yield running


async def sipp(centre: Centre, scenario: str, calls: int = 1, *options: str) -> None:
    """Run a scenario to its end.  Raises AssertionError when SIPp says that it failed."""
    folder = centre.folder / f"sipp-{scenario}"
    folder.mkdir()
    sound = g711.encode(g711.PCMA, tones.tone(CALLER_HZ, 5.0)).tobytes()
    (folder / "caller.alaw").write_bytes(sound)
    transport = "t1" if scenario.endswith("_tcp") else "u1"
    process = await asyncio.create_subprocess_exec(
        "sipp", f"{ADDRESS}:{centre.sip_port}", "-sf", str(FOLDER / f"{scenario}.xml"),
        "-i", ADDRESS, "-p", str(free_tcp()), "-mi", ADDRESS, "-mp", str(free_udp(8)),
        "-t", transport, "-m", str(calls), "-nostdin", "-timeout", "20s", "-timeout_error",
        "-recv_timeout", "8000", "-trace_err", "-trace_msg", *options,
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(RUN_WITHIN_S):
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    errors = "".join(path.read_text() for path in folder.glob("*errors.log"))
    assert code == 0, f"{scenario}: {code} {errors}"


async def test_a_call_by_sipp_is_heard_by_the_seat(centre: Centre) -> None:
    """Sound from a stack that is not ours, through to a seat and into the recording."""
    async with seated(centre, "S1") as seat:
        running = asyncio.create_task(sipp(centre, "caller_rtp"))
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        await running
        started = await centre.fact("recording-started")
        await centre.fact("recording-closed")
    wav = centre.recording(started)
    assert tones.wav_levels(wav, [CALLER_HZ], 0, 1.0, 3.0)[CALLER_HZ] > -20
    assert np.abs(tones.read_wav(wav)[1][:, 1]).max() > 1000


@pytest.mark.parametrize(
    ("scenario", "fact", "body"),
    [
        ("cancel", "call-ended", {"outcome": "abandoned", "by": "caller"}),
        ("malformed", "call-refused", {"status": 400, "reason": "malformed"}),
        ("cancel_late", "call-ended", {"outcome": "abandoned", "by": "caller"}),
        ("offerless", "call-ended", {"outcome": "abandoned", "by": "caller"}),
        ("offerless_unanswered", "call-ended", {"by": "failure", "reason": "no-session"}),
        ("hold_codec", "call-ended", {"outcome": "abandoned", "by": "caller"}),
        ("unknown_codec", "call-refused", {"status": 488, "reason": "unsupported-codec"}),
        ("reinvite", "call-ended", {"outcome": "abandoned", "by": "caller"}),
        ("anonymous", "call-arrived", {"number_status": "withheld"}),
        ("location_tcp", "call-arrived", {"request_uri_kind": "service-urn"}),
        ("replaces", "leg-replaced", {"role": "caller", "early": False}),
    ],
)
async def test_a_scenario_ends_as_it_should(
    centre: Centre, scenario: str, fact: str, body: dict[str, object]
) -> None:
    """Each INVITE gets one answer, one outcome, and leaves nothing behind."""
    await sipp(centre, scenario)
    told = await centre.fact(fact, 1, 10.0, **body)
    if scenario == "anonymous":
        assert told.personal["caller"]["number"] == "+62000777"
    if scenario == "location_tcp":
        assert told.personal["location"]["lat"] == -3.6954
    await centre.until_state(lambda state: not state["queue"])
    kinds = await centre.types()
    invites = 3 if scenario == "replaces" else 1  # two of which are refused
    assert kinds.count("call-ended") + kinds.count("call-refused") == invites
    async with asyncio.timeout(5):
        while {port.kind for port in (await centre.media.client.hello()).ports} - {"play"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # ports are given back when the recording is closed


LATE = {
    "ack_late": ["call-ended"],
    "bye_before_ack": ["call-ended"],
    "bye_twice": ["call-ended"],
    "cancel_nothing": [],
    "invite_again_refused": ["call-refused"],
    "invite_merged": ["call-ended"],
    "malformed_again": ["call-refused"],
    "malformed_each": ["call-refused"] * 3,
    "update_early": ["call-ended"],
}
"""Scenario → the outcomes that the log has of it."""


async def test_late_and_broken_messages_have_one_outcome_for_each_invite(centre: Centre) -> None:
    """What comes late, twice or broken: each INVITE is told once, and nothing remains.

    The last is a call as it should be: whatever came before it did no harm.
    """
    told: list[str] = []
    for scenario, outcomes in {**LATE, "anonymous": ["call-ended"]}.items():
        await sipp(centre, scenario)
        told += outcomes
        async with asyncio.timeout(15):
            while (found := await ends(centre)) != told:
                assert len(found) <= len(told), (scenario, found)
                await asyncio.sleep(0.02)
    state = await centre.until_state(lambda state: not state["queue"])
    assert state["counters"]["invites-merged"] == 1  # type: ignore[index]
    arrived = {fact.stream for fact in await centre.facts() if "call-arrived" in fact.type}
    ended = [fact.stream for fact in await centre.facts() if "call-ended" in fact.type]
    assert sorted(ended) == sorted(arrived)
    async with asyncio.timeout(10):
        while {port.kind for port in (await centre.media.client.hello()).ports} - {"play"}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def ends(centre: Centre) -> list[str]:
    """The outcomes in the spool so far, in order."""
    return [kind for kind in await centre.types() if kind in ("call-ended", "call-refused")]


async def test_a_source_that_is_no_trunk_is_refused(tmp_path: Path) -> None:
    """403, and a fact that somebody tried."""
    trunks = [{"name": "telco", "sources": ["192.0.2.0/24"]}]
    async with Centre(tmp_path, trunks=trunks) as centre:
        await sipp(centre, "refused_source")
        await centre.fact("call-refused", status=403, reason="not-allowed")


async def test_a_burst_of_callers_loses_nobody(centre: Centre) -> None:
    """A storm hits the city: every INVITE has exactly one outcome."""
    await sipp(centre, "anonymous", 30, "-r", "30", "-l", "30")
    await centre.fact("call-ended", count=30)
    kinds = await centre.types()
    assert kinds.count("call-arrived") == kinds.count("call-ended") == 30
    await centre.fact("recording-closed", count=30)
