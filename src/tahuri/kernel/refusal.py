"""Why the rules, or the state of the machinery, said no.  Codes never change meaning."""

from enum import StrEnum


class Refusal(StrEnum):
    """Stable codes; consoles translate them, other systems match on them."""

    # operators
    WRONG_PASSWORD = "wrong-password"  # noqa: S105
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    NOT_SIGNED_IN = "not-signed-in"
    NOT_ALLOWED = "not-allowed"
    LAST_ADMINISTRATOR = "last-administrator"
    SEAT_TAKEN = "seat-taken"
    SEAT_NOT_SIGNED_ON = "seat-not-signed-on"
    SEAT_BUSY = "seat-busy"
    SEAT_NOT_READY = "seat-not-ready"
    # calls
    CALL_UNKNOWN = "call-unknown"
    CALL_NOT_OFFERED = "call-not-offered"
    CALL_ALREADY_ANSWERED = "call-already-answered"
    CALL_STILL_LIVE = "call-still-live"
    CALL_NOT_CLASSIFIED = "call-not-classified"
    NO_LIVE_CALL = "no-live-call"
    BAD_ADDRESS = "bad-address"
    NO_SUCH_LEG = "no-such-leg"
    TOO_MANY_PARTIES = "too-many-parties"
    NO_PARTY_JOINED = "no-party-joined"
    MEDIA_UNAVAILABLE = "media-unavailable"
    RECORDING_UNKNOWN = "recording-unknown"
    CALLBACK_UNKNOWN = "callback-unknown"
    CALLBACK_NOT_POSSIBLE = "callback-not-possible"
    LISTEN_IN_RUNNING = "listen-in-running"
    MEASURE_NOT_ACTIVE = "measure-not-active"
    # incidents
    INCIDENT_UNKNOWN = "incident-unknown"
    INCIDENT_CLOSED = "incident-closed"
    UNITS_NOT_RELEASED = "units-not-released"
    # dispatch and units
    UNIT_UNKNOWN = "unit-unknown"
    UNIT_NOT_AVAILABLE = "unit-not-available"
    UNIT_NOT_DISPATCHED = "unit-not-dispatched"
    MOVE_NOT_ALLOWED = "move-not-allowed"
    OVERRIDE_REASON_MISSING = "override-reason-missing"
    CREW_NOT_SIGNED_ON = "crew-not-signed-on"
    # requests
    KEY_REUSED = "key-reused"


class Refused(Exception):  # noqa: N818
    """A rule forbids the command and nothing was recorded.  Told to the operator, never paged."""

    def __init__(self, code: Refusal, **context: str) -> None:
        super().__init__(code)
        self.code = code
        self.context = context


class Unavailable(Exception):  # noqa: N818
    """A part is down: 503; the client tries again, nothing was recorded."""

    def __init__(self, part: str, detail: str = "") -> None:
        super().__init__(f"{part}: {detail}" if detail else part)
        self.part = part
        self.detail = detail


class Invalid(Exception):  # noqa: N818
    """The request itself is wrong: 422 with each field and what is wrong with it."""

    def __init__(self, **fields: str) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in fields.items()))
        self.fields = fields

    @classmethod
    def of(cls, fields: dict[str, str]) -> "Invalid":
        """For field paths with dots, such as ``place.lat``."""
        invalid = cls()
        invalid.fields = fields
        invalid.args = ("; ".join(f"{name}: {message}" for name, message in fields.items()),)
        return invalid
