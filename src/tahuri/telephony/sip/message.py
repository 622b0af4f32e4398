"""SIP messages: bytes to structs and back.  Pure.  Sources: RFC 3261, tested with RFC 4475."""

import re
from dataclasses import dataclass, field
from typing import NoReturn

from tahuri.telephony.sip.grammar import (
    TOKEN,
    BadValue,
    NameAddress,
    UnknownScheme,
    host_port,
    name_address,
    parameters_of,
    parse_uri,
    split_list,
)

MESSAGE_BYTES_MAX = 65_535
"""Larger messages are refused on every transport (513)."""
HEADERS_MAX = 400
MAGIC = "z9hG4bK"

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "s": "subject",
    "k": "supported",
    "r": "refer-to",
    "b": "referred-by",
    "e": "content-encoding",
    "o": "event",
    "u": "allow-events",
    "x": "session-expires",
}
_SPELLED = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "www-authenticate": "WWW-Authenticate",
    "min-se": "Min-SE",
    "rseq": "RSeq",
    "rack": "RAck",
}
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
_VIA = re.compile(
    r"^SIP\s*/\s*2\.0\s*/\s*(?P<transport>[\w\-]+)\s+(?P<sent_by>[^;\s]+(?:\s*:\s*\d+)?)"
)
_VERSION = re.compile(r"^SIP/\d+\.\d+$", re.IGNORECASE)

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    603: "Decline",
}


@dataclass(slots=True)
class Message:
    """What requests and responses share; header names are lower case, in the order they came."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        """Every member of every header of that name, comma lists taken apart."""
        return [
            member for key, value in self.headers if key == name for member in split_list(value)
        ]

    def replace(self, name: str, value: str) -> None:
        """Set a header that stands once."""
        self.headers = [pair for pair in self.headers if pair[0] != name] + [(name, value)]

    @property
    def call_id(self) -> str:
        return self.get("call-id") or ""

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = (self.get("cseq") or "").partition(" ")
        return int(number), method.strip()

    @property
    def from_(self) -> NameAddress:
        return name_address(self.get("from") or "")

    @property
    def to(self) -> NameAddress:
        return name_address(self.get("to") or "")

    @property
    def vias(self) -> list[str]:
        return self.all("via")

    @property
    def branch(self) -> str:
        return parameters_of(self.vias[0].partition(";")[2]).get("branch", "")

    @property
    def content_type(self) -> str:
        """Media type in lower case, without parameters; empty when there is none."""
        return (self.get("content-type") or "").partition(";")[0].strip().lower()

    def _encoded(self, first: str) -> bytes:
        lines = [first]
        lines += [f"{_spelled(k)}: {v}" for k, v in self.headers if k != "content-length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(slots=True)
class Request(Message):
    method: str = ""
    uri: str = ""

    def encoded(self) -> bytes:
        return self._encoded(f"{self.method} {self.uri} SIP/2.0")


@dataclass(slots=True)
class Response(Message):
    status: int = 0
    reason: str = ""

    def encoded(self) -> bytes:
        return self._encoded(f"SIP/2.0 {self.status} {self.reason or REASONS.get(self.status, '')}")


class Malformed(Exception):  # noqa: N818
    """Not a SIP message; ``status`` is what to answer ``request`` with, if that can be answered."""

    def __init__(self, status: int, detail: str, request: Request | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.request = request


def sent_by(via: str) -> str:
    """Host and port a Via names.  Raises BadValue."""
    match = _VIA.match(via)
    if not match:
        raise BadValue("via")
    return re.sub(r"\s", "", match["sent_by"])


def ask_rport(request: Request) -> None:
    """Take it as if its Via asked for answers to the port it came from (RFC 3581)."""
    for place, (name, value) in enumerate(request.headers):
        if name == "via":
            first, *others = split_list(value)
            if "rport" not in parameters_of(first.partition(";")[2]):
                request.headers[place] = (name, ", ".join([f"{first};rport", *others]))
            return


def parse(data: bytes, stream: bool = False) -> Request | Response:
    """One message.

    Args:
        data: a datagram, or exactly one message cut out of a stream.
        stream: whether it came over TCP or TLS, where Content-Length is needed.

    Raises:
        Malformed.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise Malformed(513, "too large")
    head, end, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not end and head.endswith(b"\r\n") and not stream:
        head = head[:-2]  # a datagram ends by itself
    elif not end:
        raise Malformed(400, "no end of the headers")
    text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    first, *lines = text.split("\r\n")
    message = _first_line(first)
    broken = _read_headers(message, lines)
    request = message if isinstance(message, Request) else None
    if request is not None and _is_other_version(first):
        _refuse(505, "version", request)
    try:
        if broken:
            raise BadValue("a header line without a name")
        _check(message)
        message.body = _body(message, body, stream)
    except BadValue as error:
        _refuse(400, str(error), request)
    if request is not None:
        _check_request_line(first, request)
    return message


def _first_line(first: str) -> Request | Response:
    if first[:4].upper() == "SIP/":
        match = re.match(r"^SIP/2\.0 ([1-6]\d\d)(?: (.*))?$", first, re.IGNORECASE)
        if not match:
            raise Malformed(400, "status line")
        return Response(status=int(match[1]), reason=match[2] or "")
    method, _, rest = first.partition(" ")
    return Request(method=method, uri=rest.rpartition(" ")[0])


