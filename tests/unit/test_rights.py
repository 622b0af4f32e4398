"""Who sees what of the feed: each role and each view."""

from typing import Any

import pytest

from tahuri.kernel.feed import FeedRow
from tahuri.kernel.http import SignedOn
from tahuri.kernel.roles import Role
from tahuri.rights import reader_name, sees

AGENCY_OF = {"DMK-01": "DAMKAR", "DMK-02": "DAMKAR", "AMB-01": "PSC"}
NAMES: dict[str, Any] = {"P1": {"number": "+620000000001"}}


def row(view: str, key: str = "1", **body: Any) -> FeedRow:
    return FeedRow(view, key, 7, body, NAMES)


def person(*roles: Role, agency_id: str | None = None, unit_id: str | None = None) -> SignedOn:
    return SignedOn("O1", "Orang", roles, unit_id, agency_id)


def incident(*units: str, notify: tuple[str, ...] = (), released: str | None = None) -> FeedRow:
    listed = [{"unit_id": unit, "released_at": released} for unit in units]
    return row("incident", "I1", units=listed, notify=list(notify))


CREW = person(Role.CREW, agency_id="DAMKAR", unit_id="DMK-01")
DESK = person(Role.AGENCY_DESK, agency_id="DAMKAR")
ADMINISTRATOR = person(Role.ADMINISTRATOR)
ON_BOARD = row("unit", "DMK-01", operators=["O1"])
ON_SHORE = row("unit", "DMK-01", operators=[])


def shown(who: SignedOn, *rows: FeedRow) -> str:
    """How the last of the rows is shown: whole, without names, or hidden."""
    look = sees(who, AGENCY_OF)
    seen = [look(one) for one in rows][-1]
    last = rows[-1]
    assert (seen.view, seen.key, seen.seq) == (last.view, last.key, last.seq)
    if seen.body is None:
        assert seen.personal == {}
        return "hidden"
    assert seen.body == last.body
    return "whole" if seen.personal == NAMES else "nameless"


def test_a_crew_that_resumes_still_sees_its_incident() -> None:
    """After a dead spot only what changed is sent: the unit's own row is not among it."""
    assert sees(CREW, AGENCY_OF, ["DMK-01"])(incident("DMK-01")).body is not None
    assert sees(CREW, AGENCY_OF, ["DMK-01"])(incident("DMK-02")).body is None
    look = sees(CREW, AGENCY_OF, ["DMK-01"])
    look(ON_SHORE)
    assert look(incident("DMK-01")).body is None


@pytest.mark.parametrize("role", [Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR])
@pytest.mark.parametrize("view", ["call", "incident", "unit", "seat", "callback", "measure"])
def test_the_room_sees_everything(role: Role, view: str) -> None:
    """Who takes calls and sends units must not look for a row that is hidden."""
    assert shown(person(role), row(view)) == "whole"
    assert shown(person(role, Role.CREW), row(view)) == "whole"


@pytest.mark.parametrize(
    ("who", "view", "how"),
    [
        (CREW, "call", "hidden"),
        (CREW, "callback", "hidden"),
        (DESK, "callback", "hidden"),
        (ADMINISTRATOR, "callback", "hidden"),
        (CREW, "seat", "hidden"),
        (CREW, "unit", "whole"),
        (CREW, "something-new", "hidden"),
        (DESK, "call", "hidden"),
        (DESK, "measure", "hidden"),
        (DESK, "seat", "hidden"),
        (DESK, "unit", "whole"),
        (ADMINISTRATOR, "call", "hidden"),
        (ADMINISTRATOR, "seat", "nameless"),
        (ADMINISTRATOR, "unit", "whole"),
        (ADMINISTRATOR, "incident", "hidden"),
        (person(), "call", "hidden"),
    ],
)
def test_others_see_no_caller(who: SignedOn, view: str, how: str) -> None:
    """A caller's number is for those who answer it; a view that is new is hidden until decided."""
    assert shown(who, row(view)) == how


@pytest.mark.parametrize(
    ("told", "how"),
    [
        (incident("DMK-02"), "whole"),
        (incident("DMK-02", released="2026-11-23T03:00:00Z"), "whole"),
        (incident("AMB-01", notify=("DAMKAR",)), "whole"),
        (incident("AMB-01", notify=("PLN",)), "hidden"),
        (incident(), "hidden"),
    ],
)
def test_a_desk_sees_the_incidents_of_its_agency(told: FeedRow, how: str) -> None:
    """The fire station's desk prepares for what concerns it, and for nothing else."""
    assert shown(DESK, told) == how


def test_a_desk_sees_its_own_calls_and_what_it_opened_and_no_other() -> None:
    """Whoever picked up reads the caller's number back; another desk of the agency does not."""
    assert shown(DESK, row("call", operator_id="O1")) == "whole"
    assert shown(DESK, row("call", operator_id="O2")) == "hidden"
    assert shown(DESK, row("call", operator_id="O1"), row("call", operator_id="O2")) == "hidden"
    assert shown(CREW, row("call", operator_id="O1")) == "hidden"
    assert shown(ADMINISTRATOR, row("call", operator_id="O1")) == "hidden"
    own = row("incident", "I1", units=[], notify=[], opened_by="O1")
    foreign = row("incident", "I2", units=[], notify=[], opened_by="O2")
    assert (shown(DESK, own), shown(DESK, foreign)) == ("whole", "hidden")
    colleague = SignedOn("O2", "Lain", (Role.AGENCY_DESK,), None, "DAMKAR")
    assert reader_name(DESK, "1") != reader_name(colleague, "1")


def test_a_desk_without_an_agency_sees_no_incident() -> None:
    """An account that was made in haste must not open all cases."""
    assert shown(person(Role.AGENCY_DESK), incident("DMK-01", notify=("DAMKAR",))) == "hidden"


def test_a_crew_sees_the_incident_of_its_unit_while_it_is_on_it() -> None:
    """Place and notes go to who drives there, and are gone from the phone afterwards."""
    assert shown(CREW, ON_BOARD, incident("DMK-01")) == "whole"
    assert shown(CREW, ON_BOARD, incident("DMK-01", released="2026-11-23T03:00:00Z")) == "hidden"
    assert shown(CREW, ON_BOARD, incident("DMK-02", notify=("DAMKAR",))) == "hidden"


def test_a_crew_that_is_not_signed_on_sees_no_incident() -> None:
    """Going off duty ends the reading along."""
    assert shown(CREW, incident("DMK-01")) == "hidden"
    assert shown(CREW, ON_BOARD, ON_SHORE, incident("DMK-01")) == "hidden"


def test_who_holds_two_roles_sees_what_either_shows() -> None:
    """At night the desk drives along."""
    both = person(Role.AGENCY_DESK, Role.CREW, agency_id="PSC")
    assert shown(both, ON_BOARD, incident("DMK-01")) == "whole"
    assert shown(both, incident("AMB-01")) == "whole"


def test_a_row_that_is_gone_stays_gone() -> None:
    """A tombstone tells a screen to forget."""
    gone = FeedRow("incident", "I1", 7, None, {})
    assert sees(CREW, AGENCY_OF)(gone) is gone


def test_readers_share_what_was_encoded_only_with_the_same_rights() -> None:
    """Fifty consoles of the room cost one encoding; a crew's is its own."""
    room = {
        reader_name(person(role), stream)
        for role in (Role.CALL_TAKER, Role.SUPERVISOR)
        for stream in ("1", "2")
    }
    assert len(room) == 1
    assert reader_name(CREW, "1") not in room
    assert reader_name(CREW, "1") != reader_name(DESK, "1")
