"""Far ends that the settings name: which address a name stands for, and which of ours they hear."""

import asyncio
import socket
from pathlib import Path
from threading import Event

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, until

from ports import has_ipv6
from tahuri.host.certificate import own_certificate
from tahuri.telephony.families import usable
from tahuri.telephony.names import addresses_of
from tahuri.telephony.sip.grammar import name_address, parse_uri
from tahuri.telephony.sip.leg import flow_to
from tahuri.telephony.sip.message import Request, Response, parse, response_to
from tahuri.telephony.sip.phone import Phone
from tahuri.telephony.sip.tls import server_context
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import process
from tahuri.telephony.switch.edge import edge, names
from tahuri.telephony.switch.model import Call

NAME = "sbc.example"
BOTH = {
    "sip": {"address": ADDRESS, "other_address": "::1", "udp_port": 0, "tcp_port": 0},
    "public_address": ADDRESS,
    "other_public_address": "::1",
}


class NameServer:
    """What the machine would be told."""

    def __init__(self) -> None:
        self.knows: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        await self.speaks.wait()
        if name not in self.knows:
            raise OSError("no such name")
        return self.knows[name]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> NameServer:
    """A name server; the switch asks it often."""
    one = NameServer()
    monkeypatch.setattr(process, "addresses_of", one)
    monkeypatch.setattr(names, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(names, "AGAIN_S", 0.1)
    return one


class Carrier(asyncio.DatagramProtocol):
    """A far end on one address: answers OPTIONS, lets INVITEs ring."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(address, 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        if isinstance(message, Response) or self._transport is None:
            return
        self.asked.append(message)
        status = {"INVITE": 180, "ACK": 0}.get(message.method, 200)
        if status:
            answer = response_to(message, status, addr[:2], "t")
            self._transport.sendto(answer.encoded(), addr)

    def newest(self, method: str) -> Request | None:
        found = (one for one in reversed(self.asked) if one.method == method)
        return next(found, None)


def told_addresses(request: Request) -> set[str]:
    """Our addresses in Via and Contact, and in the session if there is one."""
    via = request.vias[0].split()[1].partition(";")[0]
    contact = flow_to(parse_uri(name_address(request.get("contact") or "").uri)).host
    lines = request.body.decode().splitlines()
    sessions = {line.split()[-1] for line in lines if line.startswith("c=")}
    return {via.rpartition(":")[0].strip("[]"), contact, *sessions}


def trunk(port: int, **more: object) -> dict[str, object]:
    return {
        "name": "telco",
        "sources": ["::1/128", "127.0.0.1/32"],
        "host": f"{NAME}:{port}",
        "default_out": True,
        "options_every_s": 0.1,
        **more,
    }


@pytest.mark.parametrize(
    ("found", "ours", "goes"),
    [
        (["2001:db8::7"], ("192.0.2.1", "2001:db8::1"), "2001:db8::7"),
        (["2001:db8::7", "198.51.100.7"], ("192.0.2.1", "2001:db8::1"), "198.51.100.7"),
        (["198.51.100.7", "2001:db8::7"], ("2001:db8::1", "192.0.2.1"), "2001:db8::7"),
        (["198.51.100.8", "198.51.100.7"], ("192.0.2.1", None), "198.51.100.8"),
        (["fe80::7%eth0"], ("192.0.2.1", "::"), "fe80::7%eth0"),
        (["2001:db8::7"], ("192.0.2.1", None), None),
        ([], ("192.0.2.1", None), None),
    ],
)
def test_a_name_is_gone_to_by_a_family_that_we_have(
    found: list[str], ours: tuple[str, str | None], goes: str | None
) -> None:
    """Our first family counts, where the name has an address of it."""
    assert usable(found, ours) == goes


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("family", ["IPv4", "IPv6", "both"])
async def test_a_trunk_set_by_its_name_hears_our_address_of_its_family(
    tmp_path: Path, server: NameServer, family: str
) -> None:
    """Who has no IPv4 could neither answer nor be heard at an IPv4 address.

    Given a centre of both families and a trunk whose name has addresses of one, or of both; when it
    is asked for its health and called; then Via, Contact and session name our address of the family
    that it is reached by, and the URI still says its name.
    """
    carrier = Carrier()
    here = "::1" if family == "IPv6" else ADDRESS
    await carrier.start(here)
    server.knows[NAME] = ["::1", ADDRESS] if family == "both" else [here]
    try:
        async with bench(tmp_path, trunks=[trunk(carrier.port)], **BOTH) as centre:
            await centre.told("trunk-up")
            await until(lambda: NAME in centre.switch.core.endpoint.names)
            carrier.asked.clear()
            await until(lambda: carrier.newest("OPTIONS"))
            await added(centre)
            await until(lambda: carrier.newest("INVITE"))
            for method in ("OPTIONS", "INVITE"):
                asked = carrier.newest(method)
                assert asked is not None
                assert told_addresses(asked) == {here}
                assert f"{NAME}:{carrier.port}" in asked.uri
    finally:
        carrier.stop()


async def added(centre: Bench) -> Browser:
    """A seat in a call, which adds a number outside."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address="0911341000")
    return seat


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
async def test_a_ring_is_taken_back_by_the_address_that_it_came_from(
    tmp_path: Path, server: NameServer
) -> None:
    """A CANCEL is known by the Via of its INVITE: with another the telephone would ring on.

    Given a party that rings by a name; when the switch is killed and no name server answers the
    next one; then that takes the ring back, with the very same Via.
    """
    carrier = Carrier()
    await carrier.start("::1")
    server.knows[NAME] = ["::1"]
    try:
        async with bench(tmp_path, trunks=[trunk(carrier.port)], **BOTH) as centre:
            await until(lambda: NAME in centre.switch.core.endpoint.names)
            seat = await added(centre)
            await until(lambda: carrier.newest("INVITE"))
            await until(lambda: any(p.leg.rang for c in calls(centre) for p in c.parties))
            server.knows.clear()
            await seat.leave()
            await centre.restart()
            await until(lambda: carrier.newest("CANCEL"))
            rang, cancelled = carrier.newest("INVITE"), carrier.newest("CANCEL")
            assert rang is not None
            assert cancelled is not None
            assert cancelled.vias == rang.vias
    finally:
        carrier.stop()


def calls(centre: Bench) -> list[Call]:
    return list(centre.switch.core.calls.values())


async def test_what_a_name_stood_for_counts_until_it_is_another(
    tmp_path: Path, server: NameServer
) -> None:
    """Given a name that was found; when nobody finds it any more; then it is gone to as before;
    when it stands for another address; then that counts; a name that is set no longer is forgotten.
    """
    server.knows[NAME] = ["192.0.2.7"]
    lines = [trunk(5060, options_every_s=0)]
    async with bench(tmp_path, trunks=lines) as centre:

        def known() -> str | None:
            return centre.switch.core.endpoint.names.get(NAME)

        await until(lambda: known() == "192.0.2.7")
        server.knows.clear()
        asked = len(server.asked)
        await until(lambda: len(server.asked) > asked + 1)
        assert known() == "192.0.2.7"
        server.knows[NAME] = ["2001:db8::7"]  # of a family that this centre has not
        asked = len(server.asked)
        await until(lambda: len(server.asked) > asked + 1)
        assert known() == "192.0.2.7"
        server.knows[NAME] = ["192.0.2.8"]
        await until(lambda: known() == "192.0.2.8")
        centre.settings.trunks.clear()
        await centre.restart()
        assert known() is None


async def test_a_name_server_that_says_nothing_holds_nothing_up(
    tmp_path: Path, server: NameServer
) -> None:
    """Given a name server that is silent; then it is asked once at a time, calls come in, and the
    switch ends at once."""
    server.speaks.clear()
    async with bench(tmp_path, trunks=[trunk(5060, options_every_s=0)]) as centre:
        await until(lambda: server.asked)
        await centre.call()
        await centre.told("call-queued")
        assert server.asked == [NAME]
        async with asyncio.timeout(2):
            await centre.restart()


async def test_others_in_the_directory_are_looked_up_as_well(
    tmp_path: Path, server: NameServer
) -> None:
    """Given a directory with a name, an address and a number; then the name alone is looked up."""
    told = {"rsud": f"sip:igd@{NAME}", "pln": "sip:a@192.0.2.9", "polisi": "0911341000"}
    server.knows[NAME] = ["192.0.2.7"]
    async with bench(tmp_path, party_aliases=told) as centre:
        await until(lambda: centre.switch.core.endpoint.names == {NAME: "192.0.2.7"})
        assert set(server.asked) == {NAME}


async def test_a_trunk_by_its_name_may_be_behind_address_translation(
    tmp_path: Path, server: NameServer
) -> None:
    """Its Contact leads nowhere, whichever way it is set: known once its name is found."""
    server.knows[NAME] = [ADDRESS]
    async with bench(tmp_path, trunks=[trunk(5060, options_every_s=0, nat=True)]) as centre:
        core, flow = centre.switch.core, Flow("UDP", NAME, 5060)
        await until(lambda: NAME in core.endpoint.names)
        assert edge.is_behind_nat(core, flow)
        assert not edge.is_behind_nat(core, Flow("UDP", "other.example", 5060))


async def test_a_trunk_over_tls_is_reached_by_its_address_and_known_by_its_name(
    tmp_path: Path, server: NameServer
) -> None:
    """Given a trunk that no name server of the machine knows; when what it stands for is known;
    then it is connected to there, and its certificate must still name it."""
    files = own_certificate(tmp_path / "tls", (NAME,))
    carrier = Phone()
    await carrier.start(context=server_context(*files))
    port = carrier.agent.identity.tls_port
    secure = {"transport": "tls", "authority": str(tmp_path / "tls" / "root.pem")}
    server.knows[NAME] = [ADDRESS]
    try:
        async with bench(tmp_path, trunks=[trunk(port, **secure)]) as centre:
            await centre.told("trunk-up")
    finally:
        await carrier.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_host_that_is_no_name_costs_its_own_call_alone(transport: str) -> None:
    """Given an address with a label that no name may have; when it is called over TCP; then the
    call fails at once; over UDP nothing is sent, and nothing breaks."""
    phone = Phone()
    await phone.start()
    try:
        flow = Flow(transport.upper(), "a" * 64 + ".example", 5060)
        call = phone.call(f"sip:x@{flow.host}", flow, b"")
        if transport == "tcp":
            assert await call.wait_ended(2) == "rejected-408"
        transports = phone._endpoint._transports
        await until(lambda: not transports._tasks)
        assert transports._connecting == {}
    finally:
        await phone.stop()


async def test_the_machine_itself_is_asked_without_holding_the_loop() -> None:
    """The real name service: an address is its own name, and what is no name is told as such."""
    assert await addresses_of("127.0.0.1") == ["127.0.0.1"]
    with pytest.raises(UnicodeError):
        await addresses_of("a" * 64 + ".example")
    asked = asyncio.create_task(addresses_of("127.0.0.1"))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


def test_a_silent_name_server_keeps_no_process_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next switch cannot listen before this one is gone.

    Given a question that gets no answer; when the process's loop ends; then it does so at once, and
    an answer that comes after that is thrown away.
    """
    speaks, over = Event(), Event()

    def waits(*_: object, **__: object) -> list[object]:
        speaks.wait(10)
        over.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", waits)

    async def asks() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await addresses_of(NAME)

    asyncio.run(asks())
    assert not over.is_set()
    speaks.set()
    assert over.wait(5)
