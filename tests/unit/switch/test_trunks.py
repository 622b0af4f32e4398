"""The health of trunks: asked by OPTIONS, shown, told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, bench, until

from ports import free_port
from tahuri.host.certificate import own_certificate
from tahuri.telephony.sip.message import Request, parse, response_to
from tahuri.telephony.sip.tls import server_context
from tahuri.telephony.switch import views
from tahuri.telephony.switch.edge import trunks

FAR = "127.0.0.5"
"""A far end's address, which no certificate names unless it is made for it."""


class Carrier(asyncio.DatagramProtocol):
    """A far end that answers every request with one status, or not at all."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.losses = 0
        """Questions that get lost from now on."""
        self.asked: list[Request] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(ADDRESS, 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        self.asked.append(request)
        if self.losses:
            self.losses -= 1
        elif self.status is not None and self._transport is not None:
            answer = response_to(request, self.status, addr, "t")
            self._transport.sendto(answer.encoded(), addr)


@pytest.fixture
async def carrier(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Carrier]:
    """A carrier, and a watch that is quick about it."""
    monkeypatch.setattr(trunks, "ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr(trunks, "DOWN_EVERY_S", 0.1)
    one = Carrier()
    await one.start()
    yield one
    one.stop()


def asked_trunk(carrier: Carrier) -> list[dict[str, object]]:
    """Settings of two trunks: the carrier's is asked, the other is not."""
    return [
        {
            "name": "telkom",
            "sources": ["192.0.2.0/24"],
            "host": f"{ADDRESS}:{carrier.port}",
            "options_every_s": 0.2,
        },
        {"name": "lokal", "sources": [f"{ADDRESS}/32"]},
    ]


def state(one: Bench, name: str) -> str:
    """The state of a trunk, as it is shown."""
    shown = views.snapshot(one.switch.core).trunks
    return next(trunk.state for trunk in shown if trunk.name == name)


def facts_of_trunks(one: Bench) -> list[tuple[str, str]]:
    """(type, stream) of the facts about trunks."""
    return [(f.type, f.stream) for f in one.facts() if f.stream.startswith("trunk/")]


async def test_a_trunk_that_answers_is_up_and_one_that_falls_silent_is_down(
    tmp_path: Path, carrier: Carrier
) -> None:
    """A dead trunk means callers who hear nothing: the room must know before they complain."""
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        await until(lambda: state(one, "telkom") == "up")
        assert carrier.asked[0].method == "OPTIONS"
        assert carrier.asked[0].uri == f"sip:{ADDRESS}:{carrier.port}"
        [line] = [t for t in views.snapshot(one.switch.core).trunks if t.name == "telkom"]
        assert line.rtt_ms is not None
        assert views.alarms(one.switch.core) == []
        carrier.status = None
        await until(lambda: state(one, "telkom") == "down")
        alarms = [(alarm.code, alarm.about) for alarm in views.alarms(one.switch.core)]
        assert alarms == [("trunk-down", "telkom")]
        carrier.status = 200
        await until(lambda: state(one, "telkom") == "up")
        assert views.alarms(one.switch.core) == []
        told = [kind for kind, stream in facts_of_trunks(one) if stream == "trunk/telkom"]
        assert told == ["calls.trunk-up", "calls.trunk-down", "calls.trunk-up"]


@pytest.mark.parametrize(("status", "shown"), [(404, "up"), (405, "up"), (501, "up")])
async def test_a_refusal_shows_that_somebody_is_there(
    tmp_path: Path, carrier: Carrier, status: int, shown: str
) -> None:
    """Carriers refuse OPTIONS from whom they do not know and carry calls all the same."""
    carrier.status = status
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        await until(lambda: state(one, "telkom") == shown)


async def test_a_trunk_that_says_it_is_out_of_service_is_down(
    tmp_path: Path, carrier: Carrier
) -> None:
    """503 is an answer, and a call would get the same."""
    carrier.status = 503
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        fact = await one.told("trunk-down")
        assert (fact.stream, fact.body) == ("trunk/telkom", {"status": 503, "fault": ""})


