"""The edge with strangers: SIPp, baresip and openssl over TLS, IPv6, timers and early media."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    PARTY_HZ,
    SEAT_HZ,
    Centre,
    free_tcp,
    person,
    phone_seat,
    seated,
)
from media_bench import free_udp
from test_switch_baresip import MODULES, baresip

from ports import has_ipv6
from tahuri.host.certificate import own_certificate
from tahuri.telephony.media import g711

FOLDER = Path(__file__).parent / "sipp"
RUN_WITHIN_S = 30

needs_sipp = pytest.mark.skipif(
    shutil.which("sipp") is None and not os.environ.get("CI"), reason="no SIPp on this machine"
)
needs_baresip = pytest.mark.skipif(
    (shutil.which("baresip") is None or not MODULES.exists()) and not os.environ.get("CI"),
    reason="no baresip on this machine",
)
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"), reason="no openssl here"
)


async def sipp(
    folder: Path, scenario: str, *options: str, local: str = ADDRESS, hz: float = CALLER_HZ
) -> None:
    """Run a scenario to its end.  Raises AssertionError when SIPp says that it failed."""
    folder = folder / f"sipp-{scenario}"
    folder.mkdir()
    sound = g711.encode(g711.PCMA, tones.tone(hz, 5.0)).tobytes()
    (folder / "caller.alaw").write_bytes(sound)
    process = await asyncio.create_subprocess_exec(
        "sipp", *options, "-sf", str(FOLDER / f"{scenario}.xml"), "-i", local,
        "-mi", ADDRESS, "-mp", str(free_udp(8)), "-nostdin", "-timeout", "25s",
        "-timeout_error", "-recv_timeout", "12000", "-trace_err", "-trace_msg",
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


def caller(centre: Centre, host: str = ADDRESS) -> tuple[str, ...]:
    """Options of a SIPp that makes one call."""
    return (f"{host}:{centre.sip_port}", "-p", str(free_tcp()), "-m", "1")


def sip(centre_port: int, **more: object) -> dict[str, object]:
    """Settings of SIP."""
    return {"address": ADDRESS, "udp_port": centre_port, "tcp_port": centre_port, **more}


# ---- session timers ---------------------------------------------------------------------------


@needs_sipp
async def test_a_stranger_is_refreshed_and_a_dead_one_is_found(tmp_path: Path) -> None:
    """Given a stack that is not ours; when it lets us refresh, we do by UPDATE, again and again;
    when it should and does not, the call is ended, after its 422.  A switch killed meanwhile does
    both all the same."""
    centre = Centre(tmp_path)
    centre.settings["sip"] = sip(centre.sip_port, session_expires_s=4, session_least_s=2)
    async with centre:
        talking = asyncio.gather(
            sipp(tmp_path, "session_refreshed", *caller(centre)),
            sipp(tmp_path, "session_dead", *caller(centre)),
        )
        await centre.fact("call-queued", 2)
        await centre.restart()
        await talking
        dead = await centre.fact("call-ended", by="failure")
        assert dead.body["reason"] == "session-expired"
        await centre.fact("call-ended", by="caller")
        kinds = await centre.types()
        assert kinds.count("call-arrived") == 2
        assert "call-refused" not in kinds


# ---- PRACK and early media --------------------------------------------------------------------


@needs_sipp
async def test_a_party_is_heard_before_it_answers(tmp_path: Path) -> None:
    """Given a party that plays an announcement in a reliable 183; when the seat calls it; then the
    seat hears the announcement, the caller does not, and the answer comes through."""
    port = free_tcp()
    async with (
        Centre(tmp_path, seats=[phone_seat("S1")]) as centre,
        seated(centre, "S1") as seat,
        person(centre, CALLER_HZ) as someone,
    ):
        playing = asyncio.create_task(
            sipp(tmp_path, "party_early", "-p", str(port), "-m", "1", hz=PARTY_HZ)
        )
        call = await someone.dial()
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        await centre.ask("S1", "add_party", address=f"sip:polisi@{ADDRESS}:{port}")
        await seat.hears(CALLER_HZ, PARTY_HZ)
        assert "party-joined" not in await centre.types()
        await someone.hears(SEAT_HZ)
        await centre.fact("party-joined")
        await someone.hears(SEAT_HZ, PARTY_HZ)
        call.hang_up()
        await playing


@needs_sipp
async def test_a_party_moves_its_sound_before_it_answers(tmp_path: Path) -> None:
    """Given a party whose network sends UPDATE with another session while it rings; then it is
    answered and the party joins."""
    port = free_tcp()
    async with (
        Centre(tmp_path, seats=[phone_seat("S1")]) as centre,
        seated(centre, "S1") as seat,
        person(centre, CALLER_HZ) as someone,
    ):
        playing = asyncio.create_task(
            sipp(tmp_path, "party_update", "-p", str(port), "-m", "1", hz=PARTY_HZ)
        )
        call = await someone.dial()
        await seat.pick_up()
        await centre.fact("call-answered")
        await centre.ask("S1", "add_party", address=f"sip:polisi@{ADDRESS}:{port}")
        await centre.fact("party-joined")
        call.hang_up()
        await playing


# ---- trunks -----------------------------------------------------------------------------------


@needs_sipp
async def test_a_trunk_that_answers_options_is_up(tmp_path: Path) -> None:
    """Its state and the time its answer took are shown."""
    port = free_tcp()
    trunk = {"name": "telkom", "sources": ["192.0.2.0/24"], "host": f"{ADDRESS}:{port}"}
    running = asyncio.create_task(sipp(tmp_path, "options", "-p", str(port), "-m", "1"))
    async with Centre(tmp_path, trunks=[{**trunk, "options_every_s": 1}]) as centre:
        await centre.fact("trunk-up")
        state = await centre.until_state(lambda state: state["trunks"])
        [shown] = state["trunks"]  # type: ignore[misc]
        assert shown["state"] == "up"
        assert shown["rtt_ms"] > 0
        await running


# ---- IPv6 -------------------------------------------------------------------------------------


@needs_sipp
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
async def test_a_stranger_calls_over_ipv6(tmp_path: Path) -> None:
    """Brackets, Via, Contact and the trunk's network, as another stack reads and writes them."""
    trunks = [{"name": "ims", "sources": ["::1/128"]}]
    centre = Centre(tmp_path, trunks=trunks)
    centre.settings["sip"] = {**sip(centre.sip_port), "address": "::1"}
    async with centre:
        await sipp(tmp_path, "ipv6", *caller(centre, "[::1]"), local="::1")
        assert (await centre.fact("call-arrived")).body["trunk"] == "ims"
        await centre.fact("call-ended", by="caller")


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
async def test_a_caller_of_one_family_talks_with_people_of_the_other(tmp_path: Path) -> None:
    """Given a centre with an address of each family; when somebody calls over IPv6, also after
    switch and media were killed; then a seat's phone with IPv4 is heard, and so is an agency over
    IPv6 that is added: each is told an address of its own family."""
    trunks = [{"name": "mobile", "sources": ["127.0.0.1/32"]}, {"name": "ims", "sources": ["::1"]}]
    centre = Centre(tmp_path, trunks=trunks, seats=[phone_seat("S1")])
    centre.settings["sip"] = sip(centre.sip_port, other_address="::1")
    centre.settings["other_public_address"] = "::1"
    centre.media.extra = (*centre.media.extra, "--other-address", "::1")
    async with (
        centre,
        seated(centre, "S1") as seat,
        person(centre, CALLER_HZ, host="::1") as caller,
        person(centre, PARTY_HZ, "agency", host="::1") as agency,
    ):
        call = await caller.dial(f"sip:112@[::1]:{centre.sip_port}", "<sip:+62000111@[::1]>")
        assert (await centre.fact("call-arrived")).body["trunk"] == "ims"
        assert call.leg.target == f"sip:tahuri@[::1]:{centre.sip_port}"
        ringing = await seat.pick_up()
        assert ringing.leg.target == f"sip:tahuri@{ADDRESS}:{centre.sip_port}"
        await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
        caller.follow()
        seat.follow()
        await centre.restart()
        await centre.kill_media()
        await asyncio.gather(caller.hears(SEAT_HZ, within_s=12), seat.hears(CALLER_HZ, within_s=12))
        await centre.ask("S1", "add_party", address=agency.address)
        await agency.pick_up()
        await asyncio.gather(caller.hears(SEAT_HZ, PARTY_HZ), seat.hears(CALLER_HZ, PARTY_HZ))
        call.hang_up()
        await centre.fact("call-ended", by="caller")
        assert await ringing.wait_ended(5) == "hung-up"


