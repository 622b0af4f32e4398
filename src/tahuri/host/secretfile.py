"""JSON files that only their owner may read: settings with passwords, keys, accounts."""

import os
from pathlib import Path
from typing import Any

import msgspec


def _as_written(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def stands(file: Path, content: Any) -> bool:
    """Whether `write_secret` has written just that."""
    try:
        return file.read_bytes() == _as_written(content)
    except OSError:
        return False


def write_secret(file: Path, content: Any) -> None:
    """JSON that only its owner may read; whole or not at all, also after a power cut.  Not written
    where it is so already: a full disk must not keep a centre from its next start."""
    if not stands(file, content):
        fresh = file.with_suffix(".new")
        write_durably(fresh, _as_written(content))
        fresh.replace(file)


def write_durably(fresh: Path, content: bytes) -> None:
    """A file that only its owner may read, on the disk when this comes back."""
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
