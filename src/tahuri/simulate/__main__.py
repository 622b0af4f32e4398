"""``tahuri simulate``: callers and crews against a running centre."""

import argparse
import asyncio
import contextlib
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from tahuri.city.pack import load_pack, pack_folder
from tahuri.host.logs import configure_logs
from tahuri.simulate.callers import Callers
from tahuri.simulate.crews import CrewAccount, Crews
from tahuri.simulate.desk import Desk
from tahuri.simulate.mix import DISTRICTS
from tahuri.simulate.robot import Robot
from tahuri.simulate.spots import spots_of
from tahuri.simulate.stories import Rates, Stream
from tahuri.simulate.tellings import load_book
from tahuri.simulate.town import Town
from tahuri.simulate.voice import Voice

ACCOUNTS = "who signs on (JSON, see docs/simulate.md)"
DESCRIPTION = "Callers and crews against a running centre on this machine, until told to stop."


class RobotAccount(Struct, frozen=True):
    """The robot's account, and its seat's."""

    username: str
    password: str
    sip_username: str
    sip_password: str


class Accounts(Struct, frozen=True):
    """The file given with ``--accounts`` (JSON)."""

    robot: RobotAccount
    crews: list[CrewAccount]


def parser() -> argparse.ArgumentParser:
    """The options."""
    one = argparse.ArgumentParser(prog="tahuri simulate", description=DESCRIPTION)
    one.add_argument("--http", required=True, metavar="URL", help="the centre's pages")
    one.add_argument("--sip", required=True, metavar="HOST:PORT", help="the centre's switch")
    one.add_argument("--accounts", required=True, type=Path, metavar="FILE", help=ACCOUNTS)
    one.add_argument(
        "--cache", type=Path, default=Path("data/cache"), metavar="DIR", help="speech, roads"
    )
    one.add_argument("--city", default="ambon", help="city pack")
    one.add_argument("--number", default="112", help="what callers dial")
    one.add_argument("--seed", type=int, default=1, help="same seed, same stories")
    one.add_argument("--calls-per-hour", type=float, default=60.0, metavar="N")
    one.add_argument("--noise-share", type=float, default=0.4, metavar="X", help="0 to 1")
    one.add_argument("--speed", type=float, default=6.0, metavar="X", help="of crews, times life")
    one.add_argument("--duration", type=float, metavar="S", help="stop after so many seconds")
    one.add_argument("--root", type=Path, metavar="FILE", help="root.pem of an HTTPS centre")
    one.add_argument(
        "--trunk-port", type=int, metavar="PORT", help="UDP port where callers are called back"
    )
    one.add_argument("--no-callers", action="store_true")
    one.add_argument("--no-crews", action="store_true")
    one.add_argument("--no-robot-seat", action="store_true")
    return one


async def run(args: argparse.Namespace) -> None:
    """Until it is cancelled."""
    accounts = msgspec.json.decode(args.accounts.read_bytes(), type=Accounts)
    pack = load_pack(pack_folder(args.city))
    trust = ssl.create_default_context(cafile=str(args.root)) if args.root else True
    room = Desk(args.http, accounts.robot.username, accounts.robot.password, trust)
    voice = Voice(args.cache)
    callers = Callers(args.sip, args.number, voice, room)
    await room.sign_in()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(room.watch())
            if not args.no_robot_seat:
                account = (accounts.robot.sip_username, accounts.robot.sip_password)
                group.create_task(Robot(args.sip, account, room, callers, voice).run())
            if not args.no_crews:
                chance = Random(args.seed + 1)  # noqa: S311
                crews = Crews(args.http, room, pack, args.cache, chance, args.speed, trust)
                group.create_task(crews.run(accounts.crews))
            if not args.no_callers:
                spots = await asyncio.to_thread(spots_of, pack, dict(DISTRICTS))
                priorities = {one.code: one.default_priority for one in pack.categories}
                rates = Rates(args.calls_per_hour, args.noise_share)
                seeded = Random(args.seed)  # noqa: S311
                stream = Stream(seeded, spots, load_book(), priorities, rates)
                group.create_task(callers.run(iter(stream)))
                if args.trunk_port is not None:
                    group.create_task(Town(callers.stories, voice).run(args.trunk_port))
    finally:
        await room.close()


async def until_told(args: argparse.Namespace) -> None:
    """Runs until SIGTERM or Ctrl+C; calls are hung up."""
    work = asyncio.ensure_future(run(args))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError, TimeoutError):
        async with asyncio.timeout(args.duration):
            await work


def main(argv: Sequence[str]) -> int:
    """Runs until told to stop; one JSON line for each story."""
    args = parser().parse_args(argv)
    configure_logs()
    asyncio.run(until_told(args))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
