"""What can be wrong with a place that holds recordings, and which of it concerns all of them.

A fault of the whole place ends the round that met it: it is told once and tried again later.  Any
other concerns one recording, and those behind it are tried.
"""

import errno
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from msgspec import Struct


class FaultCode(StrEnum):
    """Why a place did not do what was asked.  Screens translate these codes."""

    FOLDER_ABSENT = "folder-absent"
    FOLDER_EMPTY = "folder-empty"
    STRANGE = "strange"
    NOT_ALLOWED = "not-allowed"
    FULL = "full"
    DISK = "disk"
    UNREACHABLE = "unreachable"
    LATE = "late"
    CERTIFICATE = "certificate"
    WRONG_KEY = "wrong-key"
    WRONG_SECRET = "wrong-secret"  # noqa: S105  # a code, not a secret
    DENIED = "denied"
    NO_BUCKET = "no-bucket"
    CLOCK = "clock"
    REGION = "region"
    BUSY = "busy"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    LOCKED = "locked"
    VERSIONS = "versions"
    SOURCE = "source"
    SOURCE_ALTERED = "source-altered"
    ABSENT = "absent"
    ALTERED = "altered"


SENTENCES: dict[FaultCode, str] = {
    FaultCode.FOLDER_ABSENT: "the folder is not there",
    FaultCode.FOLDER_EMPTY: "the folder is empty: perhaps its disk is not mounted",
    FaultCode.STRANGE: "nothing that was copied there is there: perhaps it is another place",
    FaultCode.NOT_ALLOWED: "the folder cannot be read or written: {detail}",
    FaultCode.FULL: "the place is full: {detail}",
    FaultCode.DISK: "the disk fails: {detail}",
    FaultCode.UNREACHABLE: "the store cannot be reached: {detail}",
    FaultCode.LATE: "the store does not answer in time",
    FaultCode.CERTIFICATE: "the store's certificate is not trusted: {detail}",
    FaultCode.WRONG_KEY: "the store does not know the access key ({detail})",
    FaultCode.WRONG_SECRET: "the secret does not belong to the access key ({detail})",
    FaultCode.DENIED: "the access key may not do that ({detail})",
    FaultCode.NO_BUCKET: "the bucket is not there",
    FaultCode.CLOCK: "the clocks of this machine and of the store differ by {detail}",
    FaultCode.REGION: "the store is in another region: {detail}",
    FaultCode.BUSY: "the store cannot answer now ({detail})",
    FaultCode.REFUSED: "the store says {detail}",
    FaultCode.UNREADABLE: "the store answers what cannot be read: {detail}",
    FaultCode.LOCKED: "the store keeps what must be erased ({detail})",
    FaultCode.VERSIONS: "the store keeps former versions and does not let us erase them ({detail})",
    FaultCode.SOURCE: "the recording cannot be read: {detail}",
    FaultCode.SOURCE_ALTERED: "the recording is not what the log says: has sha256 {detail}",
    FaultCode.ABSENT: "it is not there",
    FaultCode.ALTERED: "it has sha256 {detail}",
}
OF_ONE = frozenset(
    {
        FaultCode.DISK,
        FaultCode.REFUSED,
        FaultCode.LOCKED,
        FaultCode.VERSIONS,
        FaultCode.SOURCE,
        FaultCode.SOURCE_ALTERED,
        FaultCode.ABSENT,
        FaultCode.ALTERED,
    }
)
"""Faults that concern one recording, unless told otherwise."""


class Fault(Struct, frozen=True):
    """What is wrong; never a key, a secret or a signature."""

    code: FaultCode
    detail: str = ""
    whole: bool = False
    """Whether it concerns the place and not one recording: no other is tried in this round."""

    def __str__(self) -> str:
        return SENTENCES[self.code].format(detail=self.detail)


