"""Which callers the log lets go first."""

from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from tahuri.calls.precedence import Precedences, advised
from tahuri.kernel.db import Database

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
WORTH = Precedences()
NUMBER = "+620000000001"
AMBON = {"lat": -3.6954, "lon": 128.1814}


async def row(db: Database, view: str, key: str, body: dict[str, object]) -> None:
    await db.run(
        "insert into view_rows (city_id, view, key, seq, body) values (%s, %s, %s, 1, %s)",
        (db.city_id, view, key, Jsonb(body)),
    )


async def personal(db: Database, key: str, kind: str, body: dict[str, object]) -> None:
    await db.run(
        "insert into personal (city_id, personal_id, kind, body, salt, stored_at) "
        "values (%s, %s, %s, %s, %s, %s)",
        (db.city_id, key, kind, Jsonb(body), b"0" * 16, NOW),
    )


async def call(db: Database, key: str, number: str, **body: object) -> None:
    await personal(db, f"P{key}", "caller", {"number": number})
    await row(db, "call", key, {"caller": f"P{key}", "incident_ids": [], **body})


async def test_a_caller_whom_another_trunk_spells_differently_goes_first(
    database: Database,
) -> None:
    """Given a call of 0812… given up; when +62812… calls; then it is the same caller."""
    lost = (NOW - timedelta(minutes=5)).isoformat()
    await call(database, "C1", "081234567890", outcome="abandoned", ended_at=lost)
    await call(database, "C2", "+6281234567890")
    await call(database, "C3", "+6281234567891")
    assert await advised(database, "C2", NOW, WORTH) == (2, "call-back")
    assert await advised(database, "C3", NOW, WORTH) is None


async def test_a_caller_whom_nobody_answered_goes_first(database: Database) -> None:
    """Given a call given up within the hour; when its number calls again; then it goes first; not
    after the hour, not once it was answered, and not another number."""
    lost = (NOW - timedelta(minutes=5)).isoformat()
    await call(database, "C1", NUMBER, outcome="abandoned", ended_at=lost)
    await call(database, "C2", NUMBER)
    await call(database, "C3", "+620000000002")
    assert await advised(database, "C2", NOW, WORTH) == (2, "call-back")
    assert await advised(database, "C2", NOW + timedelta(hours=1), WORTH) is None
    assert await advised(database, "C3", NOW, WORTH) is None
    assert await advised(database, "C2", NOW, Precedences(call_back=0)) is None
    await call(database, "C4", NUMBER, outcome="answered", ended_at=lost)
    await call(database, "C5", NUMBER)
    assert await advised(database, "C5", NOW, WORTH) is None


async def test_who_tells_of_an_open_incident_again_goes_first(database: Database) -> None:
    """By the number of an earlier call, or from beside it; not once it is closed."""
    await personal(database, "PL", "place", {**AMBON, "label": "x"})
    await row(database, "incident", "I1", {"state": "open", "place": "PL"})
    await call(database, "C1", NUMBER, incident_ids=["I1"], outcome="answered")
    await call(database, "C2", NUMBER)
    await personal(database, "PN", "location", {"lat": AMBON["lat"], "lon": AMBON["lon"] + 0.001})
    await call(database, "C3", "+620000000003", location="PN")
    await personal(database, "PF", "location", {"lat": AMBON["lat"], "lon": AMBON["lon"] + 0.01})
    await call(database, "C4", "+620000000004", location="PF")
    for key, found in (("C2", (1, "open-incident")), ("C3", (1, "open-incident")), ("C4", None)):
        assert await advised(database, key, NOW, WORTH) == found
    await database.run(
        "update view_rows set body = body || '{\"state\": \"closed\"}' where view = 'incident'"
    )
    assert await advised(database, "C2", NOW, WORTH) is None
    assert await advised(database, "C3", NOW, WORTH) is None
