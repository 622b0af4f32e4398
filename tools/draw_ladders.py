"""Draws ``docs/telephony/ladders.md`` from calls that are made and captured while it runs.

Run by hand as root (it captures on loopback) after changing the signalling: ``python
tools/draw_ladders.py [NAME …]`` prints the ladders named, without a name it writes the page.  A
test draws some of them again and compares.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "telephony")]

from ladders import SCENARIOS  # noqa: E402

FILE = ROOT / "docs" / "telephony" / "ladders.md"
HEAD = """# Ladders

What is on the wire, drawn by `tools/draw_ladders.py` from packets captured on loopback while the
real switch and media carry the call. Copies of a message are drawn once, REGISTER and OPTIONS left
out. Lines between different pairs may change places from run to run. `+ SDP`: with a session
description. A transfer, a party and media's death are drawn from the moment they begin.
"""


async def ladder(name: str) -> str:
    """One scenario, run and drawn.  Raises KeyError, PermissionError: no right to capture."""
    with tempfile.TemporaryDirectory(prefix="tahuri-ladder-") as folder:
        return await SCENARIOS[name].run(Path(folder))


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, scenario in SCENARIOS.items():
        print(f"· {name}", file=sys.stderr, flush=True)
        drawing = asyncio.run(ladder(name))
        parts.append(f"## {scenario.title}\n\n{scenario.says}\n\n```text\n{drawing}\n```\n")
    return "\n".join(parts)


def main(names: list[str]) -> int:
    """0 when everything was drawn; 2 for a name that does not exist."""
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"no ladder {', '.join(unknown)}; there are: {', '.join(SCENARIOS)}")
        return 2
    for name in names:
        print(asyncio.run(ladder(name)))
    if not names:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
