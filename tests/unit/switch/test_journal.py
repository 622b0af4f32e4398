"""The journal of a switch that is killed in the middle of a write."""

import errno
import os
import zlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.switch.journal import journal as journal_module
from tahuri.telephony.switch.journal.journal import Journal, Seats
from tahuri.telephony.switch.journal.reserve import JournalReserve
from tahuri.telephony.switch.model import Audio, Call

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def call(name: str, keys: int = 0) -> Call:
    """A call with so many keys pressed."""
    leg = Leg(
        name="l", call_id="c", local_tag="a", local="<sip:a@b>", remote="<sip:c@d>",
        target="sip:c@d", state="up", outgoing=False,
    )  # fmt: skip
    return Call(
        call_id=name, ended_id="E", trunk="telco", arrived_at=NOW, caller=None,
        number_status="none", location=None, leg=leg, keys=keys,
        audio=Audio(port=1, address="127.0.0.1", udp=4000),
    )  # fmt: skip


def test_the_last_whole_state_counts(tmp_path: Path) -> None:
    """Killed in the middle of a write, the state before it is taken up."""
    journal = Journal(tmp_path)
    for keys in range(3):
        journal.save_call(call("C1", keys))
    journal.save_call(call("C2"))
    journal.save_seats(Seats(media_instance="x"))
    path = tmp_path / "calls" / "C1.json"
    path.write_bytes(path.read_bytes()[:-9])
    again = Journal(tmp_path)
    assert [(one.call_id, one.keys) for one in again.load_calls()] == [("C1", 1), ("C2", 0)]
    assert again.load_seats().media_instance == "x"
    again.forget_call("C1")
    again.forget_call("C1")
    assert [one.call_id for one in again.load_calls()] == ["C2"]


def test_an_unreadable_call_does_not_hide_the_others(tmp_path: Path) -> None:
    """A bad block must cost one call, not all."""
    journal = Journal(tmp_path)
    assert journal.load_seats() == Seats()
    journal.save_call(call("C2"))
    (tmp_path / "calls" / "C1.json").write_bytes(b"rubbish")
    assert [one.call_id for one in journal.load_calls()] == ["C2"]
    assert [one.call_id for one in journal.load_calls()] == ["C2"]


def test_a_long_file_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of hours must not fill the disk."""
    monkeypatch.setattr(journal_module, "FILE_BYTES_MAX", 2000)
    journal = Journal(tmp_path)
    for keys in range(100):
        journal.save_call(call("C1", keys))
    assert (tmp_path / "calls" / "C1.json").stat().st_size < 4000
    assert journal.load_calls()[0].keys == 99


def test_a_disk_that_takes_half_a_line_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call goes on; the state before counts."""
    journal = Journal(tmp_path)
    journal.save_call(call("C1", 1))
    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, content: whole(file, content[:20]))
        journal.save_call(call("C1", 2))
    with monkeypatch.context() as patch:

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "full")

        patch.setattr(os, "write", full)
        journal.save_call(call("C1", 3))
    assert journal.failures == 2
    journal.save_call(call("C1", 4))
    assert Journal(tmp_path).load_calls()[0].keys == 4


def test_a_call_of_an_earlier_version_is_taken_up(tmp_path: Path) -> None:
    """An update in the middle of a call: fields that were not known then have their defaults."""
    journal = Journal(tmp_path)
    known = msgspec.to_builtins(call("C1"))
    for name in (
        "session", "expires_s", "refreshes", "session_due", "missed_since", "least_s", "updates",
        "timer", "wanted", "prack", "rseq", "rseqs", "early", "asked", "nat",
    ):  # fmt: skip
        del known["leg"][name]
    content = msgspec.json.encode(known)
    line = b"%08x %s" % (zlib.crc32(content), content)
    (tmp_path / "calls" / "C1.json").write_bytes(line)
    [found] = journal.load_calls()
    assert found == call("C1")


