"""What a person may be in the room; one person may hold several at night."""

from enum import StrEnum


class Role(StrEnum):
    """Roles of the standard procedure (glossary)."""

    CALL_TAKER = "call_taker"
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    AGENCY_DESK = "agency_desk"
    CREW = "crew"
    ADMINISTRATOR = "administrator"
