"""The data folder: where everything that must outlive a process is kept."""

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tahuri.host.secretfile import write_durably

SOCKET_PATH_MAX = 90
"""A Unix socket's path must fit into 107 bytes with the name of the socket."""
SECRET_BYTES = 32


@dataclass(frozen=True)
class DataFolder:
    """Names of what is in a data folder."""

    root: Path

    def make(self) -> None:
        """Makes what is missing; only the owner may read secrets, recordings and sockets.

        What is there keeps its rights: a running PostgreSQL of another user passes through ``run``.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.spool, self.journal, self.recordings, self.secrets, self.log):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o700)
        self.cache.mkdir(exist_ok=True)

    @property
    def run(self) -> Path:
        """Sockets; elsewhere when the path would be too long for one."""
        inside = self.root / "run"
        if len(str(inside)) <= SOCKET_PATH_MAX:
            return inside
        name = sha256(str(self.root).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tahuri-{name}"

    @property
    def spool(self) -> Path:
        """Facts of the switch that the log has not taken yet."""
        return self.root / "spool"

    @property
    def journal(self) -> Path:
        """Live calls, as the switch would adopt them again."""
        return self.root / "journal"

    @property
    def recordings(self) -> Path:
        """Two-channel recordings, by day."""
        return self.root / "recordings"

    @property
    def secrets(self) -> Path:
        """Keys; never in an export."""
        return self.root / "secrets"

    @property
    def log(self) -> Path:
        """What the processes say."""
        return self.root / "log"

    @property
    def cache(self) -> Path:
        """Derived files: road graphs, map layers.  May be deleted."""
        return self.root / "cache"

    @property
    def postgres(self) -> Path:
        """The embedded database."""
        return self.root / "postgres"

    def secret(self, name: str) -> bytes:
        """A key of 32 bytes, made at first use.  Of two that make it at once the first wins; what a
        power cut left of one is none."""
        file = self.secrets / name
        with suppress(FileNotFoundError):
            if key := file.read_bytes():
                return key
            file.unlink()
        fresh = self.secrets / f"{name}.{secrets.token_hex(8)}"
        write_durably(fresh, secrets.token_bytes(SECRET_BYTES))
        with suppress(FileExistsError):
            os.link(fresh, file)
        fresh.unlink()
        return file.read_bytes()
