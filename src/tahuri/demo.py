"""``tahuri demo``: a whole centre with accounts, a SIP phone's seat, callers, crews and a robot.

The accounts are made for this data folder alone; everything listens on loopback unless told
otherwise.  ``demo.json`` says where things are, for people and for programs.
"""

import secrets
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tahuri.app import VIEWS
from tahuri.city.records import CityPack
from tahuri.host.secretfile import write_secret
from tahuri.host.supervisor import Part, python
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.roles import Role
from tahuri.operators import queries
from tahuri.operators.accounts import make_account
from tahuri.settings import Settings, SipSeat, Trunk, checked
from tahuri.up import Running

Say = Callable[[str], None]

LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = ("0.0.0.0/0",)
"""A softphone on this machine may call from any of its addresses; others cannot reach loopback."""
CREW_UNIT = "PSC-01"
"""The unit that the demo's crew account drives; robots drive the others."""
DESK_AGENCY = "DAMKAR"


class DemoAccount(Struct, frozen=True):
    """An account of the demo."""

    key: str
    username: str
    name: str
    roles: tuple[Role, ...]
    agency_id: str | None = None
    unit_id: str | None = None


class DemoOptions(Struct, frozen=True):
    """What the command line asks for."""

    callers: bool = True
    crews: bool = True
    robot_seat: bool = True
    seed: int = 1
    speed: float = 6.0
    """How many times faster than life crews drive and work."""


R = Role
ACCOUNTS = (
    DemoAccount("call_taker", "penerima", "Penerima (demo)", (R.CALL_TAKER, R.DISPATCHER)),
    DemoAccount("dispatcher", "pengarah", "Pengarah (demo)", (R.DISPATCHER, R.CALL_TAKER)),
    DemoAccount(
        "supervisor", "supervisor", "Supervisor (demo)", (R.SUPERVISOR, R.DISPATCHER, R.CALL_TAKER)
    ),
    DemoAccount("agency_desk", "opd", "Petugas OPD (demo)", (R.AGENCY_DESK,), DESK_AGENCY),
    DemoAccount("crew", "regu", "Regu (demo)", (R.CREW,), None, CREW_UNIT),
    DemoAccount("administrator", "admin", "Administrator (demo)", (R.ADMINISTRATOR,)),
)
PHONE = DemoAccount("phone", "telepon", "Telepon SIP (demo)", (R.CALL_TAKER,))
ROBOT = DemoAccount("robot", "robot", "Robot peraga", (R.CALL_TAKER, R.DISPATCHER))


def crew_accounts(pack: CityPack) -> list[DemoAccount]:
    """One account for each unit that robots drive."""
    return [
        DemoAccount(
            f"crew-{unit.unit_id}",
            f"regu-{unit.unit_id.lower()}",
            f"Regu {unit.callsign} (peraga)",
            (R.CREW,),
            None,
            unit.unit_id,
        )
        for unit in pack.units
        if unit.unit_id != CREW_UNIT
    ]


def free_port(wanted: Iterable[int], kind: socket.SocketKind) -> int:
    """The first of the wanted loopback ports that is free, else any that is."""
    for port in (*wanted, 0):
        with socket.socket(socket.AF_INET, kind) as tried:
            try:
                tried.bind((LOOPBACK, port))
            except (OSError, OverflowError):
                continue
            return int(tried.getsockname()[1])
    raise OSError("no free port")


def passwords(data: Path, accounts: Iterable[DemoAccount]) -> dict[str, str]:
    """Made once for a data folder and kept, so that a second start goes on where it was.

    Raises:
        Unavailable: the file that keeps them is damaged.
    """
    file = data / "secrets" / "demo.json"
    try:
        kept = file.read_bytes() if file.exists() else b"{}"
        known = msgspec.json.decode(kept, type=dict[str, str])
    except msgspec.DecodeError as error:
        text = f"{file} is damaged: remove {data} to begin anew"
        raise Unavailable("demo", text) from error
    wanted = [account.key for account in accounts]
    if set(wanted) - set(known):
        known |= {key: secrets.token_urlsafe(12) for key in wanted if key not in known}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_secret(file, known)
    return known


