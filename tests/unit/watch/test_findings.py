"""Findings are facts: opened, accepted, closed, each once."""

from facts import at, fact, row_after
from given import check

from tahuri.kernel.ids import PersonalId
from tahuri.watch.decider import FINDING, AcceptFinding, Mend, Report, grown
from tahuri.watch.events import FindingAccepted, FindingClosed, FindingOpened
from tahuri.watch.views import FINDINGS

OPENED = FindingOpened(code="recording-missing", about="d/C1.wav", numbers={"bytes": 5})
ACCEPTED = FindingAccepted(reason=PersonalId("P1"))
KEY = "recording-missing:d/C1.wav"
REPORT = Report("recording-missing", "d/C1.wav", {"bytes": 5})
ACCEPT = AcceptFinding(finding_id=KEY, reason="known")


def test_a_finding_opens_once_and_closes_once() -> None:
    """A look each minute must not fill the log."""
    check(FINDING, when=REPORT, then=[OPENED])
    check(FINDING, given=[OPENED], when=REPORT, then=[])
    check(FINDING, given=[OPENED], when=Mend(), then=[FindingClosed()])
    check(FINDING, when=Mend(), then=[])
    check(FINDING, given=[OPENED, FindingClosed()], when=REPORT, then=[OPENED])


def test_an_accepted_finding_stays_known_and_is_not_opened_again() -> None:
    """A recording that is lost for ever must not alarm for ever."""
    reason = (PersonalId("P1"),)
    check(FINDING, given=[OPENED], when=ACCEPT, knowing=reason, then=[ACCEPTED])
    check(FINDING, given=[OPENED, ACCEPTED], when=ACCEPT, knowing=reason, then=[])
    check(FINDING, given=[OPENED, ACCEPTED], when=REPORT, then=[])
    check(FINDING, given=[OPENED, ACCEPTED], when=Mend(), then=[FindingClosed()])


def test_the_row_tells_since_when_who_and_how_often() -> None:
    """The page and the auditor read the same."""
    stream = f"finding/{KEY}"
    facts = [
        fact(OPENED, stream=stream),
        fact(ACCEPTED, stream=stream, second=5, actor="chief"),
    ]
    row = row_after(FINDINGS, KEY, facts)
    assert (row.state, row.accepted_by, row.opened_at) == ("accepted", "chief", at(0))
    facts += [
        fact(FindingClosed(), stream=stream, second=9),
        fact(OPENED, stream=stream, second=20),
    ]
    again = row_after(FINDINGS, KEY, facts)
    assert (again.state, again.times, again.opened_at) == ("open", 2, at(20))
    assert (again.accepted_by, again.closed_at) == (None, None)


def test_a_difference_ages_only_without_a_break() -> None:
    """Given a difference that was gone for one look; then its age begins anew."""
    first = grown({}, {"a", "b"}, 10.0)
    second = grown(first, {"a"}, 70.0)
    assert second == {"a": 10.0}
    assert grown(second, {"a", "b"}, 130.0) == {"a": 10.0, "b": 130.0}
