"""Who sees what of the feed.  Pure: a row, less of it, or a tombstone."""

from collections.abc import Iterable
from typing import Any

from tahuri.kernel.feed import FeedRow, Sees
from tahuri.kernel.http import SignedOn
from tahuri.kernel.roles import Role

ROOM = frozenset({Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR})
"""Work in the room: see everything."""


def _hidden(row: FeedRow) -> FeedRow:
    return FeedRow(row.view, row.key, row.seq, None, {})


def _anonymous(row: FeedRow) -> FeedRow:
    return FeedRow(row.view, row.key, row.seq, row.body, {})


def _concerns_agency(body: dict[str, Any], agency_id: str | None, units: frozenset[str]) -> bool:
    assigned = {unit["unit_id"] for unit in body.get("units", ())}
    return agency_id in body.get("notify", ()) or bool(assigned & units)


def _concerns_units(body: dict[str, Any], own: set[str]) -> bool:
    return any(
        unit["unit_id"] in own and unit.get("released_at") is None for unit in body.get("units", ())
    )


def sees(person: SignedOn, agency_of: dict[str, str], crewed: Iterable[str] = ()) -> Sees:
    """What this person may see of a row; one for each reader, it follows the rows it is given.

    A crew sees the incidents of the units it is signed on to: unit rows come before the incident
    rows of the same seq.  An agency's desk sees the calls that it has or had last, and the
    incidents that it opened, beside those of its agency.

    Args:
        agency_of: unit → agency, from the city pack.
        crewed: units the person is signed on to when it begins: a reader that resumes is not sent
            its unit again.
    """
    roles = frozenset(person.roles)
    if roles & ROOM:
        return lambda row: row
    own_units = frozenset(unit for unit, agency in agency_of.items() if agency == person.agency_id)
    own = set(crewed)

    def is_own(body: dict[str, Any], field: str) -> bool:
        return Role.AGENCY_DESK in roles and body.get(field) == person.operator_id

    def concerns(body: dict[str, Any]) -> bool:
        if Role.AGENCY_DESK in roles and _concerns_agency(body, person.agency_id, own_units):
            return True
        if is_own(body, "opened_by"):
            return True
        return Role.CREW in roles and _concerns_units(body, own)

    def limited(row: FeedRow) -> FeedRow:
        if row.body is None:
            return row
        match row.view:
            case "unit":
                if person.operator_id in row.body.get("operators", ()):
                    own.add(row.key)
                else:
                    own.discard(row.key)
                return row
            case "trunk" if Role.ADMINISTRATOR in roles:
                return row
            case "seat" if Role.ADMINISTRATOR in roles:
                return _anonymous(row)
            case "call" if is_own(row.body, "operator_id"):
                return row
            case "incident" if concerns(row.body):
                return row
            case _:
                return _hidden(row)

    return limited


def reader_name(person: SignedOn, stream: str) -> str:
    """Equal for readers who see the same, so that they share what was encoded.

    Args:
        stream: names this one reader; what crews see depends on what went before.
    """
    if frozenset(person.roles) & ROOM:
        return "room"
    if Role.CREW in person.roles:
        return f"crew {stream}"
    if Role.AGENCY_DESK in person.roles:
        return f"desk {person.operator_id} {sorted(person.roles)} {person.agency_id}"
    return f"{sorted(person.roles)} {person.agency_id}"
