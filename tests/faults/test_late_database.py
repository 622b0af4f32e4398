"""A power cut after which the database's own machine is back later than the centre."""

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo import BUILT, Api, wait_for
from ports import UDP, free_port
from soundphone import SoundPhone
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres

PASSWORD = "kata sandi yang panjang"
CALLER_HZ, SEAT_HZ = 440.0, 880.0
READY_S, STOP_S = 120.0, 60.0


class OtherPostgres:
    """A PostgreSQL that is not the centre's."""

    def __init__(self, place: Path) -> None:
        self.folder = DataFolder(place)
        self.folder.make()
        self.server = EmbeddedPostgres(self.folder)
        self.server.prepare(lambda _: None)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder.log / "postgres.log").open("ab") as output:
            self.process = subprocess.Popen(
                self.server.command(),
                user=self.server.owner,
                cwd="/",
                stdout=output,
                stderr=output,
            )
        asyncio.run(self.server.ready())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_S)
            self.process = None


@dataclass
class City:
    """A centre with a database of the city's own."""

    place: Path
    postgres: OtherPostgres
    http_port: int
    sip_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def printed(self) -> str:
        """On the engineer's terminal, since the last start."""
        return (self.place / "terminal").read_text()

    def command(self, *words: str, said: str = "") -> None:
        command = [sys.executable, "-m", "tahuri.cli", *words]
        done = subprocess.run(
            [*command, "--settings", str(self.place / "centre.toml")],
            input=said, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, until: str) -> None:
        """``up``; comes back when it has printed that."""
        command = [sys.executable, "-m", "tahuri.cli", "up"]
        with (self.place / "terminal").open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--settings", str(self.place / "centre.toml")],
                stdout=output,
                stderr=output,
            )
        self.until(until)

    def until(self, text: str) -> None:
        process = self.process
        assert process is not None
        wait_for(lambda: text in self.printed or process.poll() is not None, READY_S)
        assert text in self.printed, self.printed

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(STOP_S) == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder through which PostgreSQL's own user may pass."""
    with tempfile.TemporaryDirectory(prefix="tahuri-late-") as made:
        yield Path(made)


@pytest.fixture
def city(place: Path) -> Iterator[City]:
    """A centre that was up once, with a SIP seat; it and its database are stopped."""
    postgres = OtherPostgres(place / "other")
    found = City(place, postgres, free_port(), free_port(UDP))
    data = place / "data"
    data.mkdir()
    if BUILT.exists():
        shutil.copytree(BUILT, data / "cache")
    (place / "centre.toml").write_text(
        f'data = "{data}"\ndatabase_url = "{postgres.server.url}"\n'
        f"http_port = {found.http_port}\nsignalling_port = {free_port()}\n"
        f"sip_port = {found.sip_port}\nwebrtc_port = {free_port(UDP)}\n"
        '[[trunks]]\nname = "telkom"\nsources = ["127.0.0.0/8"]\n'
        '[[sip_seats]]\nseat_id = "T1"\nusername = "t1"\npassword = "x y z"\n'
        'account = "penerima"\n'
    )
    try:
        postgres.start()
        for role, name in (("supervisor", "kepala"), ("call_taker", "penerima")):
            found.command("account", "add", "--role", role, name, said=PASSWORD)
        found.start("calls can be taken")
        found.stop()
        postgres.stop()
        yield found
    finally:
        found.stop()
        postgres.stop()


def ended(api: Api) -> list[dict[str, Any]]:
    """Calls that are over and whose recording is closed."""
    rows = api.rows("call").values()
    return [
        row for row in rows if row["state"] == "ended" and row["recording"]["state"] == "closed"
    ]


async def test_a_caller_is_answered_before_the_given_database_is_there_and_the_log_has_it_after(
    city: City,
) -> None:
    """Given a start without the database; then a phone's call is answered and recorded as at the
    last start, and it is said what is missing; when the database comes; then everything else is
    started, the call goes on, and its facts are in the log that verifies."""
    await asyncio.to_thread(city.start, "calls are taken as at the last start")
    assert "database: cannot be reached" in city.printed
    sip = f"127.0.0.1:{city.sip_port}"
    seat, caller = SoundPhone(SEAT_HZ, ("t1", "x y z")), SoundPhone(CALLER_HZ)
    await seat.start()
    await caller.start()
    assert await seat.register(sip) == 200
    await caller.ring(sip)
    await caller.hears_at_last(SEAT_HZ)
    await seat.hears_at_last(CALLER_HZ)
    assert "serve: starting" not in city.printed

    await asyncio.to_thread(city.postgres.start)
    await asyncio.to_thread(city.until, "calls can be taken")
    await caller.hears_at_last(SEAT_HZ)
    await seat.hears_at_last(CALLER_HZ)
    await caller.stop()
    await seat.stop()
    base = f"http://127.0.0.1:{city.http_port}"
    api = await asyncio.to_thread(Api, base, "kepala", PASSWORD)
    (row,) = await asyncio.to_thread(wait_for, lambda: ended(api), 60)
    assert row["outcome"] == "answered"
    api.close()
    await asyncio.to_thread(city.command, "log", "verify")
