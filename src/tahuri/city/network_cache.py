"""Builds a profile's network from a pack, and keeps it until the pack changes."""

import hashlib
import os
import zipfile
from pathlib import Path

import msgspec
import numpy as np

from tahuri.city import geodata
from tahuri.city.network import Network, build
from tahuri.city.records import CityPack, Profile
from tahuri.city.water import build_water
from tahuri.city.ways import read_ways, speeds_of

BUILD_VERSION = "1"
"""Counts up when the same inputs give another network, so that no old cache is used."""


def input_digest(pack: CityPack, profile: Profile) -> str:
    """sha256, in hex, over all that a profile's network is made of."""
    digest = hashlib.sha256(f"{BUILD_VERSION} {profile}".encode())
    digest.update(msgspec.json.encode([row for row in pack.speeds if row.profile == profile]))
    if profile == "boat":
        digest.update(msgspec.json.encode(pack.city.bbox))
    source = geodata.LAND if profile == "boat" else geodata.ROADS
    digest.update((pack.folder / source).read_bytes())
    return digest.hexdigest()


def build_network(pack: CityPack, profile: Profile) -> Network:
    """The network from the pack's files; takes about two seconds for a city of 360,000.

    Raises:
        ValueError: the files cannot be read or nothing is open to the profile.
    """
    speeds = speeds_of(pack.speeds, profile)
    if profile != "boat":
        return build(read_ways(pack.folder / geodata.ROADS), profile, speeds)
    if "water" not in speeds:
        raise ValueError("speeds.csv gives boats no speed on water")
    land = geodata.read_areas(pack.folder, geodata.LAND, geodata.LAND_COLUMNS)
    return build_water(pack.city.bbox, land, speeds["water"])


def write_network(network: Network, path: Path) -> None:
    """Stores a network, whole or not at all.

    Raises:
        OSError: the disk is full or the folder may not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **msgspec.structs.asdict(network))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_network(path: Path) -> Network | None:
    """A stored network; None when there is none or the file is damaged: it is then built again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return Network(**{name: stored[name] for name in Network.__struct_fields__})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