def test_a_journal_of_an_earlier_version_is_taken_up(tmp_path: Path) -> None:
    """Given calls written before there were lanes and silent calls; when a newer switch starts in
    the middle of them; then they go on, in the normal lane."""
    old = msgspec.to_builtins(call("C1"))
    for name in ("lane", "lane_due_s", "ghost"):
        del old[name]
    content = msgspec.json.encode(old)
    journal = Journal(tmp_path)
    line = b"\n%08x %s" % (zlib.crc32(content), content)
    (tmp_path / "calls" / "C1.json").write_bytes(line)
    (taken,) = journal.load_calls()
    assert (taken.lane, taken.slow, taken.ghost) == ("normal", False, None)
    assert journal.load_measures().measures == []


def refuse(*_: object) -> int:
    """A disk without a free block."""
    raise OSError(errno.ENOSPC, "full")


def reserved(folder: Path, size: int = 64 << 10) -> Journal:
    """A journal whose reserve is made."""
    journal = Journal(folder)
    journal.reserve.make(size)
    journal.reserve.open()
    return journal


def kept(folder: Path) -> list[tuple[str, int]]:
    """What the next process takes up."""
    return [(one.call_id, one.keys) for one in Journal(folder).load_calls()]


def test_a_full_disk_keeps_the_newest_state_of_each_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given calls from before and calls that come while the disk is full; then the next process
    takes up each as it was last, and none that is over; also when there is room again."""
    journal = reserved(tmp_path)
    journal.save_call(call("C1", 1))
    journal.save_call(call("C2", 1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        journal.save_call(call("C1", 2))
        journal.save_call(call("C3", 3))
        journal.save_call(call("C4", 4))
        journal.save_seats(Seats(media_instance="m"))
        journal.forget_call("C4")
        assert kept(tmp_path) == [("C1", 2), ("C2", 1), ("C3", 3)]
        assert Journal(tmp_path).load_seats().media_instance == "m"
        assert Journal(tmp_path).unreadable == []
    journal.save_call(call("C1", 5))
    journal.forget_call("C3")
    assert journal.reserve.states.keys() == {"seats.json"}
    assert kept(tmp_path) == [("C1", 5), ("C2", 1)]


def test_the_journal_of_a_disk_that_stays_full_ends_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two halves in turn: a day of calls fits, as long as those of one moment do; and whichever
    write a kill falls into, every call is as it was or as it was to be."""
    journal = reserved(tmp_path, 16 << 10)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        for keys in range(60):
            for name in ("C1", "C2", "C3"):
                journal.save_call(call(name, keys))
            assert kept(tmp_path) == [("C1", keys), ("C2", keys), ("C3", keys)]
        reserve = journal.reserve
        whole = os.pwrite
        for number in range(40):  # torn at a place that moves
            cut = number * 31
            patch.setattr(os, "pwrite", lambda file, one, at, cut=cut: whole(file, one[:cut], at))
            journal.save_call(call("C2", 100 + number))
            patch.setattr(os, "pwrite", whole)
            assert kept(tmp_path) == [("C1", 59), ("C2", 59), ("C3", 59)]
        assert reserve.states.keys() == {f"calls/C{number}.json" for number in (1, 2, 3)}
        journal.save_call(call("C2", 99))
        assert kept(tmp_path)[1] == ("C2", 99)


def test_a_journal_reserve_without_room_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    """The state before counts, as with the file."""
    reserve = JournalReserve(tmp_path / "reserve")
    assert reserve.missing
    with pytest.raises(OSError, match="no reserve"):
        reserve.put("calls/C1.json", b"{}")
    reserve.make(400)
    reserve.open()
    reserve.put("calls/C1.json", b"{}")
    with pytest.raises(OSError, match="used up"):
        reserve.put("calls/C1.json", b"x" * 300)
    with pytest.raises(OSError, match="used up"):
        reserve.put("calls/C2.json", b"x" * 300)
    assert reserve.states == {"calls/C1.json": b"{}"}
    reserve.close()
    assert JournalReserve(tmp_path / "reserve").states == {"calls/C1.json": b"{}"}
