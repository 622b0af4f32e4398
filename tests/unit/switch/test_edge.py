"""Trunks over TLS, phones and trunks behind address translation."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, bench, phone_seat, until

from tahuri.host.certificate import own_certificate
from tahuri.telephony.sip.digest import Account, credentials
from tahuri.telephony.sip.message import Request, Response, parse, response_to
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.sdp import offer
from tahuri.telephony.sip.tls import client_context, server_context
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.edge import edge

OFFER = offer("192.168.7.7", 40000, 1)


class Hidden(asyncio.DatagramProtocol):
    """A device whose messages name an address that nobody can reach."""

    def __init__(self) -> None:
        self.heard: list[Request | Response] = []
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, remote_addr=(ADDRESS, port), local_addr=(ADDRESS, 0)
        )

    def stop(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        self.heard.append(message)
        if isinstance(message, Request) and message.method in ("OPTIONS", "BYE"):
            self.send(response_to(message, 200, addr, "t").encoded())

    def send(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.sendto(data)

    def ask(self, method: str, number: int, *headers: str, body: bytes = b"", to: str = "") -> None:
        """A request; its Via has no rport and its Contact is private."""
        lines = [
            f"{method} sip:112@{ADDRESS} SIP/2.0",
            f"Via: SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK{method}{number}",
            "From: <sip:h1@192.168.7.7>;tag=f",
            to or f"To: <sip:h1@{ADDRESS}>",
            "Call-ID: hidden",
            f"CSeq: {number} {method}",
            "Contact: <sip:h1@192.168.7.7:5060>",
            "Max-Forwards: 70",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def request(self, method: str) -> Request | None:
        """The first of that method that came."""
        found = (m for m in self.heard if isinstance(m, Request) and m.method == method)
        return next(found, None)

    def response(self, status: int) -> Response | None:
        """The first of that status that came."""
        found = (m for m in self.heard if isinstance(m, Response) and m.status == status)
        return next(found, None)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A centre with a phone seat, and a trunk behind address translation."""
    trunks = [{"name": "natted", "sources": [f"{ADDRESS}/32"], "nat": True}]
    async with bench(tmp_path, trunks=trunks, seats=[phone_seat("H1")]) as one:
        yield one


@pytest.fixture
async def hidden(centre: Bench) -> AsyncIterator[Hidden]:
    """Somebody behind address translation."""
    one = Hidden()
    await one.start(centre.flow.port)
    yield one
    one.stop()


async def test_a_trunk_behind_nat_is_answered_where_it_is(centre: Bench, hidden: Hidden) -> None:
    """Its Via and Contact name a private address: answers and BYE go to where it asked from."""
    hidden.ask("INVITE", 1, "Content-Type: application/sdp", body=OFFER)
    await until(lambda: hidden.response(200))
    answer = hidden.response(200)
    assert answer is not None
    hidden.ask("ACK", 1, to=f"To: {answer.get('to')}")
    await centre.told("call-queued")
    [call] = centre.switch.core.calls.values()
    await until(lambda: call.leg.confirmed)
    centre.switch.core.perform(
        centre.switch.core.endpoint.agent.hang_up(call.leg, centre.switch.core.sip_now)
    )
    await until(lambda: hidden.request("BYE"))


