"""The chain that makes the log tamper-evident.  Pure."""

from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from tahuri.kernel.event import Fact, stored

_canonical = msgspec.json.Encoder(order="deterministic")
EXPONENT_FROM = 1e16
"""From here on a float is written with an exponent, which ``jsonb`` gives back as an integer."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal bytes before and after PostgreSQL's ``jsonb``."""
    return _canonical.encode(_as_kept(msgspec.to_builtins(value)))


def _as_kept(value: Any) -> Any:
    """The value as ``jsonb`` gives it back: no negative zero, no exponents."""
    match value:
        case float() if value == 0:
            return 0.0
        case float() if abs(value) >= EXPONENT_FROM:
            return int(Decimal(repr(value)))
        case dict():
            return {name: _as_kept(inner) for name, inner in value.items()}
        case list():
            return [_as_kept(inner) for inner in value]
        case _:
            return value


def personal_digest(salt: bytes, body: dict[str, Any]) -> str:
    """What a fact remembers of an erasable row: 64 hex digits, no use without the salt."""
    return sha256(salt + canonical(body)).hexdigest()


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def fact_digest(previous: bytes, city_id: str, fact: Fact, body: dict[str, Any]) -> bytes:
    """32 bytes over the previous digest and everything that this fact says.

    Args:
        body: the event as stored, not as today's code would store it: fields may be added later.
    """
    tag, _ = stored(fact.event)
    said = [
        city_id,
        fact.seq,
        str(fact.stream),
        fact.version,
        tag,
        body,
        fact.actor,
        _instant(fact.at),
        _instant(fact.recorded_at),
        fact.command,
        fact.personal,
    ]
    return sha256(previous + canonical(said)).digest()
