"""The parts of facts that must be erasable."""

from typing import Literal

from msgspec import Struct


class Caller(Struct, frozen=True, kw_only=True):
    number: str | None
    display_name: str | None
    source: Literal["p-asserted-identity", "from"]


class Location(Struct, frozen=True, kw_only=True):
    """Where the network says the caller is; WGS 84, decimal degrees."""

    lat: float
    lon: float
    uncertainty_m: float | None = None
    method: str | None = None
    xml: str = ""
    """The PIDF-LO as it came."""


class Address(Struct, frozen=True, kw_only=True):
    address: str
