"""What lets a browser take its seat at the switch while `serve` and the database are away.  Pure.

``base64url(JSON) + "." + base64url(HMAC-SHA-256(key, first part))``; `serve` signs at sign-on, the
switch verifies with the same key, ``secrets/seat.key`` of the data folder.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

KEY_BYTES_MIN = 32
TOKEN_LENGTH_MAX = 2048

SeatKind = Literal["browser", "sip"]
Desk = Literal["taker", "supervisor", "agency-desk"]
"""Whose seat: a call taker's, or one that takes part when a call overflows to it."""


class Skills(Struct, frozen=True, kw_only=True):
    """Which calls somebody is there for."""

    languages: list[str] = []
    """Codes such as ``id`` or ``en``."""
    agency_id: str | None = None
    desk: Desk = "taker"


class SeatToken(Struct, frozen=True, kw_only=True):
    """Who may sit where, until when."""

    seat_id: str
    operator_id: str
    operator_name: str
    kind: SeatKind
    session: str
    """The operator's session at `serve`."""
    exp: int
    """Unix seconds at which the token ends."""
    roles: list[str] = []
    """What the operator may do, so that the switch can ask while `serve` is away."""
    skills: Skills = Skills()


class BadToken(Exception):  # noqa: N818
    """Forged, damaged, of another centre, or ended."""


def sign(token: SeatToken, key: bytes) -> str:
    """The token as text.  Raises ValueError for a key under KEY_BYTES_MIN bytes."""
    first = _to_text(msgspec.json.encode(token))
    return f"{first}.{_to_text(_mac(first, key))}"


def verify(text: str, key: bytes, now: datetime) -> SeatToken:
    """The token's content.  Raises BadToken; the reason is not told to the client."""
    if len(text) > TOKEN_LENGTH_MAX:
        raise BadToken("too long")
    first, _, second = text.partition(".")
    try:
        given = _to_bytes(second)
    except (ValueError, binascii.Error) as error:
        raise BadToken("not a token") from error
    if not hmac.compare_digest(given, _mac(first, key)):
        raise BadToken("signature")
    try:
        token = msgspec.json.decode(_to_bytes(first), type=SeatToken)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadToken("content") from error
    if now.timestamp() >= token.exp:
        raise BadToken("ended")
    return token


def _mac(first: str, key: bytes) -> bytes:
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"the seat key has under {KEY_BYTES_MIN} bytes")
    return hmac.new(key, first.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def _to_text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(
        text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
    )
