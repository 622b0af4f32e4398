"""The ladders of the documentation are what is on the wire."""

import os
import socket
from pathlib import Path

import pytest
from ladders import SCENARIOS
from wire_tap import by_pair

PAGE = Path(__file__).parents[2] / "docs" / "telephony" / "ladders.md"


def may_capture() -> bool:
    """Whether this process may read packets of loopback."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError:
        return False
    return True


def on_the_page(name: str) -> str:
    """The ladder that the page shows."""
    _, _, rest = PAGE.read_text().partition(f"## {SCENARIOS[name].title}\n")
    return rest.partition("```text\n")[2].partition("\n```")[0]


@pytest.mark.skipif(
    not may_capture() and not os.environ.get("CI"), reason="no right to capture packets"
)
@pytest.mark.parametrize("name", ["answered", "early", "refused-room"])
async def test_a_ladder_drawn_again_is_the_same(name: str, tmp_path: Path) -> None:
    """Given the page; when the call is made and captured anew; then each pair of ends says the same
    in the same order."""
    again = await SCENARIOS[name].run(tmp_path)
    shown = on_the_page(name)
    assert shown.splitlines()[0] == again.splitlines()[0]
    assert by_pair(shown) == by_pair(again)


def test_every_ladder_stands_on_the_page() -> None:
    """A ladder that was added must be drawn."""
    assert all(
        on_the_page(name).count("INVITE") + on_the_page(name).count("REFER") for name in SCENARIOS
    )