async def test_a_phone_behind_nat_is_kept_alive_and_called_where_it_is(
    centre: Bench, hidden: Hidden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router at home forgets a silent phone within half a minute."""
    monkeypatch.setattr(edge, "NAT_EVERY_S", 0.1)
    hidden.ask("REGISTER", 1)
    await until(lambda: hidden.response(401))
    challenge = hidden.response(401)
    assert challenge is not None
    value = credentials(
        challenge.get("www-authenticate") or "",
        "REGISTER",
        f"sip:{ADDRESS}",
        Account("h1", "secret-H1"),
        "c",
    )
    hidden.ask("REGISTER", 2, f"Authorization: {value}", "Expires: 60")
    await until(lambda: hidden.response(200))
    assert centre.switch.core.seats["H1"].nat
    await until(lambda: sum(getattr(m, "method", "") == "OPTIONS" for m in hidden.heard) >= 2)
    asked = hidden.request("OPTIONS")
    assert asked is not None
    assert asked.uri == "sip:h1@192.168.7.7:5060"


async def test_a_trunk_over_tls_is_asked_and_called_by_its_certificate(tmp_path: Path) -> None:
    """The whole way of an outgoing call: transport, authority, OPTIONS, the URI that is dialled."""
    files = own_certificate(tmp_path / "tls", ())
    carrier = Phone()
    await carrier.start(context=server_context(*files))
    port = carrier.agent.identity.tls_port
    trunk = {
        "name": "telkom",
        "sources": ["192.0.2.0/24"],
        "host": f"{ADDRESS}:{port}",
        "transport": "tls",
        "authority": str(tmp_path / "tls" / "root.pem"),
        "options_every_s": 0.2,
        "default_out": True,
    }
    try:
        async with bench(tmp_path, trunks=[trunk]) as one:
            await one.told("trunk-up")
            uri, flow = parties.destination(one.switch.core, "110")
            assert uri == f"sip:110@{ADDRESS}:{port};transport=tls"
            assert flow == Flow("TLS", ADDRESS, port)
    finally:
        await carrier.stop()


async def test_a_seat_registers_over_tls_and_its_call_comes_over_that_connection(
    tmp_path: Path,
) -> None:
    """A phone behind a firewall cannot be connected to: it rings over the connection it made."""
    files = own_certificate(tmp_path / "tls", ())
    sip = {
        "address": ADDRESS,
        "udp_port": 0,
        "tcp_port": 0,
        "tls_port": 0,
        "tls": {"cert": str(files[0]), "key": str(files[1])},
    }
    calls: asyncio.Queue[object] = asyncio.Queue()
    phone = Phone(Account("s1", "secret-S1"), calls.put_nowait)
    async with bench(tmp_path, sip=sip, seats=[phone_seat("S1")]) as one:
        port = one.switch.core.endpoint.agent.identity.tls_port
        switch = Flow("TLS", ADDRESS, port)
        await phone.start()
        phone.trust(switch, client_context(authority=tmp_path / "tls" / "root.pem"))
        try:
            assert await phone.register(switch) == 200
            await one.call()
            async with asyncio.timeout(5):
                await calls.get()
        finally:
            await phone.stop()


async def test_a_killed_switch_connects_again_to_hang_up(tmp_path: Path) -> None:
    """Given a caller over TCP; when the switch is killed, and with it the connection; then the next
    one makes a new connection, and the caller's device hears the end of the call."""
    caller = Phone()
    await caller.start()
    async with bench(tmp_path) as one:
        switch = Flow("TCP", ADDRESS, one.switch.core.endpoint.agent.identity.tcp_port)
        try:
            call = caller.call("sip:112@127.0.0.1", switch, offer(ADDRESS, 40000, 1))
            await call.wait_answered(5)
            [kept] = one.switch.core.calls.values()
            await until(lambda: kept.leg.confirmed)
            await one.restart()
            [leg] = one.switch.core.endpoint.agent.legs.values()
            assert leg.transport == "TCP"
            agent = one.switch.core.endpoint.agent
            one.switch.core.perform(agent.hang_up(leg, one.switch.core.sip_now))
            assert await call.wait_ended(5) == "hung-up"
        finally:
            await caller.stop()


async def test_a_phone_that_connects_again_in_mid_call_is_reached_there(tmp_path: Path) -> None:
    """Given a seat's phone over TCP that talks; when its connection breaks and it registers over
    another; then the end of the call comes over the new one."""
    calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
    phone = Phone(Account("s1", "secret-S1"), calls.put_nowait)
    async with bench(tmp_path, seats=[phone_seat("S1")]) as one:
        switch = Flow("TCP", ADDRESS, one.switch.core.endpoint.agent.identity.tcp_port)
        await phone.start()
        try:
            assert await phone.register(switch) == 200
            caller = await one.call()
            async with asyncio.timeout(5):
                ringing = await calls.get()
            ringing.accept(offer(ADDRESS, 40002, 1))
            await one.told("call-answered")
            [kept] = one.switch.core.calls.values()
            assert kept.phone is not None
            before = kept.phone.leg.flow
            phone._endpoint._transports.drop(switch)
            await until(lambda: before not in one.switch._endpoint._transports._streams)
            assert await phone.register(switch) == 200
            assert kept.phone.leg.flow != before
            caller.hang_up()
            assert await ringing.wait_ended(5) == "hung-up"
            streams = set(one.switch._endpoint._transports._streams.values())
            assert len(streams) == 1, "no connection of our own was needed"
        finally:
            await phone.stop()


def test_addresses_that_cannot_be_typed_for_tls_are_refused(tmp_path: Path) -> None:
    """``sips:`` goes over TLS to 5061 and nowhere else."""
    one = Bench(tmp_path)
    assert parties.destination(one.switch.core, "sips:polisi@192.0.2.9") == (
        "sips:polisi@192.0.2.9",
        Flow("TLS", "192.0.2.9", 5061),
    )
    assert parties.destination(one.switch.core, "sip:a@192.0.2.9;transport=tls")[1] == Flow(
        "TLS", "192.0.2.9", 5061
    )
    assert parties.destination(one.switch.core, "sip:a@192.0.2.9;transport=tcp")[1] == Flow(
        "TCP", "192.0.2.9", 5060
    )
