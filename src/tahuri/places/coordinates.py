"""Points as people write them: decimal degrees, degrees and minutes, degrees, minutes, seconds.

Decimal comma or point; S, N, E, W or the Indonesian LS, LU, BT, BB.  Pure.
"""

import re

from msgspec import Struct

from tahuri.kernel.refusal import Invalid

TEXT_MAX = 120
SYMBOLS = str.maketrans("º˚′’″”−–", "°°''\"\"--")
WORDS = (
    (r"LINTANG SELATAN|SOUTH|LS", "S"),
    (r"LINTANG UTARA|NORTH|LU", "N"),
    (r"BUJUR TIMUR|EAST|BT", "E"),
    (r"BUJUR BARAT|WEST|BB", "W"),
    (r"LATITUDE|LAT|LINTANG|LONGITUDE|LONG|LNG|LON|BUJUR|GEO:|Q=|LL=|@", " "),
)
TOKEN = re.compile(r"(?P<hemisphere>[NSEW])|(?P<number>[+-]?\d+(?:[.,]\d+)?)|[°'\"D,;:/=()\s]")
Bbox = tuple[float, float, float, float]


class Point(Struct, frozen=True):
    """A place on the Earth, decimal degrees, WGS 84."""

    lat: float
    lon: float


class Half(Struct):
    """One of the two angles of a point as written."""

    numbers: list[str]
    hemisphere: str


def parsed_point(text: str, bbox: Bbox) -> Point | None:
    """The point a text names, or None if the text is no coordinates but words.

    Args:
        bbox: west, south, east, north of the region served, decimal degrees.

    Raises:
        Invalid: coordinates that cannot be meant: swapped axes, minutes above 59, outside the
            region; names ``lat`` or ``lon``.
    """
    halves = split(tokens(text))
    if halves is None:
        return None
    one, two = halves
    if (one.hemisphere and one.hemisphere in "EW") or (two.hemisphere and two.hemisphere in "NS"):
        one, two = two, one
    if one.hemisphere in ("E", "W") or two.hemisphere in ("N", "S"):
        axis = "north or south" if one.hemisphere in ("E", "W") else "east or west"
        field = "lat" if one.hemisphere in ("E", "W") else "lon"
        raise Invalid.of({field: f"one of the two must say {axis}"})
    lat, lon = angle(one, "lat"), angle(two, "lon")
    return checked(lat, lon, bbox, signed="-" in one.numbers[0] or bool(one.hemisphere))


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of each number and hemisphere; empty if anything else stands in the text."""
    rest = text.strip()[: TEXT_MAX + 1].upper().translate(SYMBOLS)
    if len(rest) > TEXT_MAX:
        return []
    for pattern, word in WORDS:
        rest = re.sub(rf"(?<![A-Z])(?:{pattern})(?![A-Z])", f" {word} ", rest)
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(rest):
        match = TOKEN.match(rest, at)
        if match is None:
            return []
        if match.lastgroup:
            found.append((match.lastgroup, match.group()))
        at = match.end()
    plain = not re.search(r"[°NSEW.+-]|\d,\d", rest)
    return [] if plain and len(found) < 4 else found


def split(found: list[tuple[str, str]]) -> tuple[Half, Half] | None:
    """The two angles: at the hemisphere letters if there are two, else in equal halves."""
    letters = [at for at, (kind, _) in enumerate(found) if kind == "hemisphere"]
    numbers = len(found) - len(letters)
    if len(letters) == 2:
        cut = letters[1] if letters[0] == 0 else letters[0] + 1
    elif not letters and numbers in (2, 4, 6):
        cut = numbers // 2
    else:
        return None
    halves = [half(found[:cut]), half(found[cut:])]
    if any(not 1 <= len(part.numbers) <= 3 for part in halves):
        return None
    return halves[0], halves[1]


def half(found: list[tuple[str, str]]) -> Half:
    """One angle's numbers and its hemisphere, if given."""
    numbers = [text for kind, text in found if kind == "number"]
    letters = [text for kind, text in found if kind == "hemisphere"]
    return Half(numbers, letters[0] if letters else "")


def angle(part: Half, field: str) -> float:
    """Decimal degrees, negative in the south and west.

    Raises:
        Invalid: minutes or seconds of 60 and more, a fraction before the last number, a second
            sign.
    """
    values = [float(number.replace(",", ".")) for number in part.numbers]
    for place, value in zip(("minutes", "seconds"), values[1:], strict=False):
        if not 0 <= value < 60:
            raise Invalid.of({field: f"{place} must be between 0 and 60, not {value:g}"})
    if any(value % 1 for value in values[:-1]):
        raise Invalid.of({field: "only the last number may have a fraction"})
    size = sum(abs(value) / 60.0**power for power, value in enumerate(values))
    negative = part.numbers[0].startswith("-") or part.hemisphere in ("S", "W")
    return -size if negative else size


def checked(lat: float, lon: float, bbox: Bbox, *, signed: bool) -> Point:
    """The point, if it lies in the box.

    Raises:
        Invalid: it does not; the message says what was probably meant.
    """
    west, south, east, north = bbox
    if south <= lat <= north and west <= lon <= east:
        return Point(round(lat, 7), round(lon, 7))
    if west <= lat <= east and south <= lon <= north:
        raise Invalid.of({"lat": "latitude and longitude are swapped"})
    if not signed and south <= -lat <= north:
        raise Invalid.of({"lat": f"{lat:g} is north of the equator: write -{lat:g} or {lat:g} S"})
    field, value = ("lat", lat) if not south <= lat <= north else ("lon", lon)
    low, high = (south, north) if field == "lat" else (west, east)
    raise Invalid.of({field: f"{value:g} is outside the region served ({low:g} … {high:g})"})
