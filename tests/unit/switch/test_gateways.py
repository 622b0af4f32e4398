"""Radio gateways: they register, and are brought into a call by name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until
from telephones import Telephone, telephone

from tahuri.telephony import rpc
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone

OFFER = sdp.offer(ADDRESS, 40000, 1)
RADIO = {"name": "Radio Damkar", "username": "radio1", "password": "secret-radio"}


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and one gateway."""
    async with bench(tmp_path, gateways=[RADIO], offer_s=5) as one:
        yield one


@pytest.fixture
async def radio() -> AsyncIterator[Telephone]:
    """The gateway, and what rings at it."""
    async with telephone(Account("radio1", "secret-radio")) as one:
        yield one


async def talking(centre: Bench) -> Browser:
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    return seat


def registered(seat: Browser) -> list[tuple[object, object]]:
    return [(one["name"], one["registered"]) for one in seat.state["gateways"]]  # type: ignore[index,misc]


async def test_a_radio_is_a_party_like_any_other(centre: Bench, radio: Telephone) -> None:
    """Given a gateway that has registered; when the seat calls it by its name; then caller, call
    taker and the radio's channel hear each other."""
    phone, rings = radio.phone, radio.rings
    seat = await talking(centre)
    assert registered(seat) == [("Radio Damkar", False)]
    with pytest.raises(rpc.Failure) as early:
        await seat.ask("add_party", address="radio damkar")
    assert early.value.code == "bad-address"
    assert await phone.register(centre.flow) == 200
    await seat.until(lambda _: registered(seat) == [("Radio Damkar", True)])
    await seat.ask("add_party", address="radio damkar")
    await until(lambda: rings)
    rings[0].accept(OFFER)
    await centre.told("party-joined")
    caller = centre.media.port("caller")
    await until(lambda: centre.media.hears(caller) == ["rtp party", "webrtc seat"])
    assert centre.media.hears(centre.media.port("party")) == ["rtp caller", "webrtc seat"]
    assert await phone.register(centre.flow, expires_s=0) == 200
    await seat.until(lambda _: registered(seat) == [("Radio Damkar", False)])
    rings[0].hang_up()
    assert (await centre.told("party-left")).body["reason"] == "hung-up"
    await seat.leave()


async def test_a_wrong_password_registers_nothing(centre: Bench) -> None:
    """Whoever could register as the radio would hear callers."""
    phone = Phone(Account("radio1", "guessed"))
    await phone.start()
    assert await phone.register(centre.flow) == 401
    assert centre.switch.core.gateways["Radio Damkar"].registered_until_s is None
    await phone.stop()


async def test_a_registration_outlives_a_killed_switch_and_lapses(
    centre: Bench, radio: Telephone
) -> None:
    """The radio can be called at once after a kill, and not after its time is over."""
    phone, rings = radio.phone, radio.rings
    assert await phone.register(centre.flow) == 200
    await centre.restart()
    seat = await talking(centre)
    assert registered(seat) == [("Radio Damkar", True)]
    await seat.ask("add_party", address="Radio Damkar")
    await until(lambda: rings)
    core = centre.switch.core
    core.gateways["Radio Damkar"].registered_until_s = core.monotonic_s()
    await seat.until(lambda _: registered(seat) == [("Radio Damkar", False)])
    await seat.leave()
