"""Real switch, media and sound: calls that change hands, and telephones that are not ours."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    HOLD_HZ,
    PARTY_HZ,
    SEAT_HZ,
    Centre,
    Person,
    person,
    phone_seat,
    seated,
)
from media_bench import far_end
from test_switch_baresip import baresip, pytestmark  # noqa: F401

from tahuri.telephony.sip.digest import Account

TELCO = "127.0.0.8"
CONNECTED = {"name": "Radio", "registered": True}


def md5(username: str, password: str) -> str:
    """What Debian's baresip can prove."""
    return hashlib.md5(f"{username}:tahuri:{password}".encode()).hexdigest()


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """Two phone seats, the second as old as baresip, and a radio gateway."""
    seats = [phone_seat("S1"), phone_seat("S2", password=None, password_ha1=md5("s2", "secret"))]
    radio = {"name": "Radio", "username": "ht", "password_ha1": md5("ht", "secret")}
    ward = {"name": "IGD", "username": "igd", "password": "secret"}
    async with Centre(tmp_path, seats=seats, gateways=[radio, ward], transfer_s=20) as running:
        yield running


async def test_a_transferred_caller_talks_on_over_a_kill_and_is_recorded(centre: Centre) -> None:
    """Given a caller sent to a fire station; when the station answers and the switch is killed;
    then the sound never stops, the seat is free, and the recording has the station to the end."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
        person(centre, PARTY_HZ, "damkar") as station,
    ):
        await caller.dial()
        own = await seat.pick_up()
        await caller.hears(SEAT_HZ)
        await centre.ask("S1", "transfer", address=station.address)
        await caller.hears(HOLD_HZ)
        await station.pick_up()
        await centre.fact("transfer-completed", seat_id="S1")
        await own.wait_ended(5)
        await asyncio.gather(caller.hears(PARTY_HZ), station.hears(CALLER_HZ))
        await centre.restart()
        for _ in range(3):
            await asyncio.gather(caller.hears(PARTY_HZ), station.hears(CALLER_HZ))
        assert station.call is not None
        station.call.hang_up()
        await centre.fact("call-ended", by="party", outcome="answered")
        await centre.fact("recording-closed")
        assert caller.call is not None
        await caller.call.wait_ended(5)
    wav = centre.recording(await centre.fact("recording-started"))
    assert tones.wav_levels(wav, [CALLER_HZ], 0, -1.2, -0.2)[CALLER_HZ] > -20
    right = tones.wav_levels(wav, [PARTY_HZ, SEAT_HZ], 1, -1.2, -0.2)
    assert right[PARTY_HZ] > -20
    assert right[SEAT_HZ] < -45


async def test_a_parked_caller_waits_with_the_prompt_over_a_kill(centre: Centre) -> None:
    """Given a parked call; when the switch is killed; then the caller hears the prompt all the
    time, and a seat that picks the call up is heard."""
    async with person(centre, CALLER_HZ) as caller, seated(centre, "S1") as seat:
        await caller.dial()
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        assert await centre.ask("S1", "park") == {"slot": 1}
        await caller.hears(HOLD_HZ)
        await centre.restart()
        await caller.hears(HOLD_HZ)
        parked = await centre.fact("call-parked")
        await centre.ask("S1", "pick_up", call_id=parked.stream.partition("/")[2])
        await seat.pick_up()
        await asyncio.gather(caller.hears(SEAT_HZ), seat.hears(CALLER_HZ))
        await centre.ask("S1", "hang_up")
        await centre.fact("call-ended", outcome="answered", by="seat")


async def test_baresip_as_a_radio_gateway_is_heard_in_the_call(
    centre: Centre, tmp_path: Path
) -> None:
    """Given a gateway that registered; when the seat calls it by name; then caller and radio hear
    each other."""
    account = (
        f"<sip:ht@{ADDRESS}:{centre.sip_port}>;auth_pass=secret;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    async with (
        baresip(tmp_path / "radio", PARTY_HZ, account) as radio,
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
    ):
        await caller.dial()
        await seat.pick_up()
        await centre.until_state(lambda state: CONNECTED in state["gateways"], 15.0)
        await centre.ask("S1", "add_party", address="radio")
        await centre.fact("party-joined", 1, 15.0)
        for _ in range(3):
            await asyncio.gather(caller.hears(SEAT_HZ, PARTY_HZ), seat.hears(CALLER_HZ, PARTY_HZ))
        await centre.ask("S1", "hang_up")
        await centre.fact("recording-closed")
    assert radio.heard(CALLER_HZ) > -25


async def test_the_transfer_key_of_baresip_sends_the_caller_on(
    centre: Centre, tmp_path: Path
) -> None:
    """Given a seat that is somebody else's telephone; when its transfer key is pressed; then caller
    and target talk and the telephone is free."""
    account = (
        f"<sip:s2@{ADDRESS}:{centre.sip_port}>;auth_pass=secret;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    async with (
        baresip(tmp_path / "seat", SEAT_HZ, account) as telephone,
        person(centre, CALLER_HZ) as caller,
        person(centre, PARTY_HZ, "damkar") as station,
    ):
        await centre.fact("seat-ready", 1, 15.0, operator_id="op-S2")
        call = await caller.dial()
        await centre.fact("call-answered", 1, 15.0, seat_id="S2")
        await caller.hears(SEAT_HZ)
        await telephone.command("transfer", station.address)
        await station.pick_up()
        await asyncio.gather(caller.hears(PARTY_HZ), station.hears(CALLER_HZ))
        await centre.fact("transfer-completed", seat_id="S2")
        call.hang_up()
        await centre.fact("call-ended", by="caller", outcome="answered")


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[Centre]:
    """The same, with callers from another address than seats' phones: those ask by second lines."""
    seats = [phone_seat("S1"), phone_seat("S2", password=None, password_ha1=md5("s2", "secret"))]
    ward = {"name": "IGD", "username": "igd", "password": "secret"}
    trunks = [{"name": "telco", "sources": [f"{TELCO}/32"]}]
    async with Centre(tmp_path, seats=seats, gateways=[ward], trunks=trunks) as running:
        yield running


