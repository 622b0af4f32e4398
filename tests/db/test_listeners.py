"""Test calls to a switch that listens at an address of each IP family, and is deaf at one."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from centre import ADDRESS
from centre import Centre as Telephony
from msgspec.structs import replace
from watched import Place, watched

from ports import UDP, free_ports, has_ipv6
from tahuri import watchman as watching
from tahuri.app import VIEWS
from tahuri.centre import Centre
from tahuri.city.records import CityPack
from tahuri.kernel.db import Database
from tahuri.settings import Trunk
from tahuri.telephony import testcall, testseat
from tahuri.telephony.sip.phone import Phone
from tahuri.testlines import edges
from tahuri.testlines import test_lines as lines_of
from tahuri.told import ha1
from tahuri.watchman import Watchman

OTHER = "::1"

pytestmark = pytest.mark.skipif(
    not has_ipv6() and not os.environ.get("CI"), reason="no IPv6 on this machine"
)


@pytest.fixture
async def place(database: Database, pack: CityPack, tmp_path: Path) -> AsyncIterator[Place]:
    """A watched centre of both families; its switch is another's."""
    async with watched(database, pack, tmp_path) as made:
        addresses = {"sip_other_address": OTHER, "media_other_address": OTHER}
        made.settings = replace(made.settings, trunks=(), **addresses)
        yield made


async def told(place: Place) -> set[str]:
    """Lines of which a finding says, after a look, that test calls by them fail."""
    await place.watchman.round()
    rows = await place.database.all(
        "select body ->> 'about' from view_rows where view = 'finding' "
        "and body ->> 'state' = 'open' and body ->> 'code' = 'test-call-failed'"
    )
    return {about for (about,) in rows}


async def test_a_deaf_listener_is_noticed_though_the_other_hears(
    place: Place, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the callers would be lost while every test call succeeds.

    Given the real switch, at an address of each family, and a watch; when both listen; then both
    lines are well; when one does not, the second or the first; then its line alone fails, the robot
    is reached by the other, and the finding says which.
    """
    monkeypatch.setattr(testcall, "ANSWER_S", 1.0)
    monkeypatch.setattr(testseat, "REGISTER_S", 0.5)
    folder = tmp_path / "telephony"
    folder.mkdir()
    telephony = Telephony(folder)
    settings = replace(place.settings, sip_port=telephony.sip_port)
    centre = Centre(settings, place.centre.folder, place.centre.pack)
    password = ha1(testseat.USER, centre.test_seat_password)
    sources = {address: name for name, address in edges(settings).items()}
    ports = {"udp_port": telephony.sip_port, "tcp_port": telephony.sip_port}
    telephony.settings |= {
        "sip": {"address": ADDRESS, "other_address": OTHER, **ports},
        "other_public_address": OTHER,
        "test_seat": {"username": testseat.USER, "password_ha1": password, "numbers": []},
        "test_sources": sources,
    }
    telephony.media.extra = (*telephony.media.extra, "--other-address", OTHER)
    watchman = Watchman(centre, database, VIEWS, place.ask, grace_s=0)
    place.watchman = watchman

    async def faults() -> dict[str, str | None]:
        for line in lines_of(settings):
            await watchman.try_line(line)
        return {name: line.fault for name, line in watchman.kept.lines.items()}

    async with telephony:
        assert await faults() == {"edge-ipv4": None, "edge-ipv6": None}
        assert await told(place) == set()
        for hears, deaf in ((ADDRESS, "edge-ipv6"), (OTHER, "edge-ipv4")):
            await telephony.stop(signal.SIGKILL)
            telephony.settings["sip"] = {"address": hears, **ports}
            await telephony.start()
            well = next(name for name in sources.values() if name != deaf)
            assert await faults() == {well: None, deaf: "no-answer"}
            assert await told(place) == {deaf}
    await watchman.close()


async def test_a_trunk_by_its_name_is_tried_by_the_family_that_it_has(
    place: Place, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A robot that calls an IPv6 trunk from an IPv4 address would tell of a dead line that is well.

    Given a trunk set by a name that has IPv6 alone; when it is tried; then the call gets there, and
    is refused by it; when nobody knows the name; then there is no way to it.
    """
    known: dict[str, list[str]] = {"sbc.example": [OTHER]}

    async def looked_up(name: str) -> list[str]:
        if name not in known:
            raise OSError("no such name")
        return known[name]

    monkeypatch.setattr(watching, "addresses_of", looked_up)
    monkeypatch.setattr(testseat, "REGISTER_S", 0.2)
    carrier = Phone()  # without anybody at it: 486
    await carrier.start(OTHER)
    host = f"sbc.example:{carrier.agent.identity.udp_port}"
    trunk = Trunk(name="ims", sources=(OTHER,), host=host, test_call_to="119900")
    settings = replace(place.settings, trunks=(trunk,), sip_port=free_ports(UDP))
    centre = Centre(settings, place.centre.folder, place.centre.pack)
    watchman = Watchman(centre, database, VIEWS, place.ask, grace_s=0)
    [line] = [one for one in lines_of(settings) if one.name == "ims"]
    for fault, status in (("refused", 486), ("no-network", None)):
        await watchman.try_line(line)
        found = watchman.kept.lines["ims"]
        assert (found.fault, found.status) == (fault, status)
        known.clear()
    await watchman.close()
    await carrier.stop()
