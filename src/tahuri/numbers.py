"""Two spellings of a telephone number are one caller.  Pure.

A number stays recorded as it came; only where numbers are compared do they take their one form.
Whatever cannot be read for certain compares as it came: rather two items for one caller than one
item for two callers.
"""

import re
from functools import lru_cache

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneNumberFormat

CACHED_MAX = 4_096
LOCAL_DIGITS = (6, 8)
"""A subscriber's number without its area code; shorter ones are short codes."""
_DIGITS = re.compile(r"\+?[0-9]+")
_LOCAL = re.compile(r"[2-9][0-9]*")


class NumberPlan(Struct, frozen=True):
    """How numbers are dialled where the centre stands."""

    country_code: str = "62"
    area_code: str = "911"
    """Without the leading 0; empty: numbers without an area code stay as they are."""

    def canonical(self, number: str) -> str:
        """``+62…`` of whatever is surely such a number; everything else as it came."""
        return _canonical(self, number)

    def spellings(self, number: str) -> list[str]:
        """All the ways in which the same number may have come, itself among them; sorted."""
        found = self.canonical(number)
        if not found.startswith("+"):
            return [number]
        digits, home = found[1:], self.country_code
        ways = {number, found, digits, f"00{digits}"}
        if digits.startswith(home):
            national = digits.removeprefix(home)
            local = national.removeprefix(self.area_code)
            ways |= {f"0{national}", f"+{home}0{national}", f"{home}0{national}", local}
            ways |= {f"00{home}0{national}"}
        return sorted(way for way in ways if self.canonical(way) == found)


@lru_cache(CACHED_MAX)
def _canonical(plan: NumberPlan, number: str) -> str:
    if not _DIGITS.fullmatch(number):
        return number
    home, area = plan.country_code, plan.area_code
    if number.startswith("+"):
        return _international(number.replace(f"+{home}0", f"+{home}", 1)) or number
    if number.startswith("00"):
        whole = f"+{number[2:]}".replace(f"+{home}0", f"+{home}", 1)
        return _international(whole, certain=True) or number
    if number.startswith("0"):
        return _international(f"+{home}{number[1:]}") or number
    if number.startswith(home):
        whole = f"+{number}".replace(f"+{home}0", f"+{home}", 1)
        if (found := _international(whole, certain=True)) is not None:
            return found
    fewest, most = LOCAL_DIGITS
    if area and _LOCAL.fullmatch(number) and fewest <= len(number) <= most:
        return _international(f"+{home}{area}{number}", certain=True) or number
    return number


def _international(number: str, *, certain: bool = False) -> str | None:
    """The number, if it stands in its one form and a subscriber can have it; else None.

    Args:
        certain: only numbers of a range that is in use.
    """
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    if certain and not phonenumbers.is_valid_number(parsed):
        return None
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return number if written == number else None


def is_country_code(code: str) -> bool:
    """Whether some country has that code."""
    return (
        code.isascii() and code.isdigit() and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    )
