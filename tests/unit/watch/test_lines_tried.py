"""By which lines test calls come, and which settings cannot be."""

from pathlib import Path

import pytest

from tahuri.settings import Settings, SettingsError, Trunk, checked
from tahuri.testlines import EDGE, TestLine, edges, own_addresses, source_for
from tahuri.testlines import test_lines as lines_of
from tahuri.testlines import test_numbers as numbers_of


def settings(tmp_path: Path, **changes: object) -> Settings:
    return Settings(data=str(tmp_path), **changes)  # type: ignore[arg-type]


def test_our_edge_is_always_tried_and_a_trunk_where_its_far_end_calls_back(tmp_path: Path) -> None:
    """A trunk that sends no number back to us cannot be tried, and is not said to be."""
    trunks = (
        Trunk(name="a", sources=("192.0.2.1",), host="192.0.2.1:5070", test_call_to="0911990"),
        Trunk(name="b", sources=("192.0.2.2",), host="192.0.2.2"),
    )
    made = settings(tmp_path, trunks=trunks, test_number="119900", sip_address="0.0.0.0")
    edge, line = lines_of(made)
    assert (edge.name, edge.target, edge.host, edge.port) == (
        EDGE, "urn:service:test.sos", "127.0.0.1", 5060,
    )  # fmt: skip
    assert (line.name, line.target) == ("a", "sip:0911990@192.0.2.1")
    assert (line.host, line.port) == ("192.0.2.1", 5070)
    assert numbers_of(made) == ["0911990", "119900"]
    assert own_addresses(settings(tmp_path, sip_address="192.0.2.9")) == ["192.0.2.9"]


@pytest.mark.parametrize(
    ("first", "other", "lines"),
    [
        ("0.0.0.0", "::", {"edge-ipv4": "127.0.0.1", "edge-ipv6": "::1"}),
        ("2001:DB8:0::7", "192.0.2.7", {"edge-ipv6": "2001:db8::7", "edge-ipv4": "192.0.2.7"}),
        ("2001:DB8:0::7", None, {"edge": "2001:db8::7"}),
    ],
)
def test_each_address_that_we_listen_at_is_a_line_of_its_own(
    tmp_path: Path, first: str, other: str | None, lines: dict[str, str]
) -> None:
    """Callers of one family are lost while those of the other get in: one call tells nothing of
    both.  An address is written as the switch sees it."""
    made = settings(tmp_path, sip_address=first, sip_other_address=other)
    assert edges(made) == lines
    tried = {line.name: (line.host, source_for(made, line)) for line in lines_of(made)}
    assert tried == {name: (own, own) for name, own in lines.items()}


def test_a_test_call_goes_out_by_the_address_of_its_lines_family(tmp_path: Path) -> None:
    """A robot that cannot reach an IPv6 trunk would tell of a dead line that is well."""
    both = {"sip_other_address": "::1", "media_other_address": "2001:db8::9"}
    made = settings(tmp_path, media_address="192.0.2.9", **both)
    sources = {
        host: source_for(made, TestLine("a", "sip:1@a", host, 5060))
        for host in ("127.0.0.1", "192.0.2.1", "2001:db8::1", "::1")
    }
    assert sources == {
        "127.0.0.1": "127.0.0.1",
        "192.0.2.1": "192.0.2.9",
        "2001:db8::1": "2001:db8::9",
        "::1": "::1",
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"test_number": "one"}, "test_number"),
        ({"test_call_every_s": 5.0}, "test_call_every_s"),
        ({"test_calls_max": 0}, "test_calls_max"),
        ({"test_call_s": 0.0}, "test_call_s"),
        ({"limit_percent_max": 5.0}, "limit_percent_max"),
        ({"recordings_copy": "relative"}, "recordings_copy"),
        ({"recording_days": {"normal": 364}}, "recording_days"),
        ({"recording_days": {"pranks": 30}}, "recording_days"),
        ({"recording_days": {"prank": 0}}, "recording_days"),
        ({"trunks": (Trunk(name="a", sources=("192.0.2.1",), test_call_to="119"),)},
         "trunks[a].host"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    """Nobody should learn at night that evidence of last year was erased by a slip."""
    with pytest.raises(SettingsError) as caught:
        checked(settings(tmp_path, **changes))
    assert any(problem.startswith(named) for problem in caught.value.problems)


def test_a_copy_inside_the_data_folder_is_no_copy(tmp_path: Path) -> None:
    """The same disk dies with it."""
    with pytest.raises(SettingsError, match="recordings_copy"):
        checked(settings(tmp_path, recordings_copy=str(tmp_path / "copy")))
