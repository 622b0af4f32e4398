"""Two user agents on loopback: the stack talks to itself over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.sip.sdp import answer, offer, parse
from tahuri.telephony.sip.transaction import Flow

OFFER = offer("127.0.0.1", 40000, 1)


class Callee:
    """A phone that collects its calls."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.phone = Phone(on_call=self.calls.put_nowait)

    def flow(self, transport: str) -> Flow:
        return Flow(transport, "127.0.0.1", self.phone.agent.identity.port(transport))


@pytest.fixture
async def callee() -> AsyncIterator[Callee]:
    """A phone that is called."""
    callee = Callee()
    await callee.phone.start(user="callee")
    yield callee
    await callee.phone.stop()


@pytest.fixture
async def caller() -> AsyncIterator[Phone]:
    """A phone that calls."""
    phone = Phone()
    await phone.start(user="caller")
    yield phone
    await phone.stop()


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("hangs_up", ["caller", "callee"])
async def test_a_call_is_made_and_ended(
    caller: Phone, callee: Callee, transport: str, hangs_up: str
) -> None:
    """The plainest call of all, either side ending it."""
    call = caller.call("sip:112@127.0.0.1", callee.flow(transport), OFFER)
    called = await callee.calls.get()
    called.ring()
    await call.ringing.wait()
    assert called.session == OFFER
    called.accept(answer(parse(OFFER), "127.0.0.1", 40002, 1))
    session = await call.wait_answered()
    assert session is not None
    assert parse(session).udp == 40002
    await called.wait_answered()
    (call if hangs_up == "caller" else called).hang_up()
    assert await call.wait_ended() == await called.wait_ended() == "hung-up"


async def test_a_caller_who_gives_up_cancels(caller: Phone, callee: Callee) -> None:
    """CANCEL while it rings; nothing of the call may stay."""
    call = caller.call("sip:112@127.0.0.1", callee.flow("UDP"), OFFER)
    called = await callee.calls.get()
    called.ring()
    await call.ringing.wait()
    call.hang_up()
    assert await called.wait_ended() == "cancelled"
    with pytest.raises(CallFailed) as caught:
        await call.wait_answered()
    assert caught.value.status == 487
    assert not callee.phone.agent.legs


async def test_a_200_that_crosses_a_cancel_is_acknowledged_and_ended(
    caller: Phone, callee: Callee
) -> None:
    """Otherwise the far side would hear a dead call for hours."""
    call = caller.call("sip:112@127.0.0.1", callee.flow("UDP"), OFFER)
    called = await callee.calls.get()
    called.accept(OFFER)
    call.hang_up()
    assert await called.wait_ended() == "hung-up"
    await call.wait_ended()
    assert not caller.agent.legs


async def test_a_session_is_changed_mid_call(caller: Phone, callee: Callee) -> None:
    """Hold by the far side, and a refusal of what we cannot do."""
    call = caller.call("sip:112@127.0.0.1", callee.flow("UDP"), OFFER)
    called = await callee.calls.get()
    called.accept(OFFER)
    await call.wait_answered()
    await called.wait_answered()
    called.on_reoffer = lambda session: answer(parse(session or OFFER), "127.0.0.1", 40004, 2)
    call.reoffer(offer("127.0.0.1", 40000, 2, "sendonly"))
    assert await call.reanswered.get() == 200
    assert call.session is not None
    assert parse(call.session).direction == "recvonly"
    call.on_reoffer = lambda _: None
    called.reoffer(OFFER)
    assert await called.reanswered.get() == 488
    call.hang_up()
    await called.wait_ended()


async def test_a_refused_call_tells_its_status(caller: Phone, callee: Callee) -> None:
    """Whoever adds a party must see why it did not come."""
    call = caller.call("sip:112@127.0.0.1", callee.flow("UDP"), OFFER)
    called = await callee.calls.get()
    called.reject(486)
    with pytest.raises(CallFailed) as caught:
        await call.wait_answered()
    assert caught.value.status == 486