class PlaceError(Exception):
    """A place could not give what was asked."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def fault(code: FaultCode, detail: str = "") -> Fault:
    """The fault, of the whole place unless its kind concerns one recording."""
    return Fault(code, detail, code not in OF_ONE)


AWAY = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH}
)
"""What a mount says whose machine is gone."""


def of_disk(error: OSError, *, writing: bool) -> Fault:
    """What a folder's fault means.

    Args:
        writing: whether something was to be written; then a fault is the disk's, whereas a block
            that cannot be read is one recording's.
    """
    said = error.strerror or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return fault(FaultCode.FULL, said)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Fault(FaultCode.NOT_ALLOWED, said, writing)
    if error.errno == errno.ENOENT and not writing:
        return fault(FaultCode.ABSENT)
    return Fault(FaultCode.DISK, said, writing or error.errno in AWAY)


CODES: dict[str, FaultCode] = {
    "InvalidAccessKeyId": FaultCode.WRONG_KEY,
    "InvalidToken": FaultCode.WRONG_KEY,
    "SignatureDoesNotMatch": FaultCode.WRONG_SECRET,
    "AccessDenied": FaultCode.DENIED,
    "AllAccessDisabled": FaultCode.DENIED,
    "AccountProblem": FaultCode.DENIED,
    "NoSuchBucket": FaultCode.NO_BUCKET,
    "InvalidBucketName": FaultCode.NO_BUCKET,
    "NoSuchKey": FaultCode.ABSENT,
    "RequestTimeTooSkewed": FaultCode.CLOCK,
    "RequestExpired": FaultCode.CLOCK,
    "AuthorizationHeaderMalformed": FaultCode.REGION,
    "PermanentRedirect": FaultCode.REGION,
    "XMinioStorageFull": FaultCode.FULL,
    "QuotaExceeded": FaultCode.FULL,
    "XMinioAdminBucketQuotaExceeded": FaultCode.FULL,
    "EntityTooLarge": FaultCode.REFUSED,
    "SlowDown": FaultCode.BUSY,
    "ServiceUnavailable": FaultCode.BUSY,
    "InternalError": FaultCode.BUSY,
    "XMinioServerNotInitialized": FaultCode.BUSY,
    "RequestTimeout": FaultCode.LATE,
    "ObjectLocked": FaultCode.LOCKED,
}
"""What stores answer, and what it means (S3 API reference, "Error responses"; MinIO's own)."""


def of_store(error: Exception, now: datetime) -> Fault:
    """What a store's fault, or that of the way to it, means.

    Args:
        error: one of ``STORE_ERRORS``.
        now: UTC, to say how far the clocks are apart.
    """
    match error:
        case S3Error():
            said = error.code or "no"
            code = CODES.get(said, FaultCode.REFUSED)
            return fault(code, _apart(error, now) if code is FaultCode.CLOCK else said)
        case ServerError():
            return fault(FaultCode.BUSY, str(error.status_code))
        case urllib3.exceptions.SSLError():
            return fault(FaultCode.CERTIFICATE, _of_tls(error))
        case urllib3.exceptions.MaxRetryError() if error.reason is not None:
            return of_store(error.reason, now)
        case urllib3.exceptions.NewConnectionError():
            return fault(FaultCode.UNREACHABLE, type(error).__name__)
        case urllib3.exceptions.TimeoutError():
            return fault(FaultCode.LATE)
        case urllib3.exceptions.HTTPError() | OSError():
            return fault(FaultCode.UNREACHABLE, type(error).__name__)
        case InvalidResponseError() | ParseError() | ValueError() | MinioException():
            return fault(FaultCode.UNREADABLE, type(error).__name__)
        case _:
            raise error


STORE_ERRORS = (MinioException, urllib3.exceptions.HTTPError, OSError, ParseError, ValueError)


def _apart(error: S3Error, now: datetime) -> str:
    """Seconds between the clocks, by the ``Date`` of the answer."""
    try:
        theirs = parsedate_to_datetime(error.response.headers.get("date", ""))
    except (AttributeError, TypeError, ValueError):
        return error.code or ""
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return f"{abs((theirs - now).total_seconds()):.0f} s"


def _of_tls(error: Exception) -> str:
    """OpenSSL's words without the place in its source."""
    words = str(error)
    _, found, said = words.partition("certificate verify failed: ")
    return said.partition(" (_ssl")[0] if found else "no TLS"
