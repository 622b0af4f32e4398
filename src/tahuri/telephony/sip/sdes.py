"""``a=crypto`` lines: SRTP keys in a session description (SDES, RFC 4568).  Pure.

The keys are as secret as the signalling that carries them: without TLS whoever reads the SIP
messages can listen.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Srtp = Literal["off", "optional", "required"]
Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]

SUITES: tuple[Suite, ...] = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""Best first."""
KEY_AND_SALT_BYTES = 30
_LINE = re.compile(r"^a=crypto:(\d{1,9})\s+(\S+)\s+inline:([A-Za-z0-9+/=]+)((?:\|[^\s;]*)*)(.*)$")
_LIFETIME = re.compile(r"^\|(?:2\^)?\d+$")
_WINDOW = re.compile(r"^WSH=\d+$")


@dataclass(frozen=True, slots=True)
class Crypto:
    """One line of theirs that we can use."""

    tag: int
    suite: Suite
    key: str = field(repr=False)
    """Base64 of key and salt, 30 bytes."""


def chosen(lines: Iterable[str]) -> Crypto | None:
    """The first usable of their lines, which stand in the order that they prefer.

    Not usable: other suites, several keys, a master key index, and parameters that would change
    how packets look, because the answer would have to agree to them.
    """
    for line in lines:
        match = _LINE.match(line.strip())
        if match is None:
            continue
        tag, suite, key, extra, parameters = match.groups()
        ours = next((known for known in SUITES if known == suite), None)
        plain = all(_WINDOW.match(one) for one in parameters.split())
        if ours and plain and (not extra or _LIFETIME.match(extra)) and _is_key(key):
            return Crypto(int(tag), ours, key)
    return None


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_AND_SALT_BYTES
    except binascii.Error:
        return False


def offered(keys: Mapping[str, str]) -> list[str]:
    """Our lines of an offer, best suite first; ``keys`` by suite, each its own."""
    suites = [suite for suite in SUITES if suite in keys]
    return [line(number, suite, keys[suite]) for number, suite in enumerate(suites, 1)]


def line(tag: int, suite: str, key: str) -> str:
    """One line of ours."""
    return f"a=crypto:{tag} {suite} inline:{key}"