@contextlib.asynccontextmanager
async def outside(centre: Centre) -> AsyncIterator[Person]:
    """A caller whose calls come from the trunk's address."""
    async with far_end(ADDRESS) as end:
        caller = Person(centre, CALLER_HZ, end, None, ADDRESS)
        await caller.phone.start(TELCO)
        try:
            yield caller
        finally:
            await caller.close()


async def test_a_telephone_seat_asks_a_hospital_and_connects_its_caller_over_a_kill(
    apart: Centre,
) -> None:
    """Given a seat's telephone that asks a hospital while its caller waits; when the switch is
    killed and the transfer key is pressed; then the sound never stopped, caller and hospital talk
    and the seat is free; the one recording has what was asked and what came of it."""
    async with (
        outside(apart) as caller,
        person(apart, PARTY_HZ, "igd", Account("igd", "secret")) as hospital,
        seated(apart, "S1") as seat,
        far_end(ADDRESS) as second,
    ):
        assert await hospital.phone.register(apart.flow()) == 200
        await caller.dial()
        own = await seat.pick_up()
        await caller.hears(SEAT_HZ)
        line = Person(apart, SEAT_HZ, second, Account("s1", "secret-S1"), ADDRESS)
        line.phone = seat.phone
        seat.be_silent()
        dialling = asyncio.create_task(line.dial(f"sip:igd@{ADDRESS}", f"<sip:s1@{ADDRESS}>"))
        await hospital.pick_up()
        asked = await dialling
        await asyncio.gather(caller.hears(HOLD_HZ), hospital.hears(SEAT_HZ), line.hears(PARTY_HZ))
        await apart.restart()
        await asyncio.gather(caller.hears(HOLD_HZ), hospital.hears(SEAT_HZ), line.hears(PARTY_HZ))
        leg = asked.leg
        value = f"{leg.call_id};to-tag={leg.remote_tag};from-tag={leg.local_tag}"
        own.refer(f"sip:igd@{ADDRESS}?Replaces={quote(value, safe='')}")
        assert [await own.refer_progress.get() for _ in range(3)] == [202, 100, 200]
        await own.wait_ended(5)
        await asked.wait_ended(5)
        await asyncio.gather(caller.hears(PARTY_HZ), hospital.hears(CALLER_HZ))
        await apart.fact("consultation-ended", outcome="transferred")
        assert caller.call is not None
        caller.call.hang_up()
        await apart.fact("call-ended", by="caller", outcome="answered")
        await apart.fact("recording-closed")
        line.be_silent()
    assert (await apart.types()).count("recording-started") == 1
    wav = apart.recording(await apart.fact("recording-started"))
    assert tones.wav_levels(wav, [CALLER_HZ], 0, -1.2, -0.2)[CALLER_HZ] > -20
    closed = await apart.fact("recording-closed")
    lasted_s = int(float(str(closed.body["duration_s"])))
    asked_hz = [PARTY_HZ, SEAT_HZ, HOLD_HZ]
    each = [tones.wav_levels(wav, asked_hz, 1, at, at + 0.9) for at in range(lasted_s)]
    assert max(min(levels.values()) for levels in each) > -30, "what was asked, over the prompt"
    assert tones.wav_levels(wav, [PARTY_HZ], 1, -1.2, -0.2)[PARTY_HZ] > -20