async def test_one_lost_answer_is_no_alarm(tmp_path: Path, carrier: Carrier) -> None:
    """A banner that lies now and then is read by nobody."""
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        await until(lambda: state(one, "telkom") == "up")
        carrier.losses, before = 1, len(carrier.asked)
        await until(lambda: len(carrier.asked) >= before + 3)
        assert carrier.losses == 0
        assert [kind for kind, _ in facts_of_trunks(one)] == ["calls.trunk-up"]


async def test_a_trunk_that_takes_no_calls_is_known_by_its_own(
    tmp_path: Path, carrier: Carrier
) -> None:
    """Nobody can be asked there: it is unknown until it calls."""
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        assert state(one, "lokal") == "unknown"
        await one.call()
        assert state(one, "lokal") == "up"
        shown = views.snapshot(one.switch.core).trunks
        assert {trunk.name: trunk.calls for trunk in shown} == {"telkom": 0, "lokal": 1}


async def test_a_killed_switch_tells_no_state_twice(tmp_path: Path, carrier: Carrier) -> None:
    """The log must say when the trunk went down, not when the switch began anew."""
    carrier.status = None
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        await one.told("trunk-down")
        since = one.switch.core.trunks["telkom"].since
        await one.restart()
        assert one.switch.core.trunks["telkom"].since == since
        before = len(carrier.asked)
        await until(lambda: len(carrier.asked) >= before + 3)
        assert [kind for kind, _ in facts_of_trunks(one)] == ["calls.trunk-down"]


async def test_a_trunk_that_the_settings_drop_is_told_as_removed(
    tmp_path: Path, carrier: Carrier
) -> None:
    """Otherwise the board would show for ever what is there no more."""
    async with bench(tmp_path, trunks=asked_trunk(carrier)) as one:
        await until(lambda: state(one, "telkom") == "up")
        one.settings.trunks.pop(0)
        await one.restart()
        assert facts_of_trunks(one)[-1] == ("calls.trunk-removed", "trunk/telkom")
        assert list(one.switch.core.trunks) == ["lokal"]


async def fault_of(tmp_path: Path, host: str, **more: object) -> str:
    """Why the trunk at ``host`` is down, as it is shown and told."""
    trunk = {"name": "telkom", "sources": ["192.0.2.0/24"], "host": host, "options_every_s": 0.2}
    async with bench(tmp_path, trunks=[trunk | more]) as one:
        fact = await one.told("trunk-down")
        [shown] = views.snapshot(one.switch.core).trunks
        assert (shown.state, shown.status) == ("down", None)
        assert shown.fault == fact.body["fault"]
        return shown.fault


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that is quick about it."""
    monkeypatch.setattr(trunks, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr(trunks, "DOWN_EVERY_S", 0.1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_trunk_at_which_nothing_listens_says_so(tmp_path: Path, transport: str) -> None:
    """The engineer at 3 a.m. must not need a packet dump to tell a wrong port from a dead line."""
    host = f"{ADDRESS}:{free_port()}"
    assert await fault_of(tmp_path, host, transport=transport) == "connection-refused"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_trunk_whose_name_is_not_found_says_so(tmp_path: Path, transport: str) -> None:
    """A slip in the name; this one cannot be a name at all, so that no name server is asked."""
    assert await fault_of(tmp_path, "sbc..example:5060", transport=transport) == "name-unknown"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("names", "told", "fault"),
    [
        ((FAR,), {}, "certificate-unknown"),
        (("sbc.example",), {"authority": True}, "certificate-name"),
        ((FAR,), {"authority": True}, ""),
        (("sbc.example",), {"verify": False}, ""),
    ],
)
async def test_a_trunk_whose_certificate_will_not_do_says_why(
    tmp_path: Path, names: tuple[str, ...], told: dict[str, object], fault: str
) -> None:
    """Each has another remedy: the authority in our settings, or a certificate of the carrier's."""
    certificate, key = own_certificate(tmp_path / "pki", names)
    listening = await asyncio.start_server(
        lambda _, __: None, FAR, 0, ssl=server_context(certificate, key)
    )
    host = f"{FAR}:{listening.sockets[0].getsockname()[1]}"
    if "authority" in told:
        told = {"authority": str(tmp_path / "pki" / "root.pem")}
    async with listening:
        assert await fault_of(tmp_path, host, transport="tls", **told) == fault
