"""Rows of views: how they begin, are loaded, and name what can be erased."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct, ValidationError

from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.view import Row, View, body_of


class Note(Struct, frozen=True):
    note: str | None


class CaseRow(Row, frozen=True):
    case_id: str
    caller: str | None = None
    notes: tuple[Note, ...] = ()
    of: dict[str, str] = msgspec.field(default_factory=dict)


def nothing(_: StreamId, __: Event) -> tuple[str, ...]:
    return ()


def same(row: Any, _: Fact) -> Any:
    return row


CASES = View("case", CaseRow, "case_id", nothing, same, ("caller", "notes[].note", "of.place"))


def test_a_row_names_what_can_be_erased_wherever_it_stands() -> None:
    """A console needs each name and note beside the row, an erasure must find each."""
    row = CaseRow(
        case_id="1", caller="P1", notes=(Note("P2"), Note(None), Note("P3")), of={"place": "P4"}
    )
    assert CASES.personal_ids(body_of(row)) == ["P1", "P2", "P3", "P4"]


@pytest.mark.parametrize(
    "body",
    [{}, {"caller": None, "notes": None, "of": None}, {"notes": [None, {}], "of": "text"}],
)
def test_a_row_that_names_nobody_is_no_fault(body: dict[str, Any]) -> None:
    """Withheld numbers are common; a row of an older version may lack the field."""
    assert CASES.personal_ids(body) == []


def test_a_row_comes_back_as_it_was_stored() -> None:
    """The next fact is folded onto the stored row, not onto a guess."""
    row = CaseRow(case_id="1", caller="P1", notes=(Note("P2"),))
    assert CASES.load(body_of(row)) == row
    assert CASES.new("7") == CaseRow(case_id="7")
    with pytest.raises(ValidationError):
        CASES.load({"caller": "P1"})
