"""PostgreSQL's jsonb gives a value back with the bytes that its digest was made of."""

from typing import Any

from psycopg.types.json import Jsonb

from tahuri.kernel.db import Database
from tahuri.kernel.digest import canonical

VALUES: list[Any] = [
    0.1, -0.0, 0.0, 1.0, 1e15, 9007199254740993.0, 1e16, -1.2345e22, 1e300, 1.7976931348623157e308,
    1e-7, 5e-324, 2**53, -(2**63), 128.1814, "é “→” \U0001f525", "\\u0000", "", True, None,
    {"b": 1, "aa": {"z": [], "y": {}}, "": -0.0}, [[1, 2.50, "x"], {"c": 1e21}],
]  # fmt: skip


async def test_every_value_comes_back_with_the_same_canonical_bytes(database: Database) -> None:
    """An honest log must verify, whatever number a trunk sends as the radius of a place."""
    for value in VALUES:
        record = await database.one("select %s::jsonb", (Jsonb({"kept": value}),))
        assert record is not None
        assert canonical(record[0]) == canonical({"kept": value})
