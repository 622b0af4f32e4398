"""The three ways in which no is said."""

import re
from pathlib import Path

import tahuri
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.refusals import Refusal


def test_a_refusal_carries_its_code_and_what_it_is_about() -> None:
    """The operator must be told which unit, not only that it was no."""
    refused = Refused(Refusal.UNIT_UNKNOWN, unit="DMK-01")
    assert (refused.code, refused.context) == ("unit-unknown", {"unit": "DMK-01"})
    assert str(refused) == "unit-unknown"


def test_a_part_that_is_down_is_named() -> None:
    """Who is called at night must know what to look at."""
    assert str(Unavailable("switch", "no answer")) == "switch: no answer"
    assert str(Unavailable("switch")) == "switch"


def test_every_wrong_field_is_named_also_inside_others() -> None:
    """One round trip must be enough to mend a report."""
    invalid = Invalid.of({"place.lat": "outside", "priority": "1 to 4"})
    assert invalid.fields == {"place.lat": "outside", "priority": "1 to 4"}
    assert str(invalid) == "place.lat: outside; priority: 1 to 4"
    assert str(Invalid(name="needed")) == "name: needed"


def test_every_code_is_said_somewhere() -> None:
    """A code that nobody says is a promise of the documentation that nobody keeps."""
    source = Path(tahuri.__file__).parent
    ours = "".join(file.read_text() for file in source.rglob("*.py"))
    said = set(re.findall(r"Refused\(\s*(?:Request)?Refusal\.(\w+)", ours))
    said_by_the_switch = set(re.findall(r'Failure\(\s*"([\w-]+)"', ours))
    silent = {code for code in Refusal if code.name not in said} - said_by_the_switch
    assert silent == set()
