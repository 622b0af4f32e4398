"""``/api/reference``: every list that a screen offers, from the city pack and our own tables."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tahuri.calls.events import CallClass
from tahuri.city.records import CityPack
from tahuri.dispatch.events import OverrideReason, StandDownReason
from tahuri.settings import Settings
from tahuri.units.states import MILESTONES, MOVES

NOT_READY_REASONS = ("break", "meal", "paperwork", "training", "technical", "wrap-up")
"""What an operator may choose; ``missed-offer`` is set by the switch."""


def _plain(rows: Any) -> Any:
    return msgspec.to_builtins(rows)


def reference(pack: CityPack, settings: Settings, operators: Mapping[str, str]) -> dict[str, Any]:
    """The lists, as sent.

    Args:
        operators: operator id → name to show.
    """
    facilities = _plain(pack.facilities)
    return {
        "city": {**_plain(pack.city), "pack_version": pack.version},
        "agencies": _plain(pack.agencies),
        "stations": _plain(pack.stations),
        "unit_kinds": _plain(pack.unit_kinds),
        "units": _plain(pack.units),
        "hospitals": _plain(pack.hospitals),
        "facilities": facilities,
        "categories": _plain(pack.categories),
        "hazards": _plain(pack.hazards),
        "dispositions": _plain(pack.dispositions),
        "call_classes": [str(one) for one in CallClass],
        "not_ready_reasons": list(NOT_READY_REASONS),
        "call_back_due_s": settings.call_back_due_s,
        "override_reasons": [str(one) for one in OverrideReason],
        "stand_down_reasons": [str(one) for one in StandDownReason],
        "unit_moves": {state: [str(one) for one in after] for state, after in MOVES.items()},
        "unit_milestones": {
            state: [str(one) for one in reached] for state, reached in MILESTONES.items()
        },
        "operators": dict(operators),
        "directory": sorted({*settings.directory, *(one.name for one in settings.gateways)}),
        "placeholders": any(facility["placeholder"] for facility in facilities),
    }
