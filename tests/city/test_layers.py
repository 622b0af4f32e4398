"""The map that consoles draw without the internet."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from tahuri.city.layers import LAYERS, Layer, build
from tahuri.city.pack import load_pack, pack_folder


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Layer]:
    """Ambon's layers."""
    return build(load_pack(pack_folder("ambon")), tmp_path_factory.mktemp("layers"))


def features(layer: Layer) -> list[dict[str, Any]]:
    """The features of a written layer."""
    collection = json.loads(layer.path.read_bytes())
    assert collection["type"] == "FeatureCollection"
    return list(collection["features"])


def numbers(value: Any) -> list[float]:
    """All coordinates, flat."""
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value]


def test_every_layer_is_written_small_and_true_to_its_digest(layers: dict[str, Layer]) -> None:
    """They go over a city's network to every console; the digest lets them be kept for ever."""
    assert tuple(layers) == LAYERS
    for layer in layers.values():
        raw = layer.path.read_bytes()
        assert gzip.decompress(layer.gzip_path.read_bytes()) == raw
        assert hashlib.sha256(raw).hexdigest() == layer.sha256
        assert (layer.size, layer.gzip_size) == (len(raw), layer.gzip_path.stat().st_size)
        assert layer.size < 1_500_000
    assert sum(layer.gzip_size for layer in layers.values()) < 300_000


def test_coordinates_are_in_the_region_and_have_five_decimals(layers: dict[str, Layer]) -> None:
    """More decimals are bytes that nobody sees."""
    for layer in layers.values():
        for one in features(layer):
            flat = numbers(one["geometry"]["coordinates"])
            assert all(round(number, 5) == number for number in flat)
            assert all(127.8 < lon < 128.5 for lon in flat[::2])
            assert all(-4 < lat < -3.4 for lat in flat[1::2])


def test_the_same_pack_gives_the_same_bytes(layers: dict[str, Layer], tmp_path: Path) -> None:
    """Otherwise every restart would send every console the whole map again."""
    again = build(load_pack(pack_folder("ambon")), tmp_path)
    assert {name: layer.sha256 for name, layer in again.items()} == {
        name: layer.sha256 for name, layer in layers.items()
    }
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".gz"}


def test_wards_keep_their_shapes_and_their_common_borders(layers: dict[str, Layer]) -> None:
    """Gaps between simplified wards would look like places that belong to nobody."""
    wards = features(layers["wards"])
    shapes = [shapely.from_geojson(json.dumps(ward["geometry"])) for ward in wards]
    assert len(wards) == 50
    assert all(not shape.is_empty and shape.is_valid for shape in shapes)
    whole = shapely.union_all(shapes).area
    assert sum(shape.area for shape in shapes) == pytest.approx(whole, rel=0.001)
    assert {ward["properties"]["class"] for ward in wards} == {"kelurahan", "negeri"}
    assert len(features(layers["districts"])) == 5


def test_roads_have_a_class_and_their_name(layers: dict[str, Layer]) -> None:
    """The style draws by class; labels are names."""
    roads = [road["properties"] for road in features(layers["roads"])]
    kinds = [road["class"] for road in roads]
    assert set(kinds) == {"main", "street", "local", "alley", "track", "path"}
    assert kinds[-1] == "main"
    assert "Jembatan Merah Putih" in {road.get("name") for road in roads}


def test_placeholders_say_so_on_the_map(layers: dict[str, Layer]) -> None:
    """A station drawn at a made-up spot must look made up."""
    places = {one["properties"]["id"]: one["properties"] for one in features(layers["facilities"])}
    assert places["DMK-PUSAT"]["placeholder"] is True
    assert places["R8171015"]["placeholder"] is False
    assert all(place["precision_m"] >= 100 for place in places.values())
    assert {"station", "hospital", "health_centre"} <= {place["class"] for place in places.values()}
