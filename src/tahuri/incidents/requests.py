"""What consoles send about incidents, and the checks that need the city pack.  Pure."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from tahuri.city.records import CityPack
from tahuri.kernel.event import Command
from tahuri.kernel.geo import checked_point
from tahuri.kernel.ids import CallId
from tahuri.kernel.refusal import Invalid

LABEL_CHARS_MAX = 200
TEXT_CHARS_MAX = 4_000
PEOPLE_MAX = 50
HAZARDS_MAX = 20
INJURED_MAX = 10_000

Label = Annotated[str, Meta(max_length=LABEL_CHARS_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
NeededText = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
Code = Annotated[str, Meta(min_length=1, max_length=40)]
Priority = Annotated[int, Meta(ge=1, le=4)]
Injured = Annotated[int, Meta(ge=0, le=INJURED_MAX)]
Hazards = Annotated[tuple[Code, ...], Meta(max_length=HAZARDS_MAX)]
WardCode = Annotated[str, Meta(pattern=r"^\d{2}\.\d{2}\.\d{2}\.\d{4}$")]


class Place(Command, frozen=True):
    """Where it is."""

    lat: float
    """Decimal degrees, WGS 84."""
    lon: float
    label: Label
    """What people call the place."""
    source: Literal["gazetteer", "map", "coordinates", "caller"]
    detail: Text = ""
    ward_code: WardCode | None = None
    """Kemendagri code; found by the point if it is null."""


class Person(Command, frozen=True):
    """Somebody hurt, in danger or missing."""

    description: Text
    name: Label = ""
    condition: Label = ""


class Report(Command, frozen=True):
    """What the caller said; erasable."""

    summary: Text
    caller_name: Label = ""
    access_notes: Text = ""
    people: Annotated[tuple[Person, ...], Meta(max_length=PEOPLE_MAX)] = ()


class OpenIncident(Command, frozen=True):
    """A new incident."""

    category: Code
    priority: Priority
    place: Place
    report: Report
    call_id: CallId | None = None
    injured: Injured | None = None
    """People hurt; null while nobody knows."""
    hazards: Hazards = ()


class AmendIncident(Command, frozen=True):
    """What has changed; a field that is left out stays."""

    category: Code | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    place: Place | UnsetType = UNSET
    injured: Injured | UnsetType | None = UNSET
    hazards: Hazards | UnsetType = UNSET
    report: Report | UnsetType = UNSET


class WriteNote(Command, frozen=True):
    """A note, for everybody who works on the incident."""

    text: NeededText


class CloseIncident(Command, frozen=True):
    """How it ended."""

    disposition: Code
    remarks: Text = ""


class ReopenIncident(Command, frozen=True):
    """Why it was not over."""

    reason: NeededText


def check_against(
    pack: CityPack,
    *,
    category: str | UnsetType = UNSET,
    place: Place | UnsetType = UNSET,
    hazards: tuple[str, ...] | UnsetType = UNSET,
    disposition: str | UnsetType = UNSET,
) -> None:
    """Refuses what this city does not know.

    Raises:
        Invalid: naming each wrong field; a wrong point as ``place.lat`` or ``place.lon``.
    """
    wrong: dict[str, str] = {}
    if isinstance(category, str) and category not in {one.code for one in pack.categories}:
        wrong["category"] = f"no category {category!r} in this city"
    if not isinstance(hazards, UnsetType):
        known = {one.code for one in pack.hazards}
        wrong |= {
            f"hazards[{index}]": f"no hazard {code!r} in this city"
            for index, code in enumerate(hazards)
            if code not in known
        }
    if isinstance(disposition, str) and disposition not in {one.code for one in pack.dispositions}:
        wrong["disposition"] = f"no disposition {disposition!r} in this city"
    if not isinstance(place, UnsetType):
        try:
            checked_point(place.lat, place.lon, pack.city.bbox, "place")
        except Invalid as error:
            wrong |= error.fields
    if wrong:
        raise Invalid.of(wrong)
