"""Why the rules, or the state of the machinery, said no.  Codes never change meaning."""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A stable name, told with an HTTP status: 409 unless another is given."""

    status: int

    def __new__(cls, name: str, status: int = 409) -> Self:
        code = str.__new__(cls, name)
        code._value_ = name
        code.status = status
        return code


class RequestRefusal(Code):
    """What the kernel itself refuses."""

    NOT_SIGNED_IN = "not-signed-in", 401
    NOT_ALLOWED = "not-allowed", 403
    KEY_REUSED = "key-reused", 422


class Refused(Exception):  # noqa: N818
    """A rule forbids the command and nothing was recorded.  Told to the operator, never paged."""

    def __init__(self, code: Code, **context: str) -> None:
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
