"""The timeline of a case: its facts in order and in words.  Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tahuri.kernel.event import Fact, stored
from tahuri.reports.words import CODES, WORDS

Codes = Mapping[str, tuple[str, str]]
YES_NO = {True: ("ya", "yes"), False: ("tidak", "no")}
INSTEAD = ("diusulkan", "proposed:")
PROCESSES = {
    **dict.fromkeys(("work", "switch", "serve"), "sistem / system"),
    "caller": "penelepon / caller",
}
LATE_S = 5.0
"""A fact that reached the log later than this says so."""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a timeline."""

    seq: int
    at: datetime
    recorded_at: datetime
    late_s: float | None
    """Seconds between happening and record, where they matter."""
    type: str
    stream: str
    actor: str
    actor_name: str
    text_id: str
    text_en: str


def said(body: Mapping[str, Any] | None) -> str:
    """An erasable row in words; an erased one says so."""
    if body is None:
        return "[dihapus / erased]"
    parts: list[str] = []
    for name in ("label", "detail", "summary", "text", "number", "address", "access_notes"):
        value = body.get(name)
        if value:
            parts.append(str(value))
    if "lat" in body and "lon" in body:
        parts.append(f"({body['lat']:.5f}, {body['lon']:.5f})")
    if body.get("caller_name"):
        parts.append(f"– {body['caller_name']}")
    return " ".join(parts)


def _values(
    body: dict[str, Any], personal: Mapping[str, Any], codes: Codes, language: int
) -> dict[str, str]:
    values: dict[str, str] = defaultdict(str)

    def worded(code: object) -> str:
        return codes[code][language] if isinstance(code, str) and code in codes else str(code)

    for name, value in body.items():
        if isinstance(value, str) and value in personal:
            values[name] = said(personal[value])
        elif isinstance(value, bool):
            values[name] = YES_NO[value][language]
        elif isinstance(value, list | tuple):
            values[name] = " ".join(map(worded, value))
        elif value is not None:
            values[name] = worded(value)
    values["changes"] = ", ".join(f"{name} {text}" for name, text in values.items())
    if body.get("override_reason"):
        values["override"] = f" ({values['override_reason']}) {values['override_note']}".rstrip()
    target = body.get("to_seat_id") or (values["address"] if body.get("address") else "")
    values["target"] = f" → {target}" if target else ""
    if body.get("proposed_unit_id"):
        values["instead"] = f"; {INSTEAD[language]} {body['proposed_unit_id']}"
    return values


def entries(
    facts: Sequence[Fact],
    personal: Mapping[str, Any],
    names: Mapping[str, str],
    codes: Codes = CODES,
) -> list[Entry]:
    """Lines in the order in which things happened.

    Args:
        facts: of one case, from any of its streams.
        personal: erasable row → its body, None when erased.
        names: operator id → name.
        codes: code → (Indonesian, English); with the city pack's own.
    """
    lines = []
    for fact in sorted(facts, key=lambda one: (one.at, one.seq)):
        tag, body = stored(fact.event)
        in_id, in_en = WORDS.get(tag, (tag, tag))
        late_s = (fact.recorded_at - fact.at).total_seconds()
        lines.append(
            Entry(
                seq=fact.seq,
                at=fact.at,
                recorded_at=fact.recorded_at,
                late_s=round(late_s, 1) if late_s > LATE_S else None,
                type=tag,
                stream=str(fact.stream),
                actor=fact.actor,
                actor_name=names.get(fact.actor, PROCESSES.get(fact.actor, fact.actor)),
                text_id=in_id.format_map(_values(body, personal, codes, 0)).strip(),
                text_en=in_en.format_map(_values(body, personal, codes, 1)).strip(),
            )
        )
    return lines
