"""Finds the place a caller names, however it is spelled; lower costs rank first, then kinds."""

from msgspec import Struct
from msgspec.structs import replace

from tahuri.city.records import CityPack, Facility, Name
from tahuri.places.coordinates import parsed_point
from tahuri.places.matching import Match, Typed, WordCosts, match_of, place_cost, typed
from tahuri.places.region import Region, Whereabouts
from tahuri.places.spelling import NEVER, normalised, word_cost

TEXT_MAX = 120
LIMIT_MAX = 50
COST_MAX = 3.0
"""What is less alike is not shown."""
KIND_RANK = {
    kind: rank
    for rank, kinds in enumerate(
        (
            ("kelurahan", "negeri"),
            ("kecamatan", "kota"),
            ("settlement",),
            ("hospital",),
            ("street", "station", "port", "airport"),
            ("health_centre", "bridge"),
            ("neighbour",),
        )
    )
    for kind in kinds
}
OTHER_RANK = 5


class Place(Struct, frozen=True, kw_only=True):
    """A place that was found."""

    place_id: str
    name: str
    kind: str
    """Keeps places of one name apart: Nusaniwe is a kecamatan, a kelurahan and a negeri."""
    ward_code: str | None
    ward: str | None
    district: str | None
    lat: float
    lon: float
    match: Match
    verified: bool
    """Whether the point was taken from a boundary or a road, not from an estimate."""
    placeholder: bool
    """Whether the point only stands for a locality: show it so."""
    precision_m: int
    """How far off the point may be."""


class Entry(Struct, frozen=True):
    """A place with all the ways to write it."""

    place: Place
    forms: tuple[Typed, ...]
    context: tuple[str, ...]
    """Words of its ward and district."""


class Gazetteer:
    """All names of a city pack.  Immutable; may be used by many threads."""

    def __init__(self, pack: CityPack) -> None:
        self.bbox = pack.city.bbox
        self.region = Region(pack)
        self._entries = [
            *(self._entry(name) for name in pack.names),
            *(self._entry(facility) for facility in pack.facilities),
        ]
        forms = [form for entry in self._entries for form in entry.forms]
        words = {word for form in forms for word in form.core}
        self._words = sorted(words.union(*(entry.context for entry in self._entries)))
        self._wholes = sorted({name for form in forms for name in (form.whole, form.core_whole)})

    def at(self, lat: float, lon: float) -> Whereabouts:
        """Ward, district, nearest named road of a point, and whether the city serves it."""
        return self.region.at(lat, lon)

    def search(self, text: str, limit: int = 8) -> list[Place]:
        """Places a text may mean, the likeliest first; a text of coordinates gives that point.

        Args:
            text: what was typed so far; at most 120 characters are looked at.
            limit: how many to return, 1 … 50.

        Raises:
            Invalid: coordinates with swapped axes or outside the region; names ``lat`` or ``lon``.
        """
        text = text[:TEXT_MAX]
        point = parsed_point(text, self.bbox)
        if point is not None:
            return [self._point_place(point.lat, point.lon)]
        query = typed(text)
        if not query.words:
            return []
        costs = self._costs(query)
        found = []
        for entry in self._entries:
            cost = place_cost(query, entry.forms, entry.place.kind, entry.context, costs)
            if cost <= COST_MAX:
                rank = KIND_RANK.get(entry.place.kind, OTHER_RANK)
                found.append((round(cost, 3), rank, len(entry.place.name), entry))
        found.sort(key=lambda row: (*row[:3], row[3].place.name, row[3].place.place_id))
        return [
            replace(entry.place, match=match_of(query, entry.forms, entry.context))
            for *_, entry in found[: max(1, min(limit, LIMIT_MAX))]
        ]

    def _costs(self, query: Typed) -> WordCosts:
        """Cost of what was typed against the words of all names, and against whole names."""
        last = query.core[-1]
        pairs = [
            (word, name, word == last or len(word) > 2)
            for word in dict.fromkeys(query.core)
            for name in self._words
        ]
        if len(query.core_whole) > 2:
            pairs += [(query.core_whole, name, True) for name in self._wholes]
        costs: WordCosts = {}
        for word, name, unfinished in pairs:
            cost = word_cost(word, name, unfinished)
            if cost < costs.get((word, name), NEVER):
                costs[word, name] = cost
        return costs

    def _point_place(self, lat: float, lon: float) -> Place:
        """A typed point as a place."""
        where = self.at(lat, lon)
        north, east = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
        return Place(
            place_id="point",
            name=f"{abs(lat):.5f}° {north}, {abs(lon):.5f}° {east}",
            kind="point",
            ward_code=where.ward_code,
            ward=where.ward,
            district=where.district,
            lat=lat,
            lon=lon,
            match="coordinates",
            verified=True,
            placeholder=False,
            precision_m=10,
        )

    def _entry(self, source: Name | Facility) -> Entry:
        """A line of the gazetteer or a facility, ready for search."""
        where = self.at(source.lat, source.lon)
        ward_code, ward, district = where.ward_code, where.ward, where.district
        if isinstance(source, Name):
            key, verified = source.place_id, source.verified
            placeholder = source.source.startswith("PLACEHOLDER")
            if source.kind in ("kecamatan", "kota"):
                ward_code = ward = None
                district = source.name if source.kind == "kecamatan" else None
        else:
            key, verified, placeholder = source.facility_id, False, source.placeholder
        place = Place(
            place_id=key,
            name=source.name,
            kind=source.kind,
            ward_code=ward_code,
            ward=ward,
            district=district,
            lat=source.lat,
            lon=source.lon,
            match="exact",
            verified=verified,
            placeholder=placeholder,
            precision_m=source.precision_m,
        )
        forms = tuple([typed(name) for name in (source.name, *source.alt_names)])
        context = tuple(normalised(f"{ward or ''} {district or ''}").split())
        return Entry(place, forms, context)
