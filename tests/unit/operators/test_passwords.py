"""Passwords: only their argon2id hashes are kept."""

from tahuri.operators.accounts import NOBODY, USERNAME, hashed, matches


async def test_a_password_matches_its_own_hash_only() -> None:
    """Who signs in answers for what is done."""
    stored = await hashed("a long password")
    assert stored.startswith("$argon2id$")
    assert "a long password" not in stored
    assert await matches(stored, "a long password")
    assert not await matches(stored, "a long passwore")
    assert not await matches(NOBODY, "a long password")


async def test_a_hash_that_is_none_lets_nobody_in() -> None:
    """A spoiled row must lock one account, not break signing in."""
    assert not await matches("plain text", "plain text")


def test_user_names_can_be_told_apart_by_ear() -> None:
    """They are spoken across a room: no capitals, no blanks."""
    assert USERNAME.fullmatch("penerima-2.a_b")
    for name in ("", "a", "Penerima", "-x", "a b", "a" * 33, "é1"):
        assert USERNAME.fullmatch(name) is None
