"""``./tahuri bench [AREA] [--json FILE]``: measures, prints the table, writes the rows."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bench import feed, log, positions, reattach, roads, soak, telephony, web
from bench.table import Figure, printed

AREAS: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "log": log.measure,
    "roads": roads.measure,
    "positions": positions.measure,
    "feed": feed.measure,
    "telephony": telephony.measure,
    "reattach": reattach.measure,
    "soak": soak.measure,
    "web": web.measure,
}


async def measured(areas: list[str]) -> list[Figure]:
    """Every figure of the areas, one area after the other."""
    found: list[Figure] = []
    for number, area in enumerate(areas, 1):
        print(f"· {area} ({number} of {len(areas)})", file=sys.stderr, flush=True)
        found += await AREAS[area]()
    return found


def main() -> int:
    """0 when every goal is met, 1 when one is missed: it is printed as missed."""
    parser = argparse.ArgumentParser(prog="tahuri bench", description=__doc__)
    parser.add_argument("area", nargs="?", choices=sorted(AREAS), help="only this area")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    args = parser.parse_args()
    figures = asyncio.run(measured([args.area] if args.area else list(AREAS)))
    print(printed(figures))
    if args.json:
        rows = msgspec.json.encode([figure.row() for figure in figures])
        args.json.write_bytes(msgspec.json.format(rows, indent=1) + b"\n")
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
