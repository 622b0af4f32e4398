"""A flood from one source, and callers on another trunk in the middle of it."""

import asyncio
import os
import shutil
import socket
from collections import Counter
from pathlib import Path

import pytest
from centre import ADDRESS, CALLER_HZ, Centre, free_tcp, person, phone_seat, seated

SCENARIO = Path(__file__).parent / "sipp" / "flood_refused.xml"
FLOODER, STRANGER = "127.0.0.2", "127.0.0.3"
INVITES = 900
A_SECOND = 200
STRANGE = 240
CALLERS = 3
GROWTH_BYTES_MAX = 64 << 20
INVITE = (
    "INVITE sip:112@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.3:{port};branch=z9hG4bK{n};rport\r\n"
    "From: <sip:a@127.0.0.3>;tag=a\r\nTo: <sip:112@127.0.0.1>\r\nCall-ID: {n}\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:a@127.0.0.3:{port}>\r\nContent-Length: 0\r\n\r\n"
)

pytestmark = pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)


def memory_bytes(pid: int) -> int:
    """What a process holds in memory."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def counters(centre: Centre) -> dict[str, int]:
    found = (await centre.state())["counters"]
    assert isinstance(found, dict)
    return found


async def strange_flood(centre: Centre) -> None:
    """INVITEs of a source that nobody knows, faster than it may; each may be answered or not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((STRANGER, 0))
        for number in range(STRANGE):
            text = INVITE.format(port=sender.getsockname()[1], n=number)
            sender.sendto(text.encode(), (ADDRESS, centre.sip_port))
            if number % 5 == 4:
                await asyncio.sleep(0.01)


async def refusals(centre: Centre) -> Counter[int]:
    """Status → how many INVITEs the log has refused with it."""
    return Counter(
        int(str(fact.body["status"]))
        for fact in await centre.facts()
        if fact.type == "calls.call-refused"
    )


async def test_callers_of_another_trunk_are_answered_in_a_flood(tmp_path: Path) -> None:
    """Given 200 INVITEs a second on one trunk, by a stack that is not ours, and a stranger's flood
    beside it; when callers come by the other trunk meanwhile; then each is answered and offered
    to a seat; each INVITE of the trunk's flood has one outcome, each of the stranger's is refused
    or counted as shed; and the switch has not grown."""
    trunks = [
        {"name": "mobile", "sources": [f"{FLOODER}/32"]},
        {"name": "fixed", "sources": [f"{ADDRESS}/32"]},
    ]
    async with Centre(tmp_path, trunks=trunks, seats=[phone_seat("S1")]) as centre:
        before = memory_bytes(centre.pid)
        flood = await asyncio.create_subprocess_exec(
            "sipp", f"{ADDRESS}:{centre.sip_port}", "-sf", str(SCENARIO), "-i", FLOODER,
            "-p", str(free_tcp()), "-m", str(INVITES), "-r", str(A_SECOND), "-l", str(INVITES),
            "-nostdin", "-timeout", "60s", "-timeout_error", "-recv_timeout", "30000", "-trace_err",
            cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await centre.fact("call-refused", 20, within_s=30)
            strange = asyncio.create_task(strange_flood(centre))
            at_first = sum((await refusals(centre)).values())
            async with seated(centre, "S1") as seat:
                for number in range(CALLERS):
                    async with person(centre, CALLER_HZ) as caller:
                        call = await caller.dial(from_=f"<sip:+6291{number}@{ADDRESS}>")
                        await seat.pick_up(30)
                        call.hang_up()
                        await centre.fact("call-ended", number + 1, 30, outcome="answered")
            assert sum((await refusals(centre)).values()) > at_first + 20, "no flood meanwhile"
            await strange
            async with asyncio.timeout(90):
                assert await flood.wait() == 0
        finally:
            if flood.returncode is None:
                flood.kill()
                await flood.wait()
        async with asyncio.timeout(30):
            while True:
                told, counted = await refusals(centre), await counters(centre)
                if told[488] + told[503] == INVITES:
                    shed, refused = counted["messages-shed"], counted["invites-refused"]
                    if shed + refused - told[503] == STRANGE:
                        break
                assert told[488] + told[503] <= INVITES
                await asyncio.sleep(0.1)
        assert shed > 0
        offered = [fact for fact in await centre.facts() if fact.type == "calls.call-offered"]
        assert len({fact.stream for fact in offered}) == CALLERS
        assert memory_bytes(centre.pid) < before + GROWTH_BYTES_MAX
