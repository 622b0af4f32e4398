"""``tahuri COMMAND``: the only place besides ``app`` where parts are put together."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tahuri.kernel.roles import Role
from tahuri.settings import Settings, SettingsError, load

DEMO_CITY = "ambon"


def say(line: str) -> None:
    """Progress, for a person."""
    print(f"· {line}", flush=True)


def _settings(args: argparse.Namespace) -> Settings:
    named = args.settings or os.environ.get("TAHURI_SETTINGS")
    return load(Path(named) if named else None, os.environ, data=args.data)


async def demo(args: argparse.Namespace) -> int:
    """A whole centre with accounts, callers, crews and a robot seat, on loopback."""
    from tahuri import demo as parts
    from tahuri.city.pack import load_pack, pack_folder
    from tahuri.up import Running, run

    data = Path(args.data or "data/demo").absolute()
    everyone = (
        *parts.ACCOUNTS,
        parts.PHONE,
        parts.ROBOT,
        *parts.crew_accounts(load_pack(pack_folder(DEMO_CITY))),
    )
    known = parts.passwords(data, everyone)
    settings = parts.demo_settings(data, args.http, args.sip, known, callers=not args.no_callers)
    options = parts.DemoOptions(
        callers=not args.no_callers,
        crews=not args.no_crews,
        robot_seat=not args.no_robot_seat,
        seed=args.seed,
        speed=args.speed,
    )

    async def before(running: Running) -> dict[str, tuple[str, str]]:
        made = await parts.make_accounts(running, everyone, known)
        return {seat.seat_id: made[seat.account] for seat in settings.sip_seats}

    async def after(running: Running) -> None:
        if options.callers or options.crews or options.robot_seat:
            await parts.start_city(running, known, options)
        parts.write_description(running, known)
        running.on_pids = lambda: parts.write_description(running, known)
        say(f"ready: open {settings.url}   dial sip:112@{settings.sip_address}:{settings.sip_port}")
        say(f"accounts and ports: {data / 'demo.json'}   stop with Ctrl+C")

    def locked() -> None:  # of an earlier run: who waits for it must not read old ports
        (data / "demo.json").unlink(missing_ok=True)

    return await run(settings, say, before=before, after=after, locked=locked)


async def up(args: argparse.Namespace) -> int:
    """A centre for production: no demo accounts; settings from file and environment."""
    from tahuri.host.certificate import fingerprint
    from tahuri.operators import queries
    from tahuri.told import answering
    from tahuri.up import Running, run

    settings = _settings(args)

    async def before(running: Running) -> dict[str, tuple[str, str]]:
        from tahuri.kernel.db import Database

        database = Database(running.centre.database_url, running.centre.pack.city.code)
        await database.open()
        try:
            accounts = await queries.accounts(database)
        finally:
            await database.close()
        if not accounts:
            say("nobody can sign in yet: run ./tahuri account add --role administrator NAME")
        return answering(settings.sip_seats, accounts, say)

    async def after(running: Running) -> None:
        say(f"calls can be taken: {settings.url}   stop with Ctrl+C")
        if settings.own_authority:
            root = running.centre.root_certificate
            say(f"consoles must trust once: {settings.url}/root.pem ({root})")
            say(f"its SHA-256 fingerprint: {fingerprint(root)}")

    return await run(settings, say, before=before, after=after)


async def account_add(args: argparse.Namespace) -> int:
    """Makes an account; asks for the password, or reads it from standard input."""
    from tahuri.app import VIEWS
    from tahuri.centre import Centre
    from tahuri.kernel import clock
    from tahuri.kernel.log import Writing, writing
    from tahuri.kernel.mint import new_id
    from tahuri.kernel.refusal import Invalid
    from tahuri.offline import opened
    from tahuri.operators.accounts import make_account, strangers

    settings = _settings(args)
    wrong = strangers(Centre.load(settings).pack, args.agency, args.unit)
    if wrong:
        print(f"not made: {Invalid.of(wrong)}", file=sys.stderr)
        return 1
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    async with opened(settings, say, make=True) as database:
        write = Writing(actor="command line", command=new_id(), now=clock.now())
        try:
            async with writing(database, VIEWS, write) as log:
                await make_account(
                    log,
                    username=args.username,
                    name=args.name or args.username,
                    password=password,
                    roles=tuple(Role(role) for role in args.role),
                    agency_id=args.agency,
                    unit_id=args.unit,
                )
        except Invalid as error:
            print(f"not made: {error}", file=sys.stderr)
            return 1
    say(f"account {args.username} made")
    return 0


async def log_verify(args: argparse.Namespace) -> int:
    """Recomputes the digest chain, the sequence and every row; exits 1 at the first fault."""
    from tahuri.app import VIEWS
    from tahuri.kernel.verify import verify
    from tahuri.offline import opened

    async with opened(_settings(args), lambda _: None) as database:
        verdict = await verify(database, VIEWS)
    if verdict.fault is not None:
        print(f"{verdict.seq} facts are proved, then: {verdict.fault}")
        return 1
    print(f"{verdict.seq}")
    return 0


async def log_rebuild(args: argparse.Namespace) -> int:
    """Folds every row again from the facts and stores it."""
    from tahuri.app import VIEWS
    from tahuri.kernel.verify import rebuild
    from tahuri.offline import opened

    async with opened(_settings(args), say) as database:
        print(f"{await rebuild(database, VIEWS)} rows")
    return 0


async def log_export(args: argparse.Namespace) -> int:
    """Writes every fact as one JSON line; erasable rows only with ``--personal``."""
    import tahuri.app  # noqa: F401  every event must be known
    from tahuri.kernel.export import lines
    from tahuri.offline import opened

    async with opened(_settings(args), lambda _: None) as database:
        async for line in lines(database, with_personal=args.personal):
            sys.stdout.buffer.write(line)
    return 0


async def recordings_verify(args: argparse.Namespace) -> int:
    """Checks an exported ZIP of recordings against its own proof; needs no centre; 1 at a fault."""
    import tahuri.app  # noqa: F401  every event must be known
    from tahuri.calls.export import zip_faults

    faults = await asyncio.to_thread(zip_faults, Path(args.file))
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{args.file}: every recording and every fact is what was recorded")
    return 1 if faults else 0


async def doctor(args: argparse.Namespace) -> int:
    """Looks at machine, settings, database, ports and parts; says what to do about each fault."""
    from tahuri.doctor import examine

    return await examine(_settings(args))


async def drain(args: argparse.Namespace) -> int:
    """Sends new calls to the other nodes, so that this one can be stopped without losing any."""
    from tahuri import drain as emptying
    from tahuri.host.folder import DataFolder

    settings = _settings(args)
    run = DataFolder(settings.folder).run
    if not (args.off or args.anyway) and emptying.alone(emptying.running(run, settings)):
        line = "this centre has no other node: new callers would be refused (503); --anyway does it"
        print(f"not drained: {line}", file=sys.stderr)
        return 1
    await emptying.drain(run / "switch.sock", say, on=not args.off, wait=args.wait)
    return 0


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help="data folder")
    parser.add_argument("--settings", metavar="FILE", help="settings (TOML)")


def _demo_options(one: argparse.ArgumentParser) -> None:
    one.add_argument("--http", type=int, metavar="PORT", help="port of the pages")
    one.add_argument("--sip", type=int, metavar="PORT", help="port for SIP")
    one.add_argument("--seed", type=int, default=1, help="of callers and crews")
    one.add_argument("--speed", type=float, default=6.0, help="of crews, times life")
    for what in ("callers", "crews", "robot-seat"):
        one.add_argument(f"--no-{what}", action="store_true", help=f"without {what}")


def parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    whole = argparse.ArgumentParser(prog="tahuri", description="Emergency call centre of a city")
    commands = whole.add_subparsers(dest="command", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], Awaitable[int]]
    ) -> argparse.ArgumentParser:
        text = (run.__doc__ or "").strip().split("\n")[0]
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        _data(one)
        return one

    _demo_options(command("demo", demo))
    command("up", up)
    command("doctor", doctor)
    emptied = command("drain", drain)
    emptied.add_argument("--wait", action="store_true", help="until no call is in hand")
    emptied.add_argument("--anyway", action="store_true", help="also where no other node is")
    emptied.add_argument("--off", action="store_true", help="take new calls again")
    log = commands.add_parser("log", help="the city's log").add_subparsers(
        dest="what", required=True
    )
    for name, run in (("verify", log_verify), ("rebuild", log_rebuild), ("export", log_export)):
        one = log.add_parser(name, help=(run.__doc__ or "").split("\n")[0])
        one.set_defaults(run=run)
        _data(one)
        if name == "export":
            one.add_argument("--personal", action="store_true", help="with names and numbers")
    recordings = commands.add_parser("recordings", help="exported recordings").add_subparsers(
        dest="what", required=True
    )
    check = recordings.add_parser("verify", help=(recordings_verify.__doc__ or "").split("\n")[0])
    check.set_defaults(run=recordings_verify)
    check.add_argument("file", help="the ZIP")
    account = commands.add_parser("account", help="accounts").add_subparsers(
        dest="what", required=True
    )
    add = account.add_parser("add", help=(account_add.__doc__ or "").split("\n")[0])
    add.set_defaults(run=account_add)
    _data(add)
    add.add_argument("username")
    add.add_argument("--name", help="as screens show it")
    roles = [role.value for role in Role]
    add.add_argument("--role", action="append", required=True, choices=roles)
    add.add_argument("--agency", help="agency of an agency desk")
    add.add_argument("--unit", help="unit of a crew")
    commands.add_parser("simulate", help="callers and crews against a running centre")
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit status."""
    import psycopg

    from tahuri.city.tables import PackFaulty
    from tahuri.kernel.refusal import Unavailable
    from tahuri.up import AlreadyRunning

    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["simulate"]:
        from tahuri.simulate.__main__ import main as run_simulate

        return run_simulate(given[1:])
    args = parser().parse_args(given)
    try:
        return int(asyncio.run(args.run(args)))
    except SettingsError as error:
        for problem in error.problems:
            print(f"setting {problem}", file=sys.stderr)
    except AlreadyRunning as error:
        print(f"already running on {error}", file=sys.stderr)
    except Unavailable as error:
        print(f"unavailable: {error}", file=sys.stderr)
    except PackFaulty as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    except (OSError, psycopg.Error) as error:
        print(f"cannot go on: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
