"""Tokens that seat a browser."""

from datetime import UTC, datetime

import pytest

from tahuri.telephony.token import BadToken, SeatToken, sign, verify

KEY = b"k" * 32
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = SeatToken(
    seat_id="M1",
    operator_id="op",
    operator_name="One",
    kind="browser",
    session="s",
    exp=int(NOW.timestamp()) + 60,
)


def test_a_signed_token_seats_its_operator() -> None:
    """The switch must seat people with serve and the database dead."""
    assert verify(sign(TOKEN, KEY), KEY, NOW) == TOKEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b",
        sign(TOKEN, b"z" * 32),
        sign(TOKEN, KEY)[:-2] + "AA",
        "é.é",
        "x" * 3000,
        sign(TOKEN, KEY).replace(".", ""),
    ],
)
def test_a_forged_token_is_refused(text: str) -> None:
    """Whoever can forge a token hears emergency calls."""
    with pytest.raises(BadToken):
        verify(text, KEY, NOW)


def test_a_token_ends() -> None:
    """A stolen laptop must not be a seat next year."""
    with pytest.raises(BadToken):
        verify(sign(TOKEN, KEY), KEY, datetime(2027, 1, 1, tzinfo=UTC))


def test_a_short_key_is_refused() -> None:
    """A key of a few characters can be guessed."""
    with pytest.raises(ValueError, match="key"):
        sign(TOKEN, b"short")