# ---- TLS --------------------------------------------------------------------------------------


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[tuple[Centre, int, Path]]:
    """A centre with TLS, its port, and its authority's certificate; S2 knows MD5 only."""
    files = own_certificate(tmp_path / "tls", ())
    port = free_tcp()
    ha1 = hashlib.md5(b"s2:tahuri:secret-S2").hexdigest()
    seats = [phone_seat("S2", password=None, password_ha1=ha1)]
    centre = Centre(tmp_path, seats=seats)
    tls = {"cert": str(files[0]), "key": str(files[1])}
    centre.settings["sip"] = sip(centre.sip_port, tls_port=port, tls=tls)
    async with centre:
        yield centre, port, tmp_path / "tls" / "root.pem"


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_openssl_trusts_the_edge_and_its_ping_is_answered(
    secured: tuple[Centre, int, Path], version: str
) -> None:
    """A strict client of another maker: chain, address, protocol, OPTIONS, ping and pong."""
    _, port, root = secured
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"{ADDRESS}:{port}", "-CAfile", str(root),
        "-verify_return_error", "-verify_ip", ADDRESS, "-quiet", version,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    options = (
        f"OPTIONS sip:112@{ADDRESS} SIP/2.0\r\nVia: SIP/2.0/TLS {ADDRESS}:1;branch=z9hG4bK1;rport"
        f"\r\nFrom: <sip:a@{ADDRESS}>;tag=a\r\nTo: <sip:112@{ADDRESS}>\r\nCall-ID: 1\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    try:
        async with asyncio.timeout(10):
            process.stdin.write(b"\r\n\r\n")
            assert await process.stdout.readexactly(2) == b"\r\n"
            process.stdin.write(options.encode())
            assert (await process.stdout.readline()).startswith(b"SIP/2.0 200")
    finally:
        process.kill()
        await process.wait()


@needs_baresip
async def test_a_phone_of_another_maker_is_a_seat_over_tls(
    secured: tuple[Centre, int, Path], tmp_path: Path
) -> None:
    """Given a phone registered over TLS; when a caller comes; then it rings over that connection,
    answers and is heard; a switch killed meanwhile takes the call up."""
    centre, port, root = secured
    account = (
        f"<sip:s2@{ADDRESS}:{port};transport=tls>;auth_pass=secret-S2;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    more = f"sip_cafile {root}\n"
    async with (
        baresip(tmp_path / "seat", SEAT_HZ, account, more) as seat,
        person(centre, CALLER_HZ) as someone,
    ):
        await centre.fact("seat-ready", 1, 15.0, operator_id="op-S2")
        call = await someone.dial()
        await centre.fact("call-answered", 1, 15.0, seat_id="S2")
        for _ in range(3):
            await someone.hears(SEAT_HZ)
        await centre.restart()
        call.hang_up()
        await centre.fact("call-ended", 1, 10.0, by="caller", outcome="answered")
        await centre.fact("recording-closed")
    assert seat.heard(CALLER_HZ) > -25
