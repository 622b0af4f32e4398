"""Every code with which a rule of the centre says no.  Codes never change meaning."""

from tahuri.kernel.refusal import Code, RequestRefusal


class Refusal(Code):
    """Stable codes; consoles translate them, other systems match on them."""

    # operators
    WRONG_PASSWORD = "wrong-password", 401
    TOO_MANY_ATTEMPTS = "too-many-attempts", 429
    NOT_SIGNED_IN = RequestRefusal.NOT_SIGNED_IN, RequestRefusal.NOT_SIGNED_IN.status
    NOT_ALLOWED = RequestRefusal.NOT_ALLOWED, RequestRefusal.NOT_ALLOWED.status
    LAST_ADMINISTRATOR = "last-administrator"
    SEAT_TAKEN = "seat-taken"
    SEAT_IS_PHONE = "seat-is-phone"
    SEAT_NOT_SIGNED_ON = "seat-not-signed-on"
    SEAT_BUSY = "seat-busy"
    SEAT_NOT_READY = "seat-not-ready"
    # calls
    CALL_UNKNOWN = "call-unknown", 404
    CALL_NOT_OFFERED = "call-not-offered"
    CALL_ALREADY_ANSWERED = "call-already-answered"
    CALL_STILL_LIVE = "call-still-live"
    CALL_NOT_CLASSIFIED = "call-not-classified"
    NO_LIVE_CALL = "no-live-call"
    BAD_ADDRESS = "bad-address"
    NO_SUCH_LEG = "no-such-leg"
    TOO_MANY_PARTIES = "too-many-parties"
    NO_PARTY_JOINED = "no-party-joined"
    MEDIA_UNAVAILABLE = "media-unavailable", 503
    RECORDING_UNKNOWN = "recording-unknown", 404
    RECORDING_ELSEWHERE = "recording-elsewhere", 503
    CALLBACK_UNKNOWN = "callback-unknown", 404
    CALLBACK_NOT_POSSIBLE = "callback-not-possible"
    CALLER_PAGE_UNKNOWN = "caller-page-unknown", 404
    CALLER_PAGE_FULL = "caller-page-full", 429
    LISTEN_IN_RUNNING = "listen-in-running"
    MEASURE_NOT_ACTIVE = "measure-not-active"
    # incidents
    INCIDENT_UNKNOWN = "incident-unknown", 404
    INCIDENT_CLOSED = "incident-closed"
    UNITS_NOT_RELEASED = "units-not-released"
    # dispatch and units
    UNIT_UNKNOWN = "unit-unknown", 404
    UNIT_NOT_AVAILABLE = "unit-not-available"
    UNIT_NOT_DISPATCHED = "unit-not-dispatched"
    MOVE_NOT_ALLOWED = "move-not-allowed"
    OVERRIDE_REASON_MISSING = "override-reason-missing"
    CREW_NOT_SIGNED_ON = "crew-not-signed-on"
    # requests
    KEY_REUSED = RequestRefusal.KEY_REUSED, RequestRefusal.KEY_REUSED.status