async def test_baresip_asks_by_a_second_line_and_has_its_caller_back_or_connects_them(
    apart: Centre, tmp_path: Path
) -> None:
    """Given a seat that is somebody else's telephone and its caller; when it dials the hospital,
    and hangs that line up, the caller is back; when it dials again and its transfer key sends the
    caller there, the two talk and the telephone is free."""
    account = (
        f"<sip:s2@{ADDRESS}:{apart.sip_port}>;auth_pass=secret;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    ward = f"sip:igd@{ADDRESS}:{apart.sip_port}"
    async with (
        baresip(tmp_path / "seat", SEAT_HZ, account) as telephone,
        outside(apart) as caller,
        person(apart, PARTY_HZ, "igd", Account("igd", "secret")) as hospital,
    ):
        assert await hospital.phone.register(apart.flow()) == 200
        await apart.fact("seat-ready", 1, 15.0, operator_id="op-S2")
        call = await caller.dial()
        await apart.fact("call-answered", 1, 15.0, seat_id="S2")
        await caller.hears(SEAT_HZ)
        await telephone.command("dial", ward)
        first = await hospital.pick_up()
        await apart.fact("consultation-begun", 1, seat_id="S2")
        await asyncio.gather(caller.hears(HOLD_HZ), hospital.hears(SEAT_HZ))
        await telephone.command("hangup")
        await first.wait_ended(5)
        hospital.be_silent()
        await apart.fact("consultation-ended", outcome="hung-up")
        await telephone.command("line", "1")
        await telephone.command("resume")
        await caller.hears(SEAT_HZ)
        await telephone.command("dial", ward)
        await hospital.pick_up()
        await asyncio.gather(caller.hears(HOLD_HZ), hospital.hears(SEAT_HZ))
        await telephone.command("line", "1")
        await telephone.command("transfer", ward)
        await asyncio.gather(caller.hears(PARTY_HZ), hospital.hears(CALLER_HZ))
        await apart.fact("consultation-ended", outcome="transferred")
        assert (await apart.fact("transfer-completed", seat_id="S2")).body["kind"] == "warm"
        call.hang_up()
        await apart.fact("call-ended", by="caller", outcome="answered")
    assert (await apart.types()).count("call-arrived") == 1


async def test_the_transfer_key_of_a_party_sends_the_caller_to_whom_the_directory_names(
    centre: Centre, tmp_path: Path
) -> None:
    """Given a station on the call whose telephone is not ours; when its transfer key is pressed;
    then the ward that the directory names talks with caller and seat, the station is off, and the
    recording has the ward."""
    account = (
        f"<sip:ht@{ADDRESS}:{centre.sip_port}>;auth_pass=secret;regint=60;"
        "answermode=auto;audio_codecs=PCMA/8000/1"
    )
    async with (
        baresip(tmp_path / "station", HOLD_HZ + 400, account) as station,
        person(centre, PARTY_HZ, "igd", Account("igd", "secret")) as ward,
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
    ):
        assert await ward.phone.register(centre.flow()) == 200
        await caller.dial()
        await seat.pick_up()
        await centre.until_state(lambda state: CONNECTED in state["gateways"], 15.0)
        await centre.ask("S1", "add_party", address="radio")
        await centre.fact("party-joined", 1, 15.0)
        await station.command("transfer", f"sip:igd@{ADDRESS}:{centre.sip_port}")
        await ward.pick_up()
        await centre.fact("party-left", 1, 15.0, reason="transferred")
        await asyncio.gather(
            caller.hears(SEAT_HZ, PARTY_HZ),
            ward.hears(CALLER_HZ, SEAT_HZ),
            seat.hears(CALLER_HZ, PARTY_HZ),
        )
        await centre.ask("S1", "hang_up")
        await centre.fact("recording-closed")
    wav = centre.recording(await centre.fact("recording-started"))
    assert tones.wav_levels(wav, [PARTY_HZ], 1, -1.2, -0.2)[PARTY_HZ] > -20


async def test_a_party_that_moves_to_another_telephone_is_heard_and_recorded(
    centre: Centre,
) -> None:
    """Given a hospital on the call; when it puts its ward in its place (INVITE with Replaces);
    then caller and ward hear each other, and the one recording has the ward to the end."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
        person(centre, HOLD_HZ + 400, "rs") as hospital,
        person(centre, PARTY_HZ, "igd") as ward,
    ):
        await caller.dial()
        await seat.pick_up()
        await centre.ask("S1", "add_party", address=hospital.address)
        call = await hospital.pick_up()
        await centre.fact("party-joined")
        tags = f"to-tag={call.leg.remote_tag};from-tag={call.leg.local_tag}"
        await ward.dial(headers=(("replaces", f"{call.leg.call_id};{tags}"),))
        await call.wait_ended(5)
        hospital.be_silent()
        await asyncio.gather(
            caller.hears(SEAT_HZ, PARTY_HZ),
            ward.hears(CALLER_HZ, SEAT_HZ),
            seat.hears(CALLER_HZ, PARTY_HZ),
        )
        await centre.fact("leg-replaced", role="party")
        await centre.ask("S1", "hang_up")
        await centre.fact("recording-closed")
    assert (await centre.types()).count("recording-started") == 1
    wav = centre.recording(await centre.fact("recording-started"))
    assert tones.wav_levels(wav, [PARTY_HZ], 1, -1.2, -0.2)[PARTY_HZ] > -20
    assert tones.wav_levels(wav, [CALLER_HZ], 0, -1.2, -0.2)[CALLER_HZ] > -20
