"""Names of the things the log speaks of.  Pure: ids are minted in ``kernel.mint``."""

from typing import NewType

CityId = NewType("CityId", str)
CallId = NewType("CallId", str)
LegId = NewType("LegId", str)
IncidentId = NewType("IncidentId", str)
UnitId = NewType("UnitId", str)
AgencyId = NewType("AgencyId", str)
StationId = NewType("StationId", str)
SeatId = NewType("SeatId", str)
OperatorId = NewType("OperatorId", str)
RecordingId = NewType("RecordingId", str)
PersonalId = NewType("PersonalId", str)
"""Key of an erasable row: a number, a name, an address or free text never stands in a fact."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that an id can be read out over a radio."""


def encoded_id(at_ms: int, chance: int) -> str:
    """26 characters that sort by time: 48 bits of Unix milliseconds, then 80 bits of chance.

    Raises:
        ValueError: ``at_ms`` outside 48 bits or ``chance`` outside 80 bits.

    Source: layout of ULID (github.com/ulid/spec).
    """
    if not 0 <= at_ms < 1 << 48 or not 0 <= chance < 1 << 80:
        raise ValueError("an id takes 48 bits of milliseconds and 80 bits of chance")
    value = at_ms << 80 | chance
    return "".join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
