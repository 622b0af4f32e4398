"""Encrypted trunks: sound with keys from SIP, through re-keying, kills and refusals."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pylibsrtp
import pytest
import tones
from centre import (
    ADDRESS,
    CALLER_HZ,
    PARTY_HZ,
    SEAT_HZ,
    Centre,
    Person,
    person,
    phone_seat,
    seated,
    until,
)
from media_bench import FarEnd

from tahuri.telephony.media import rtp
from tahuri.telephony.media.protocol import RtpPort
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


def session(key: str, suite: str, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(
        key=base64.b64decode(key), ssrc_type=direction, srtp_profile=PROFILES[suite]
    )
    return pylibsrtp.Session(policy)


class SecureEnd(FarEnd):
    """A far end that speaks and understands SRTP only, once it has keys."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.suite = "", "AES_CM_128_HMAC_SHA1_80"
        self.plain = 0
        """Packets that did not prove to be for us."""
        self._in: pylibsrtp.Session | None = None
        self._out: pylibsrtp.Session | None = None

    def renew(self, suite: str | None = None) -> str:
        """A new key of ours; the session that offers it."""
        self.suite = suite or self.suite
        self.key = base64.b64encode(secrets.token_bytes(30)).decode()
        self._out = session(self.key, self.suite, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        return self.key

    def offer(self, protocol: str, version: int = 1) -> bytes:
        text = sdp.offer(ADDRESS, self.udp, version).decode()
        line = f"a=crypto:5 {self.suite} inline:{self.renew()}\r\n"
        return text.replace("RTP/AVP", protocol).replace("a=ptime", line + "a=ptime").encode()

    def answered(self, answer: bytes) -> None:
        """Take their key from the answer, which must name our tag and suite."""
        stream = sdp.parse(answer, "required")
        assert stream.crypto is not None
        assert (stream.crypto.tag, stream.crypto.suite) == (5, self.suite)
        self.take(stream.crypto.key)

    def take(self, key: str) -> None:
        """From now on they encrypt with this."""
        self._in = session(key, self.suite, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._in is None:
            return
        try:
            super().datagram_received(self._in.unprotect(data), addr)
        except pylibsrtp.Error:
            self.plain += 1

    def send(self, datagram: bytes, to: RtpPort) -> None:
        assert self._out is not None
        super().send(self._out.protect(datagram), to)


@contextlib.asynccontextmanager
async def secure_person(centre: Centre) -> AsyncIterator[tuple[Person, SecureEnd]]:
    loop = asyncio.get_running_loop()
    _, end = await loop.create_datagram_endpoint(SecureEnd, local_addr=(ADDRESS, 0))
    who = Person(centre, CALLER_HZ, end, None)
    await who.phone.start()
    try:
        yield who, end
    finally:
        await who.close()
        end.close()


async def dial(who: Person, end: SecureEnd, protocol: str) -> None:
    who.call = who.phone.call(
        "sip:112@127.0.0.1",
        who.centre.flow("UDP"),
        end.offer(protocol),
        "<sip:+62000111@127.0.0.1>",
    )
    answer = await who.call.wait_answered(10)
    assert answer is not None
    end.answered(answer)
    talk(who, end, sdp.parse(answer, "required"))


def talk(who: Person, end: SecureEnd, stream: sdp.Stream) -> None:
    """Say the tone towards a stream, instead of wherever it was said to."""
    port = RtpPort(0, stream.address, stream.udp)

    async def talking() -> None:
        while True:
            await end.play(who._sound, port)

    who.be_silent()
    who._talking = asyncio.create_task(talking())


@pytest.fixture
async def centre(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Centre]:
    trunk = {"name": "telco", "sources": ["127.0.0.1/32"], "srtp": request.param}
    async with Centre(tmp_path, trunks=[trunk], seats=[phone_seat("P1")]) as one:
        yield one


@pytest.mark.parametrize("centre", ["required"], indirect=True)
async def test_an_encrypted_call_is_heard_through_a_killed_switch_and_a_new_key(
    centre: Centre,
) -> None:
    """Keys must survive the switch, or the caller hears noise in mid-sentence."""
    async with seated(centre, "P1") as seat, secure_person(centre) as (caller, end):
        await dial(caller, end, "RTP/SAVP")
        await seat.pick_up()
        await caller.hears(SEAT_HZ)
        await seat.hears(CALLER_HZ)
        assert end.plain == 0
        journal = next((centre.data / "journal" / "calls").glob("*.json"))
        assert journal.stat().st_mode & 0o077 == 0
        await centre.restart()
        await caller.hears(SEAT_HZ)
        assert caller.call is not None
        old = end.key
        caller.call.reoffer(end.offer("RTP/SAVP", 2))
        assert await asyncio.wait_for(caller.call.reanswered.get(), 10) == 200
        assert caller.call.session is not None
        end.answered(caller.call.session)
        assert end.key != old
        await caller.hears(SEAT_HZ)
        await seat.hears(CALLER_HZ)


@pytest.mark.parametrize(
    ("centre", "protocol"),
    [("optional", "RTP/AVP"), ("required", "RTP/SAVP")],
    indirect=["centre"],
)
async def test_after_a_kill_of_media_the_call_goes_on_with_new_keys(
    centre: Centre, protocol: str
) -> None:
    """The re-INVITE of the next media offers keys that nobody has seen, encrypted as before."""
    async with seated(centre, "P1") as seat, secure_person(centre) as (caller, end):
        end.suite = "AES_CM_128_HMAC_SHA1_32"
        await dial(caller, end, protocol)
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        assert caller.call is not None
        first = sdp.parse(caller.call.session or b"", "required").crypto
        keys: list[str] = []

        def taken(offered: bytes | None) -> bytes:
            stream = sdp.parse(offered or b"", "required")
            assert stream.crypto is not None
            keys.append(stream.crypto.key)
            end.suite = stream.crypto.suite
            answer = sdp.answer(stream, ADDRESS, end.udp, 3, end.renew())
            end.take(stream.crypto.key)
            talk(caller, end, stream)
            return answer

        caller.call.on_reoffer = taken
        seat.follow()
        await centre.kill_media()
        await seat.hears(CALLER_HZ, within_s=15)
        await caller.hears(SEAT_HZ)
        assert first is not None
        assert keys
        assert first.key not in keys


@pytest.mark.parametrize("centre", ["required"], indirect=True)
async def test_where_encryption_is_required_plain_sound_is_refused_with_its_reason(
    centre: Centre,
) -> None:
    """The trunk's owner must read in the log why no call comes through."""
    async with person(centre, CALLER_HZ) as caller:
        with pytest.raises(CallFailed, match="488"):
            await caller.dial()
        fact = await centre.fact("call-refused")
        assert (fact.body["status"], fact.body["reason"]) == (488, "srtp-required")


@pytest.mark.parametrize("centre", ["optional"], indirect=True)
async def test_where_it_is_optional_a_plain_call_is_taken_and_noise_is_not_played(
    centre: Centre,
) -> None:
    """Nobody's call is lost for want of keys; and what is not the caller's is not played."""
    async with seated(centre, "P1") as seat, person(centre, CALLER_HZ) as plain:
        await plain.dial()
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        await plain.hears(SEAT_HZ)
        assert plain.call is not None
        plain.call.hang_up()
    async with seated(centre, "P1") as seat, secure_person(centre) as (caller, end):
        await dial(caller, end, "RTP/SAVP")
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        caller.be_silent()
        assert caller.call is not None
        stream = sdp.parse(caller.call.session or b"", "required")
        to = RtpPort(0, stream.address, stream.udp)
        body = bytes(160)
        before = len(seat.end.packets)
        for number in range(50):
            FarEnd.send(end, rtp.build(8, 5000 + number, 160 * number, 7, body), to)
        await until(lambda: len(seat.end.packets) > before + 60)
        heard = tones.levels(seat.end.heard(before + 30), [CALLER_HZ])[CALLER_HZ]
        assert heard < -45
        state = await centre.state()
        assert state["counters"]["srtp-keys-in-clear"] >= 1  # type: ignore[index]


async def test_a_party_on_an_encrypted_trunk_is_called_with_keys(tmp_path: Path) -> None:
    """The interpreter hears the same secrets as the call taker."""
    loop = asyncio.get_running_loop()
    _, end = await loop.create_datagram_endpoint(SecureEnd, local_addr=(ADDRESS, 0))
    received: asyncio.Queue[PhoneCall] = asyncio.Queue()
    phone = Phone(None, received.put_nowait)
    await phone.start(ADDRESS, "agency")
    host = f"{ADDRESS}:{phone.agent.identity.udp_port}"
    trunk = {"name": "telco", "sources": ["127.0.0.1/32"], "host": host, "default_out": True}
    trunks = [{**trunk, "srtp": "required"}]
    async with (
        Centre(tmp_path, trunks=trunks, seats=[phone_seat("P1")]) as centre,
        seated(centre, "P1") as seat,
        secure_person(centre) as (caller, own),
    ):
        party = Person(centre, PARTY_HZ, end, None)
        await dial(caller, own, "RTP/SAVP")
        await seat.pick_up()
        await seat.hears(CALLER_HZ)
        await centre.ask("P1", "add_party", address="0911000")
        called = await asyncio.wait_for(received.get(), 10)
        assert b"RTP/SAVP" in (called.session or b"")
        stream = sdp.parse(called.session or b"", "required")
        assert stream.crypto is not None
        end.suite = stream.crypto.suite
        called.accept(sdp.answer(stream, ADDRESS, end.udp, 1, end.renew()))
        end.take(stream.crypto.key)
        talk(party, end, stream)
        await seat.hears(CALLER_HZ, PARTY_HZ)
        await party.hears(SEAT_HZ, CALLER_HZ)
        await party.close()
    await phone.stop()
    end.close()
