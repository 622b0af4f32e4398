"""A built network is kept until the pack changes, and never trusted when damaged."""

import shutil
from pathlib import Path

import msgspec
import pytest

from tahuri.city.network_cache import build_network, input_digest, read_network, write_network
from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.records import CityPack
from tahuri.city.roads import RoadGraph


@pytest.fixture(scope="module")
def pack() -> CityPack:
    """Ambon."""
    return load_pack(pack_folder("ambon"))


def test_the_second_load_builds_nothing(pack: CityPack, tmp_path: Path) -> None:
    """A centre that restarts is back in seconds."""
    lines: list[str] = []
    first = RoadGraph.load(pack, "boat", tmp_path, lines.append)
    told = len(lines)
    assert told == 2
    second = RoadGraph.load(pack, "boat", tmp_path, lines.append)
    assert len(lines) == told
    where = (-3.75, 128.10), [(-3.672969, 128.143257)]
    assert first.travel_times_to(*where[0], where[1]) == second.travel_times_to(*where[0], where[1])


def test_a_damaged_cache_is_built_again(pack: CityPack, tmp_path: Path) -> None:
    """A power cut while writing must not leave a city without travel times."""
    RoadGraph.load(pack, "boat", tmp_path)
    [stored] = tmp_path.iterdir()
    stored.write_bytes(stored.read_bytes()[:1000])
    assert read_network(stored) is None
    lines: list[str] = []
    RoadGraph.load(pack, "boat", tmp_path, lines.append)
    assert lines
    assert read_network(stored) is not None


def test_a_cache_that_cannot_be_written_is_done_without(pack: CityPack, tmp_path: Path) -> None:
    """A full disk costs seconds at the next start, not the travel times of this one."""
    (tmp_path / "blocked").write_bytes(b"")
    lines: list[str] = []
    graph = RoadGraph.load(pack, "boat", tmp_path / "blocked", lines.append)
    assert any("cannot be kept" in line for line in lines)
    assert graph.travel_times_to(-3.75, 128.10, [(-3.672969, 128.143257)]) != [None]


def test_another_speed_or_another_map_is_another_network(pack: CityPack, tmp_path: Path) -> None:
    """Old times for new roads would look right and be wrong."""
    keys = {input_digest(pack, "car"), input_digest(pack, "ambulance"), input_digest(pack, "boat")}
    faster = [
        msgspec.structs.replace(row, speed_kmh=row.speed_kmh + 1) if row.profile == "car" else row
        for row in pack.speeds
    ]
    changed = msgspec.structs.replace(pack, speeds=tuple(faster))
    keys.add(input_digest(changed, "car"))
    assert input_digest(changed, "ambulance") == input_digest(pack, "ambulance")
    folder = Path(shutil.copytree(pack.folder, tmp_path / "city"))
    with (folder / "roads.osm.pbf").open("ab") as file:
        file.write(b"\0")
    keys.add(input_digest(msgspec.structs.replace(pack, folder=folder), "car"))
    assert len(keys) == 5


def test_nothing_is_left_beside_the_stored_file(pack: CityPack, tmp_path: Path) -> None:
    """Half-written files would pile up in the data folder."""
    write_network(build_network(pack, "boat"), tmp_path / "deep" / "one.npz")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.npz"]


def test_boats_without_a_speed_are_refused(pack: CityPack) -> None:
    """A pack with boats must say how fast they are."""
    slow = tuple([row for row in pack.speeds if row.profile != "boat"])
    with pytest.raises(ValueError, match="no speed on water"):
        build_network(msgspec.structs.replace(pack, speeds=slow), "boat")
