"""JSON files that only their owner may read: settings with passwords, keys, accounts."""

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
    """JSON that only its owner may read; whole or not at all.  Not written where it is so already:
    a full disk must not keep a centre from its next start."""
    if stands(file, content):
        return
    wanted = _as_written(content)
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(wanted)
    fresh.replace(file)
