"""What a city pack holds.  One struct a table, one field a column, in the order of the file.

Codes and ids never change meaning once a log mentions them.  All points are decimal degrees,
WGS 84.  A ``placeholder`` point only stands for a locality and must be shown as such; every point
says how far off it may be (``precision_m``).
"""

from pathlib import Path
from typing import Annotated, Literal, assert_never

from msgspec import Meta, Struct

Code = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
"""Lower-case words joined by hyphens."""
Key = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]+([.-][A-Za-z0-9]+)*$", max_length=80)]
"""Letters and digits joined by hyphens or dots."""
Text = Annotated[str, Meta(min_length=1, max_length=300)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Metres = Annotated[int, Meta(ge=1, le=50_000)]
Priority = Annotated[int, Meta(ge=1, le=4)]

Profile = Literal["fire_engine", "ambulance", "car", "motorcycle", "boat"]
PROFILES: tuple[Profile, ...] = ("fire_engine", "ambulance", "car", "motorcycle", "boat")
CategoryGroup = Literal[
    "medical",
    "fire",
    "rescue",
    "security",
    "traffic",
    "disaster",
    "animal",
    "social",
    "utilities",
    "hearse",
    "sea",
]
PRIORITIES: tuple[int, ...] = (1, 2, 3, 4)


class City(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The city itself, from ``pack.toml``."""

    code: Key
    """Kemendagri code."""
    name: Text
    zone: Text
    """IANA time zone."""
    zone_label: Text
    number: Annotated[str, Meta(pattern=r"^\d{2,6}$")]
    incident_prefix: Annotated[str, Meta(pattern=r"^[A-Z]{2,5}$")]
    country_code: Annotated[str, Meta(pattern=r"^[1-9]\d{0,2}$")]
    """Of its telephone numbers, digits only."""
    area_code: Annotated[str, Meta(pattern=r"^([1-9]\d{0,4})?$")]
    """Of its telephone numbers, without the leading 0; empty where numbers have none."""
    bbox: tuple[Longitude, Latitude, Longitude, Latitude]
    """West, south, east, north: every point of an incident lies in it, sea included."""
    center: tuple[Longitude, Latitude]
    """Longitude, latitude, as in GeoJSON: where a map opens."""
    attribution: tuple[Text, ...]
    """Lines that must be shown beside the map."""


class Agency(Struct, frozen=True, kw_only=True):
    """An organisation that takes part in the centre."""

    agency_id: Key
    name: Text
    short_name: Text
    kind: Literal["city", "national", "utility", "partner", "hospital"]
    role_id: Text
    role_en: Text
    phone: str
    """Public short number, or empty: the city fills in the rest."""
    confidence: str
    """How sure the source is of name and part, in the source's words."""


class Station(Struct, frozen=True, kw_only=True):
    """Where units wait."""

    station_id: Key
    agency_id: Key
    name: Text
    alt_names: tuple[str, ...]
    address: str
    lat: Latitude
    lon: Longitude
    ward_code: Key
    placeholder: bool
    precision_m: Metres
    source: Text


class UnitKind(Struct, frozen=True, kw_only=True):
    """What a unit can do, and how it moves."""

    code: Code
    name_id: Text
    name_en: Text
    profile: Profile
    carries_patients: bool


class Unit(Struct, frozen=True, kw_only=True):
    """A vehicle or boat with its crew; it starts at its station."""

    unit_id: Key
    callsign: Text
    agency_id: Key
    station_id: Key
    kind: Code
    remarks: str


class Hospital(Struct, frozen=True, kw_only=True):
    """Where patients are taken."""

    hospital_id: Key
    name: Text
    alt_names: tuple[str, ...]
    kind: Literal["general", "psychiatric", "military", "police"]
    agreement: bool
    """Whether it signed the city's 112 agreement."""
    address: str
    lat: Latitude
    lon: Longitude
    ward_code: Key
    placeholder: bool
    precision_m: Metres
    source: Text


class Landmark(Struct, frozen=True, kw_only=True):
    """A facility that is neither a station nor a hospital (``facilities.csv``)."""

    facility_id: Key
    kind: Literal["health_centre", "port", "airport", "terminal", "market", "worship", "school"]
    name: Text
    alt_names: tuple[str, ...]
    address: str
    lat: Latitude
    lon: Longitude
    ward_code: Key
    placeholder: bool
    precision_m: Metres
    source: Text


class Facility(Struct, frozen=True, kw_only=True):
    """Any place a map shows: stations, hospitals and landmarks together."""

    facility_id: str
    kind: str
    """``station``, ``hospital``, or the landmark's own kind."""
    name: str
    alt_names: tuple[str, ...]
    agency_id: str | None
    lat: float
    lon: float
    ward_code: str
    placeholder: bool
    precision_m: int


class Category(Struct, frozen=True, kw_only=True):
    """What is happening."""

    code: Code
    group: CategoryGroup
    name_id: Text
    name_en: Text
    default_priority: Priority


class RunCardLine(Struct, frozen=True, kw_only=True):
    """One line of ``run_cards.csv``: what one agency does for a category at some priorities."""

    category: Code
    priorities: Annotated[str, Meta(pattern=r"^[1-4](-[1-4])?$")]
    """``2`` or ``1-3``."""
    agency_id: Annotated[str, Meta(pattern=r"^(\*|[A-Za-z0-9.-]+)$")]
    """``*``: whichever agency has the nearest unit of that kind."""
    unit_kind: Code | None
    """Empty: the agency is only notified."""
    count: Annotated[int, Meta(ge=1, le=20)] | None


class Need(Struct, frozen=True, kw_only=True):
    """Units of one kind that an incident calls for."""

    agency_id: str | None
    """None: of any agency, the nearest goes."""
    kind: str
    count: int


class RunCard(Struct, frozen=True, kw_only=True):
    """Who goes, and who is told, for one category at one priority."""

    category: str
    priority: int
    needs: tuple[Need, ...]
    notify: tuple[str, ...]
    """Agencies that are only told."""


class Hazard(Struct, frozen=True, kw_only=True):
    """A danger crews must know of before they arrive."""

    code: Code
    name_id: Text
    name_en: Text


class Disposition(Struct, frozen=True, kw_only=True):
    """How an incident ended."""

    code: Code
    name_id: Text
    name_en: Text
    genuine: bool
    """Whether there was something to help with; what counts as a real report."""


class Name(Struct, frozen=True, kw_only=True):
    """A line of ``gazetteer.csv``: a name people give for where they are."""

    place_id: Key
    kind: Literal[
        "kelurahan",
        "negeri",
        "kecamatan",
        "kota",
        "street",
        "bridge",
        "settlement",
        "neighbour",
    ]
    """``neighbour``: a village of the next regency, outside the region served."""
    name: Text
    alt_names: tuple[str, ...]
    lat: Latitude
    lon: Longitude
    ward_code: str
    """Empty for a district or the whole city."""
    verified: bool
    precision_m: Metres
    source: Text


class Speed(Struct, frozen=True, kw_only=True):
    """How fast a profile goes on one kind of road, and why we think so."""

    profile: Profile
    road: Annotated[str, Meta(pattern=r"^[a-z_]+$")]
    """OpenStreetMap ``highway`` class, ``water``, or an upper limit: unpaved, private, alley."""
    speed_kmh: Annotated[float, Meta(gt=0, le=120)]
    reason: Text


class Ward(Struct, frozen=True, kw_only=True):
    """An administrative area of the lowest level, from ``wards.fgb``."""

    code: str
    name: str
    kind: str
    district_code: str
    district: str


class CityPack(Struct, frozen=True, kw_only=True):
    """A city, whole and checked."""

    folder: Path
    version: str
    city: City
    agencies: tuple[Agency, ...]
    stations: tuple[Station, ...]
    unit_kinds: tuple[UnitKind, ...]
    units: tuple[Unit, ...]
    hospitals: tuple[Hospital, ...]
    landmarks: tuple[Landmark, ...]
    categories: tuple[Category, ...]
    run_cards: tuple[RunCard, ...]
    """One for every category and priority, in that order."""
    hazards: tuple[Hazard, ...]
    dispositions: tuple[Disposition, ...]
    names: tuple[Name, ...]
    speeds: tuple[Speed, ...]
    wards: tuple[Ward, ...]

    @property
    def facilities(self) -> tuple[Facility, ...]:
        """Stations, hospitals and landmarks, in that order."""
        places: list[Station | Hospital | Landmark] = [*self.stations]
        places += [*self.hospitals, *self.landmarks]
        return tuple([facility_of(place) for place in places])

    def run_card(self, category: str, priority: int) -> RunCard:
        """The card for a category at a priority.

        Raises:
            KeyError: no such category or priority.
        """
        for card in self.run_cards:
            if card.category == category and card.priority == priority:
                return card
        raise KeyError((category, priority))


def facility_of(place: Station | Hospital | Landmark) -> Facility:
    """A station, hospital or landmark as the map shows it."""
    key, kind, agency = facility_head(place)
    return Facility(
        facility_id=key,
        kind=kind,
        name=place.name,
        alt_names=place.alt_names,
        agency_id=agency,
        lat=place.lat,
        lon=place.lon,
        ward_code=place.ward_code,
        placeholder=place.placeholder,
        precision_m=place.precision_m,
    )


def facility_head(place: Station | Hospital | Landmark) -> tuple[str, str, str | None]:
    """Id, kind and owner."""
    match place:
        case Station():
            return place.station_id, "station", place.agency_id
        case Hospital():
            return place.hospital_id, "hospital", None
        case Landmark():
            return place.facility_id, place.kind, None
        case _:
            assert_never(place)