def _check_request_line(first: str, request: Request) -> None:
    parts = first.split(" ")
    if len(parts) != 3 or parts[-1].upper() != "SIP/2.0" or not TOKEN.match(request.method):
        _refuse(400, "request line", request)
    if not request.uri or any(letter in request.uri for letter in '<>" \t'):
        _refuse(400, "request URI", request)


def _is_other_version(first: str) -> bool:
    version = first.rpartition(" ")[2]
    return bool(_VERSION.match(version)) and version.upper() != "SIP/2.0"


def _refuse(status: int, detail: str, request: Request | None) -> NoReturn:
    raise Malformed(status, detail, request)


def _read_headers(message: Message, lines: list[str]) -> bool:
    """Fill the headers in; whether a line was broken."""
    broken = len(lines) > HEADERS_MAX
    for line in lines[:HEADERS_MAX]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not TOKEN.match(name):
            broken = True
            continue
        message.headers.append((COMPACT.get(name, name), value.strip()))
    return broken


def _check(message: Request | Response) -> None:
    """What we need must be sound; what nobody here reads (Date, Expires, Max-Forwards: we pass
    nothing on) costs no call, however odd it is.  Raises BadValue."""
    counts: dict[str, int] = {}
    for name, _ in message.headers:
        counts[name] = counts.get(name, 0) + 1
    for name in ("via", "from", "to", "call-id", "cseq"):
        if name not in counts:
            raise BadValue(f"no {name}")
    for name in _ONCE:
        if counts.get(name, 0) > 1:
            raise BadValue(f"two of {name}")
    match = re.match(r"^(\d{1,10})\s+(\S+)$", message.get("cseq") or "")
    if not match or int(match[1]) >= 1 << 31:
        raise BadValue("cseq")
    message.replace("cseq", f"{int(match[1])} {match[2]}")
    if isinstance(message, Request) and match[2] != message.method:
        raise BadValue("cseq names another method")
    for via in message.vias:
        sent_by(via)
    if not message.vias:
        raise BadValue("via")
    for name in ("from", "to"):
        name_address(message.get(name) or "")
    for contact in message.all("contact"):
        if contact != "*":
            name_address(contact)


def _body(message: Message, body: bytes, stream: bool) -> bytes:
    value = message.get("content-length")
    if value is None:
        if stream:
            raise BadValue("no content-length on a stream")
        return body
    if not re.match(r"^\d{1,9}$", value) or int(value) > len(body):
        raise BadValue("content-length")
    return body[: int(value)]


def _spelled(name: str) -> str:
    return _SPELLED.get(name) or "-".join(part[:1].upper() + part[1:] for part in name.split("-"))


def response_to(
    request: Request,
    status: int,
    source: tuple[str, int],
    tag: str,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Response:
    """A response with the headers RFC 3261 § 8.2.6 and RFC 3581 want.

    Args:
        source: address and port the request really came from.
        tag: put on To when it has none (not on 100).
    """
    response = Response(status=status, body=body)
    vias = request.vias
    for number, via in enumerate(vias):
        response.headers.append(("via", _returned(via, source) if number == 0 else via))
    for name in ("from", "to", "call-id", "cseq"):
        value = request.get(name)
        if value is None:
            continue
        if name == "to" and status > 100 and not re.search(r";\s*tag\s*=", value):
            value += f";tag={tag}"
        response.headers.append((name, value))
    if 100 < status < 300:
        response.headers += [pair for pair in request.headers if pair[0] == "record-route"]
    response.headers += headers
    return response


def ack_of(invite: Request, response: Response) -> Request:
    """The ACK for a refusal, part of the INVITE's own transaction (RFC 3261 § 17.1.1.3)."""
    ack = Request(method="ACK", uri=invite.uri)
    ack.headers = [invite.headers[0], *(pair for pair in invite.headers if pair[0] == "route")]
    ack.headers += [("max-forwards", "70"), ("from", invite.get("from") or "")]
    ack.headers += [("to", response.get("to") or ""), ("call-id", invite.call_id)]
    ack.headers.append(("cseq", f"{invite.cseq[0]} ACK"))
    return ack


def _returned(via: str, source: tuple[str, int]) -> str:
    first, _, rest = via.partition(";")
    parameters = [part for part in rest.split(";") if part.strip()]
    if any(part.strip().lower().partition("=")[0] == "rport" for part in parameters):
        kept = [p for p in parameters if p.strip().lower().partition("=")[0] != "rport"]
        parameters = [*kept, f"rport={source[1]}", f"received={source[0]}"]
    elif _host(via) != source[0]:
        parameters.append(f"received={source[0]}")
    return ";".join([first, *parameters])


def _host(via: str) -> str:
    """The host that a Via names; empty when it cannot be read."""
    try:
        return host_port(sent_by(via), 5060)[0]
    except BadValue:
        return ""


def is_supported_uri(uri: str) -> int:
    """0, or the status (400, 416) with which to refuse a Request-URI."""
    try:
        known = parse_uri(uri)
    except BadValue as error:
        return 416 if isinstance(error, UnknownScheme) else 400
    if known.has_headers:
        return 400  # RFC 3261 § 19.1.1: no headers in a Request-URI
    return 416 if known.is_service and known.user.partition(".")[0] not in ("sos", "test") else 0
