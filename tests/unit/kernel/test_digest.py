"""The chain's digest: the same before and after PostgreSQL's jsonb, different for any change."""

from decimal import Decimal
from typing import Any

import msgspec
from facts import at, fact
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tahuri.calls.events import CallClass, CallClassified, RecordingClosed
from tahuri.kernel.digest import canonical, fact_digest, personal_digest
from tahuri.kernel.event import StreamId, stored
from tahuri.kernel.ids import RecordingId

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
NUMBER = st.integers(-(1 << 53), 1 << 53) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def through_jsonb(value: Any) -> Any:
    """What PostgreSQL gives back: numbers as plain decimals, keys in another order.

    ``tests/db/test_digest_jsonb.py`` asks a real PostgreSQL the same.
    """
    match value:
        case float():
            text = format(Decimal(msgspec.json.encode(value).decode()), "f")
            return msgspec.json.decode(text.removeprefix("-") if value == 0 else text)
        case dict():
            shuffled = sorted(value, key=lambda name: (len(name), name))
            return {name: through_jsonb(value[name]) for name in shuffled}
        case list():
            return [through_jsonb(inner) for inner in value]
        case _:
            return value


@given(VALUE)
def test_a_value_has_the_same_bytes_after_the_database(value: Any) -> None:
    """A trunk that says a radius of 1e300 m must not make an honest log look forged."""
    assert canonical(through_jsonb(value)) == canonical(value)


@given(st.dictionaries(TEXT, VALUE, min_size=1, max_size=4), st.binary(min_size=16, max_size=16))
def test_the_digest_of_erasable_text_survives_the_database(
    body: dict[str, Any], salt: bytes
) -> None:
    """What a caller said is proved by its digest as long as it is kept."""
    assert personal_digest(salt, through_jsonb(body)) == personal_digest(salt, body)


def test_the_digest_of_erasable_text_needs_its_salt() -> None:
    """Numbers are few: without the salt, which goes with the text, a digest finds nobody."""
    body = {"number": "+620000000001"}
    assert personal_digest(b"a" * 16, body) != personal_digest(b"b" * 16, body)


EVENT = CallClassified(call_class=CallClass.NORMAL)
FACT = fact(EVENT)


def test_any_change_to_a_fact_changes_its_digest() -> None:
    """Who, when, what, where and why are all proved, not only the words."""
    changed = [
        replace(FACT, seq=2),
        replace(FACT, stream=StreamId("call", "C2")),
        replace(FACT, version=2),
        replace(FACT, at=at(0.000001)),
        replace(FACT, recorded_at=at(0.000001)),
        replace(FACT, actor="another"),
        replace(FACT, command="another"),
        replace(FACT, personal={"P1": "00"}),
        replace(
            FACT,
            event=RecordingClosed(
                recording_id=RecordingId("R1"), sha256="", duration_s=0.5, bytes=1
            ),
        ),
    ]
    body = stored(EVENT)[1]
    digests = {fact_digest(b"", "81.71", one, body) for one in [FACT, *changed]}
    digests |= {
        fact_digest(b"before", "81.71", FACT, body),
        fact_digest(b"", "99.99", FACT, body),
        fact_digest(b"", "81.71", FACT, {"call_class": "prank"}),
    }
    assert len(digests) == len(changed) + 4
    assert {len(one) for one in digests} == {32}


def test_the_chain_does_not_move_between_versions() -> None:
    """Digests were printed on case sheets: the way they are made can never change."""
    assert canonical({"b": [1, 2.5, None, "é"], "a": {"z": True, "y": 1e16}}) == (
        '{"a":{"y":10000000000000000,"z":true},"b":[1,2.5,null,"é"]}'.encode()
    )
    assert fact_digest(b"", "81.71", FACT, stored(EVENT)[1]).hex() == (
        "6944fd1dc08efc97ac0622ec57489be7b45403dcdd04ac99db97661f0b893304"
    )
