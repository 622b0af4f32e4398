"""Values inside SIP header fields: lists, parameters, addresses, URIs.  Pure."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

TOKEN = re.compile(r"^[A-Za-z0-9\-.!%*_+`'~]+$")
_URI = re.compile(
    r"^(?P<scheme>sips?):(?:(?P<user>[^@\s<>\"]*)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^:;?@\s<>\"]+)"
    r"(?::(?P<port>\d{1,5}))?(?P<params>(?:;[^?\s<>\"]*)?)(?P<headers>\?[^\s<>\"]*)?$",
    re.IGNORECASE,
)
_TEL = re.compile(r"^tel:(?P<number>[+0-9*#()A-Da-d.\-]+)(?P<params>(?:;\S*)?)$", re.IGNORECASE)
_SERVICE = re.compile(r"^urn:service:(?P<name>[a-z0-9.\-]+)$", re.IGNORECASE)
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:")


class BadValue(Exception):  # noqa: N818
    """A header field's value breaks the grammar."""


class UnknownScheme(BadValue):
    """A URI that may be right, of a scheme nobody here knows."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP, SIPS or tel URI, or ``urn:service:``."""

    scheme: str
    user: str = ""
    """User part, percent-decoded; the number of a tel URI; the name of a service."""
    host: str = ""
    """Without the brackets of an IPv6 address."""
    port: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    has_headers: bool = False

    @property
    def is_service(self) -> bool:
        return self.scheme == "urn"


@dataclass(frozen=True, slots=True)
class NameAddress:
    """``"Name" <uri>;parameters``."""

    display_name: str
    uri: str
    parameters: dict[str, str]

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag")


def split_list(value: str) -> list[str]:
    """The members of a comma list; commas in quotes and angle brackets do not count."""
    members: list[str] = []
    quoted = escaped = False
    angle = start = 0
    for place, letter in enumerate(value):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter == "<":
            angle += 1
        elif letter == ">":
            angle -= 1
        elif letter == "," and angle <= 0:
            members.append(value[start:place].strip())
            start = place + 1
    members.append(value[start:].strip())
    return [member for member in members if member]


def parameters_of(text: str) -> dict[str, str]:
    """``;a=1;b="x;y";c`` as a mapping with lower-case names; a flag has the value ``""``."""
    found: dict[str, str] = {}
    for part in _split_outside_quotes(text, ";"):
        name, _, value = part.partition("=")
        if name.strip():
            found[name.strip().lower()] = value.strip().strip('"')
    return found


def name_address(value: str) -> NameAddress:
    """A From, To, Contact, Route or P-Asserted-Identity.

    Raises:
        BadValue: unbalanced quotes or brackets, or no URI.
    """
    value = value.strip()
    display, rest = _display_name(value)
    if rest.startswith("<"):
        uri, bracket, after = rest[1:].partition(">")
        if not bracket:
            raise BadValue("no closing angle bracket")
        if after.strip() and not after.strip().startswith(";"):
            raise BadValue("rubbish after the address")
        parameters = parameters_of(after)
        uri = uri.strip()
    else:
        if display or ">" in rest:
            raise BadValue("a display name needs angle brackets")
        uri, _, after = rest.partition(";")
        uri, parameters = uri.strip(), parameters_of(after)
        if "?" in uri or "," in uri:
            raise BadValue("such an address needs angle brackets")
    if not _SCHEME.match(uri) or re.search(r"\s", uri):
        raise BadValue("no address")
    return NameAddress(display, uri, parameters)


def parse_uri(text: str) -> Uri:
    """A URI this switch can work with.

    Raises:
        UnknownScheme: another scheme (answer 416).
        BadValue: not a URI (answer 400).
    """
    if match := _URI.match(text):
        port = int(match["port"]) if match["port"] else None
        if port is not None and not 0 < port < 1 << 16:
            raise BadValue("port")
        return Uri(
            match["scheme"].lower(),
            unquote((match["user"] or "").partition(":")[0]),
            match["host"].strip("[]"),
            port,
            parameters_of(match["params"]),
            bool(match["headers"]),
        )
    if match := _TEL.match(text):
        number = re.sub(r"[().\-]", "", match["number"])
        return Uri("tel", number, parameters=parameters_of(match["params"]))
    if match := _SERVICE.match(text):
        return Uri("urn", match["name"].lower())
    if _SCHEME.match(text) and not text.lower().startswith(("sip:", "sips:", "tel:")):
        raise UnknownScheme("scheme")
    raise BadValue("not a URI")


def whole_number(text: str, digits: int = 9) -> int | None:
    """1*DIGIT with blanks around it; None: it is something else, or longer than so many digits.

    `str.isdigit` says yes to ``²``, and `int` takes the digits of every script: neither is SIP's.
    """
    match = re.fullmatch(r"[ \t]*([0-9]+)[ \t]*", text)
    return int(match[1]) if match and len(match[1]) <= digits else None


def in_uri(host: str) -> str:
    """A host as it stands in a URI or Via: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_port(text: str, default_port: int) -> tuple[str, int]:
    """``host:port``, ``host``, ``[v6]:port``.  Raises BadValue."""
    match = re.match(r"^(\[[0-9a-fA-F:.]+\]|[^\s:;\[\]]+)(?::\s*(\d{1,5}))?$", text.strip())
    if not match:
        raise BadValue("host and port")
    port = int(match[2]) if match[2] else default_port
    if not 0 < port < 1 << 16:
        raise BadValue("port")  # a socket that is asked to send there closes for good
    return match[1].strip("[]"), port


def _display_name(value: str) -> tuple[str, str]:
    """The name and the rest.  An exchange that forgets the quotes has callers all the same, so
    any words before the bracket are a name (RFC 4475 § 3.1.2.15 allows it)."""
    if value.startswith('"'):
        place = 1
        while place < len(value) and value[place] != '"':
            place += 2 if value[place] == "\\" else 1
        if place >= len(value):
            raise BadValue("unbalanced quotes")
        return re.sub(r"\\(.)", r"\1", value[1:place]), value[place + 1 :].strip()
    before, bracket, _ = value.partition("<")
    if not bracket:
        return "", value
    return " ".join(before.split()), value[len(before) :]


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    parts: list[str] = []
    quoted = escaped = False
    start = 0
    for place, letter in enumerate(text):
        if escaped:
            escaped = False
        elif letter == "\\" and quoted:
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return parts
