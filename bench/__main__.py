"""``./tahuri bench [AREA] [--json FILE]``: measures, prints the table, writes the rows."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bench import (
    bursts,
    feed,
    log,
    positions,
    reattach,
    rereading,
    roads,
    soak,
    standing,
    telephony,
    web,
)
from bench.table import Figure, printed

MINUTES_MAX = 600

AREAS: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "log": log.measure,
    "roads": roads.measure,
    "positions": positions.measure,
    "feed": feed.measure,
    "telephony": telephony.measure,
    "recordings": rereading.measure,
    "reattach": reattach.measure,
    "soak": soak.measure,
    "web": web.measure,
}


def runs(minutes: float) -> dict[str, Callable[[], Awaitable[list[Figure]]]]:
    """Everything that can be asked for, by name.

    Args:
        minutes: how long bursts of calls last.
    """
    parts: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
        "telephony-media": telephony.measure,
        "telephony-standing": standing.measure,
        "telephony-bursts": lambda: bursts.measure(minutes),
        "telephony-bursts-browsers": lambda: bursts.measure(minutes, "browser"),
    }

    async def every() -> list[Figure]:
        return [figure for part in parts.values() for figure in await part()]

    return {**AREAS, "telephony": every, **parts}


async def measured(areas: list[str], minutes: float = bursts.MINUTES) -> list[Figure]:
    """Every figure of the areas, one area after the other."""
    found: list[Figure] = []
    known = runs(minutes)
    for number, area in enumerate(areas, 1):
        print(f"· {area} ({number} of {len(areas)})", file=sys.stderr, flush=True)
        found += await known[area]()
    return found


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.1 <= minutes <= MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"{text}: from 0.1 to {MINUTES_MAX}")
    return minutes


def main() -> int:
    """0 when every goal is met, 1 when one is missed: it is printed as missed."""
    parser = argparse.ArgumentParser(prog="tahuri bench", description=__doc__)
    parser.add_argument("area", nargs="?", choices=sorted(runs(0)), help="only this area")
    parser.add_argument(
        "--minutes",
        type=_minutes,
        default=bursts.MINUTES,
        help="how long telephony's bursts of calls last (10)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    args = parser.parse_args()
    figures = asyncio.run(measured([args.area] if args.area else list(AREAS), args.minutes))
    print(printed(figures))
    if args.json:
        rows = msgspec.json.encode([figure.row() for figure in figures])
        args.json.write_bytes(msgspec.json.format(rows, indent=1) + b"\n")
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
