"""What the fields of requests mean, for ``/api/openapi.json``: one word, one thing.

By field, or by ``Request.field`` where a word means something of its own there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access_notes": "How to get there: alley, gate, dog, what is blocked.",
        "accuracy_m": "Radius in metres that the device believes in.",
        "active": "False closes the account; its sessions end at once.",
        "address": "A telephone number, a SIP address, or a name of the directory.",
        "agency_id": "Agency of an agency desk, as the city pack names it.",
        "at": "When it happened, by the device's clock; UTC or with an offset.",
        "call_class": "What the call was.",
        "call_id": "The call, as the feed names it.",
        "caller_name": "As the caller gave it.",
        "category": "What is happening: a category of the city pack.",
        "condition": "Of the person: what is seen.",
        "description": "Who it is, as far as is known.",
        "detail": "Where exactly, in words.",
        "disposition": "How it ended: a disposition of the city pack.",
        "finding_id": "The finding, as the list of findings names it.",
        "fields": "Name of a field of the form → what is typed in it.",
        "hazards": "Dangers at the place: codes of the city pack.",
        "heading": "Degrees clockwise from north.",
        "hospital_id": "Where the patient is taken, as the city pack names it.",
        "incident_id": "The incident, as the feed names it.",
        "injured": "How many are hurt; null while nobody knows.",
        "kind": "What sits there: a browser.",
        "label": "The place as screens show it.",
        "lat": "Latitude, decimal degrees, WGS 84.",
        "leg_id": "The party's own connection, as the feed names it.",
        "lon": "Longitude, decimal degrees, WGS 84.",
        "milestone": "What the crew has reached on scene.",
        "name": "As screens show it.",
        "override_note": "Why, in words.",
        "override_reason": "Needed when the unit is not among the recommended.",
        "password": "At least 10 characters; kept only as an argon2id hash.",
        "people": "Who is hurt, in danger or missing.",
        "place": "Where it is.",
        "priority": "1 (life in danger now) to 4 (can wait).",
        "reason": "Why.",
        "remarks": "What whoever reads the case later should know.",
        "report": "What the caller said.",
        "roles": "One person may hold several.",
        "source": "How the place was found.",
        "speed_kmh": "Over the ground, in kilometres an hour.",
        "state": "What the unit does now.",
        "summary": "What happened, in the caller's words.",
        "text": "The note.",
        "unit_id": "The unit, as the city pack names it.",
        "username": "What the person signs in with.",
        "ward_code": "Kemendagri code of the kelurahan or negeri.",
        "Person.name": "As it was given.",
        "Problem.code": "Stable: it never changes meaning.",
        "Problem.context": "What the refusal is about, by name.",
        "Problem.detail": "For the log of a program.",
        "Problem.errors": "What is wrong, field by field.",
        "Problem.status": "The HTTP status.",
        "Problem.title": "The kind of problem, for a person.",
        "Problem.type": "A URN that ends in the code.",
        "SignIn.password": "The password.",
    }
)
