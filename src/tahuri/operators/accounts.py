"""Making accounts and checking passwords (argon2id)."""

import asyncio
import re
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tahuri.city.records import CityPack
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import OperatorId
from tahuri.kernel.log import Log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid
from tahuri.kernel.roles import Role
from tahuri.operators.events import AccountMade
from tahuri.operators.queries import Account, add_account

PASSWORD_CHARS_MIN = 10
LANGUAGES_MAX = 12
LANGUAGE = re.compile(r"[a-z][a-z-]{1,15}")
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")

_hasher = PasswordHasher()
NOBODY = _hasher.hash("nobody has this password")
"""Checked when there is no such account, so that the answer takes as long."""


async def hashed(password: str) -> str:
    """The argon2id hash; off the event loop, it takes tens of milliseconds on purpose."""
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(stored: str, password: str) -> bool:
    """Whether the password is the one that was hashed."""
    try:
        return await asyncio.to_thread(_hasher.verify, stored, password)
    except (VerificationError, InvalidHashError):
        return False


def strangers(pack: CityPack, agency_id: object, unit_id: object) -> dict[str, str]:
    """What the city does not have of an account's agency and unit, by field."""
    wrong: dict[str, str] = {}
    if isinstance(agency_id, str) and agency_id not in {one.agency_id for one in pack.agencies}:
        wrong["agency_id"] = f"no agency {agency_id!r} in this city"
    if isinstance(unit_id, str) and unit_id not in {one.unit_id for one in pack.units}:
        wrong["unit_id"] = f"no unit {unit_id!r} in this city"
    return wrong


def faults(
    *,
    name: str | None = None,
    password: str | None = None,
    roles: Sequence[str] | None = None,
    agency_id: str | None = None,
    languages: Sequence[str] | None = None,
) -> dict[str, str]:
    """What is wrong with what is given of an account, by field.

    Args:
        agency_id: looked at together with ``roles``.
    """
    wrong: dict[str, str] = {}
    if password is not None and len(password) < PASSWORD_CHARS_MIN:
        wrong["password"] = f"at least {PASSWORD_CHARS_MIN} characters"
    if name is not None and not name.strip():
        wrong["name"] = "needed"
    if roles is not None and not roles:
        wrong["roles"] = "at least one"
    if Role.AGENCY_DESK in (roles or ()) and agency_id is None:
        wrong["agency_id"] = "needed: a desk sees what concerns its agency"
    if languages is not None and (
        len(languages) > LANGUAGES_MAX or not all(LANGUAGE.fullmatch(one) for one in languages)
    ):
        wrong["languages"] = f"at most {LANGUAGES_MAX} codes of 2 to 16 small letters and dashes"
    return wrong


async def make_account(
    log: Log,
    *,
    username: str,
    name: str,
    password: str,
    roles: tuple[Role, ...],
    agency_id: str | None = None,
    unit_id: str | None = None,
    languages: Sequence[str] = (),
) -> str:
    """Makes an account inside a write and records that it was made.

    Returns the operator's id.

    Raises:
        Invalid: a name or password that cannot be, or a user name that is taken.
    """
    wrong = faults(
        name=name, password=password, roles=roles, agency_id=agency_id, languages=languages
    )
    if not USERNAME.fullmatch(username):
        wrong["username"] = "2 to 32 of a-z, 0-9, dot, dash and underscore"
    if wrong:
        raise Invalid.of(wrong)
    operator_id = OperatorId(new_id())
    account = Account(
        operator_id,
        username,
        name.strip(),
        await hashed(password),
        tuple(roles),
        agency_id,
        unit_id,
        True,
        tuple(dict.fromkeys(languages)),
    )
    if not await add_account(log, account):
        raise Invalid.of({"username": "taken"})
    await log.append(
        StreamId("operator", operator_id),
        [AccountMade(operator_id=operator_id, roles=tuple(roles))],
    )
    return operator_id
