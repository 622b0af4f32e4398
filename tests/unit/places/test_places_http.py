"""Places and roads as the slices ask for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request

from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.records import CityPack
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.places.gazetteer import Gazetteer
from tahuri.places.roads import Roads
from tahuri.places.routes import routes

MARKET, PASSO = (-3.6954, 128.1814), (-3.6304, 128.2522)


@pytest.fixture(scope="module")
def pack() -> CityPack:
    return load_pack(pack_folder("ambon"))


@pytest.fixture(scope="module")
def gazetteer(pack: CityPack) -> Gazetteer:
    return Gazetteer(pack)


async def anybody(_: Request) -> SignedOn:
    return SignedOn("ola", "Ola", ())


@pytest.fixture
async def client(gazetteer: Gazetteer) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=list(routes.starlette()), exception_handlers=EXCEPTION_HANDLERS)
    app.state.gazetteer, app.state.session_reader = gazetteer, anybody
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://room"
    ) as opened:
        yield opened


async def test_a_place_is_found_however_it_is_written(client: httpx.AsyncClient) -> None:
    """The caller speaks, the call taker types by ear."""
    found = (await client.get("/api/places?q=batumerah&limit=3")).json()["places"]
    assert found[0]["name"] == "Batu Merah"
    assert 1 <= len(found) <= 3


async def test_a_point_on_the_map_has_a_ward(client: httpx.AsyncClient) -> None:
    """A press on the map fills the form."""
    found = (await client.get(f"/api/places/at?lat={MARKET[0]}&lon={MARKET[1]}")).json()
    assert found["in_region"]
    assert found["ward_code"].startswith("81.71.")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("/api/places/at?lat=north&lon=128", "lat"),
        ("/api/places/at?lat=-3.6", "lon"),
        ("/api/places/at?lat=128.1&lon=-3.6", "lat"),
        ("/api/places/at?lat=nan&lon=128", "lat"),
        ("/api/places?q=a&limit=0", "limit"),
        ("/api/places?q=a&limit=many", "limit"),
        (f"/api/places?q={'a' * 101}", "q"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused_by_name(
    client: httpx.AsyncClient, query: str, field: str
) -> None:
    """The screen can say which box is wrong."""
    answer = await client.get(query)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_roads_tell_times_and_ways_off_the_event_loop(pack: CityPack, tmp_path: Path) -> None:
    """Minutes by road decide who goes."""
    roads = Roads(pack, tmp_path, timeout_s=30)
    travel = (await roads.travel("fire_engine", MARKET, [PASSO]))[0]
    way = await roads.route("fire_engine", PASSO, MARKET)
    assert travel is not None
    assert way is not None
    assert 5 * 60 < travel.seconds < 60 * 60
    assert way.coordinates[0] == (PASSO[1], PASSO[0])
    assert abs(way.seconds - travel.seconds) < 1


async def test_a_graph_that_is_not_there_in_time_is_not_waited_for(
    pack: CityPack, tmp_path: Path
) -> None:
    """A cold start must not cost a dispatch its minute."""
    roads = Roads(pack, tmp_path, timeout_s=0)
    assert await roads.travel("car", MARKET, [PASSO, MARKET]) == [None, None]
    assert await roads.route("car", PASSO, MARKET) is None


async def test_a_pack_without_roads_still_answers(pack: CityPack, tmp_path: Path) -> None:
    """A broken file must not stop help: the estimate takes over."""
    roads = Roads(replace(pack, folder=tmp_path))
    assert await roads.travel("car", MARKET, [PASSO]) == [None]
    assert await roads.route("car", PASSO, MARKET) is None
