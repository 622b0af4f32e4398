"""Whose calls were refused: what an engineer looks at when a carrier says that all is well."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from switch_bench import ADDRESS, bench, until

from tahuri.telephony.switch import views
from tahuri.telephony.switch.edge.turnedaway import KEPT_MAX, TurnedAway

NOW = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


async def test_a_carrier_that_calls_from_a_new_address_is_seen(tmp_path: Path) -> None:
    """Its OPTIONS are answered and its calls refused: without the address nobody finds out why."""
    trunk = {"name": "telkom", "sources": ["192.0.2.0/28"]}
    async with bench(tmp_path, trunks=[trunk]) as one:
        for _ in range(2):
            with pytest.raises(Exception, match="SIP 403"):
                await one.call()
        await until(lambda: views.snapshot(one.switch.core).refused)
        [row] = views.snapshot(one.switch.core).refused
        assert (row.source, row.trunk) == (ADDRESS, None)
        assert (row.status, row.reason, row.count) == (403, "not-allowed", 2)


async def test_a_call_of_a_trunk_that_is_refused_names_the_trunk(tmp_path: Path) -> None:
    """Sound that we do not take, or no room: that is between the carrier and us."""
    async with bench(tmp_path) as one:
        one.media.refuse["open_rtp"] = "ports-exhausted"
        with pytest.raises(Exception, match="SIP 503"):
            await one.call()
        [row] = views.snapshot(one.switch.core).refused
        assert row.trunk == one.switch.core.settings.trunks[0].name
        assert (row.source, row.status, row.reason) == (ADDRESS, 503, "ports-exhausted")


def test_a_flood_of_strangers_pushes_no_trunk_out() -> None:
    """Scanners try every open port; the carrier's one line must still be there in the morning."""
    away = TurnedAway()
    away.note("198.51.100.1", "telkom", 488, "unsupported-codec", NOW)
    for number in range(KEPT_MAX + 5):
        later = NOW + timedelta(seconds=number)
        away.note(f"203.0.113.{number}", None, 403, "not-allowed", later)
    rows = away.rows()
    assert len(rows) == KEPT_MAX
    assert rows[0].source == f"203.0.113.{KEPT_MAX + 4}"
    assert rows[-1].trunk == "telkom"


def test_when_only_trunks_are_left_the_oldest_goes() -> None:
    """Memory stays flat, whoever calls."""
    away = TurnedAway()
    for number in range(KEPT_MAX + 1):
        away.note(f"198.51.100.{number}", "telkom", 488, "unsupported-codec", NOW)
    assert [row.source for row in away.rows()][-1] == "198.51.100.1"