def demo_settings(
    data: Path,
    http_port: int | None,
    sip_port: int | None,
    known: dict[str, str],
    callers: bool = False,
) -> Settings:
    """A centre on loopback; ports that are taken are replaced unless they were asked for.

    Args:
        callers: whether simulated callers are there, so that the centre may call them back itself.

    Raises:
        SettingsError: what was asked for cannot be.
    """
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    http = http_port or free_port([8112], tcp)
    sip = sip_port or free_port([5060, 5070], udp)
    town = f"{LOOPBACK}:{free_port([sip + 2], udp)}"
    settings = Settings(
        data=str(data),
        http_port=http,
        signalling_port=free_port([http + 1], tcp),
        sip_port=sip,
        webrtc_port=free_port([http + 2], udp),
        trunks=(
            # the town's telephones are there only while callers are simulated: nobody asks for them
            Trunk(name="demo", sources=EVERY_ADDRESS, host=town, out=True, options_every_s=0),
        ),
        call_back_automatic=callers,
        message_file="messages.jsonl",
        sip_seats=(
            SipSeat("T1", "telepon", known[PHONE.key], PHONE.username),
            SipSeat("R1", "robot", known[ROBOT.key], ROBOT.username, robot=True),
        ),
        directory={},
        demo=True,
    )
    return checked(settings)


async def make_accounts(
    running: Running, accounts: Iterable[DemoAccount], known: dict[str, str]
) -> dict[str, tuple[str, str]]:
    """Makes the accounts that are missing; user name → (operator id, name) of all."""
    centre = running.centre
    database = Database(centre.database_url, centre.pack.city.code)
    await database.open()
    try:
        found = {one.username: one.operator_id for one in await queries.accounts(database)}
        for account in accounts:
            if account.username in found:
                continue
            write = Writing(actor="demo", command=new_id(), now=clock.now())
            async with writing(database, VIEWS, write) as log:
                found[account.username] = await make_account(
                    log,
                    username=account.username,
                    name=account.name,
                    password=known[account.key],
                    roles=account.roles,
                    agency_id=account.agency_id,
                    unit_id=account.unit_id,
                )
        return {one.username: (found[one.username], one.name) for one in accounts}
    finally:
        await database.close()


def description(running: Running, known: dict[str, str]) -> dict[str, Any]:
    """``demo.json``."""
    settings = running.centre.settings
    return {
        "http": running.centre.settings.near_url,
        "sip": f"{settings.sip_address}:{settings.sip_port}",
        "accounts": {
            account.key: {"username": account.username, "password": known[account.key]}
            for account in ACCOUNTS
        },
        "sip_seat": {"username": PHONE.username, "password": known[PHONE.key]},
        "pids": running.pids,
    }


def write_description(running: Running, known: dict[str, str]) -> None:
    """Writes ``demo.json``, whole or not at all."""
    write_secret(running.centre.folder.root / "demo.json", description(running, known))


async def start_city(running: Running, known: dict[str, str], options: DemoOptions) -> None:
    """The synthetic city: callers over real SIP, crews over the real API, a robot seat."""
    centre = running.centre
    unit_crews = [
        {"username": one.username, "password": known[one.key], "unit_id": one.unit_id}
        for one in crew_accounts(centre.pack)
    ]
    accounts = {
        "robot": {
            "username": ROBOT.username,
            "password": known[ROBOT.key],
            "sip_username": "robot",
            "sip_password": known[ROBOT.key],
        },
        "crews": unit_crews,
    }
    file = centre.folder.secrets / "simulate.json"
    write_secret(file, accounts)
    settings = centre.settings
    command = python(
        "tahuri.simulate",
        "--http",
        running.centre.settings.near_url,
        "--sip",
        f"{settings.sip_address}:{settings.sip_port}",
        "--accounts",
        str(file),
        "--cache",
        str(centre.folder.cache),
        "--seed",
        str(options.seed),
        "--speed",
        str(options.speed),
    )
    command += ["--trunk-port", str(settings.trunks[0].host).rpartition(":")[2]]
    left_out = {
        "--no-callers": options.callers,
        "--no-crews": options.crews,
        "--no-robot-seat": options.robot_seat,
    }
    command += [flag for flag, wanted in left_out.items() if not wanted]
    await running.start(Part("simulate", command, signal.SIGTERM))
