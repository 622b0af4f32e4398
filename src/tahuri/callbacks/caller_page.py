"""Who holds a link to the caller's page: tokens that nobody guesses, for a while.

The log and the database know a token's digest alone.  A token follows from the item and a secret
of the centre: a message that is sent again carries the same link.
"""

import base64
import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from tahuri.kernel.db import Database

TOKEN_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
KEPT_DAYS = 30
"""An expired link is known so long, and then forgotten."""


class CallerPages(Struct, frozen=True):
    """The links of one centre."""

    url: str
    """Of the page; the token comes after its ``#``, which no server on the way is told."""
    key: bytes
    hours: float
    """How long a link is good, from when it is first sent."""

    def token(self, callback_id: str) -> str:
        """The item's token: 128 bits, 22 characters."""
        made = hmac.digest(self.key, callback_id.encode(), "sha256")[:TOKEN_BYTES]
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    async def link(self, database: Database, callback_id: str, now: datetime) -> str:
        """The item's link; it is good from now on, and no longer for being sent again."""
        token = self.token(callback_id)
        await database.run(
            "delete from caller_pages where city_id = %s and expires_at < %s",
            (database.city_id, now - timedelta(days=KEPT_DAYS)),
        )
        await database.run(
            "insert into caller_pages (city_id, digest, callback_id, expires_at) "
            "values (%s, %s, %s, %s) on conflict do nothing",
            (
                database.city_id,
                token_digest(token),
                callback_id,
                now + timedelta(hours=self.hours),
            ),
        )
        return f"{self.url}#{token}"


def token_digest(token: str) -> bytes:
    """What is stored of a token."""
    return sha256(token.encode()).digest()


async def page_of(database: Database, token: str, now: datetime) -> tuple[str, datetime] | None:
    """(item, end) of a token that is good; None for every other, whatever is wrong with it."""
    if not TOKEN.fullmatch(token):
        return None
    record = await database.one(
        "select callback_id, expires_at from caller_pages "
        "where city_id = %s and digest = %s and expires_at > %s",
        (database.city_id, token_digest(token), now),
    )
    return (record[0], record[1]) if record else None
