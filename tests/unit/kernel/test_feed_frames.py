"""Server-sent events, as browsers read them."""

import msgspec

from tahuri.kernel.db import Database
from tahuri.kernel.feed import Batch, Feed, FeedRow, sse


def test_a_frame_has_the_shape_that_browsers_read() -> None:
    """The id is where a console resumes after a cut."""
    assert sse("rows", b'{"seq":7}', 7) == b'id: 7\nevent: rows\ndata: {"seq":7}\n\n'
    assert sse("alive", b"{}") == b"event: alive\ndata: {}\n\n"
    assert sse("rows", b"{}", 0).startswith(b"id: 0\n")


def test_a_line_break_in_a_note_does_not_end_the_frame() -> None:
    """A frame ends at an empty line; JSON writes line breaks as letters."""
    row = FeedRow("call", "C1", 7, {"note": "one\n\ntwo"}, {})
    frame = sse("rows", msgspec.json.encode(row), 7)
    assert frame.count(b"\n\n") == 1


def feed() -> Feed:
    """A feed of a database that is never asked."""
    return Feed(Database("postgresql://unused", "81.71"), ())


def test_readers_with_other_rights_never_share_what_was_encoded() -> None:
    """A crew must not be handed the room's copy with a caller's number in it."""
    row = FeedRow("call", "C1", 7, {"caller": "P1"}, {"P1": {"number": "+620000000001"}})
    batch = Batch(0, 7, (row,))
    hub = feed()
    room = hub.encoded(batch, lambda one: one, "room")
    crew = hub.encoded(batch, lambda one: FeedRow(one.view, one.key, one.seq, None, {}), "crew")
    assert b"+620000000001" in room
    assert b"+620000000001" not in crew
    assert b'"body":null' in crew


def test_one_change_is_encoded_once_for_a_whole_room() -> None:
    """Fifty consoles must not cost fifty times the work."""
    hub = feed()
    batch = Batch(0, 7, (FeedRow("call", "C1", 7, {}, {}),))
    asked: list[FeedRow] = []

    def seen(row: FeedRow) -> FeedRow:
        asked.append(row)
        return row

    for _ in range(50):
        hub.encoded(batch, seen, "room")
    assert len(asked) == 1
