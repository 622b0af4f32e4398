"""Points on the Earth.  Pure."""

from math import asin, cos, radians, sin, sqrt

from tahuri.kernel.refusal import Invalid

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius, IUGG."""


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance over the surface between two (latitude, longitude) pairs, decimal degrees, WGS 84.

    Returns metres, within 0.6 % of the ellipsoid.
    Source: haversine, R. W. Sinnott, Sky & Telescope 68(2), 1984.
    """
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half)))


def checked_point(
    lat: float, lon: float, bbox: tuple[float, float, float, float], field: str
) -> None:
    """Refuses a point that cannot be meant.

    Args:
        bbox: west, south, east, north of the region served, decimal degrees.
        field: the request's field that holds the point, for the message; "" the request itself.

    Raises:
        Invalid: axes swapped, or outside the region.
    """
    west, south, east, north = bbox
    if west <= lon <= east and south <= lat <= north:
        return
    prefix = f"{field}." if field else ""
    if west <= lat <= east and south <= lon <= north:
        raise Invalid.of({f"{prefix}lat": "latitude and longitude are swapped"})
    wrong = "lat" if not south <= lat <= north else "lon"
    raise Invalid.of(
        {f"{prefix}{wrong}": f"outside the region served ({south}…{north}, {west}…{east})"}
    )
