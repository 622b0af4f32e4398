"""Bodies of several parts (RFC 2046) and the location inside them (RFC 4119, 5491, 6442).  Pure."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tahuri.telephony.sip.message import Message

PARTS_MAX = 16
LOCATION_BYTES_MAX = 64 << 10
_GML = "{http://www.opengis.net/gml}"
_SHAPES = "{http://www.opengis.net/pidflo/1.0}"
_GEOPRIV = "{urn:ietf:params:xml:ns:pidf:geopriv10}"
_METRE = "urn:ogc:def:uom:EPSG::9001"


@dataclass(frozen=True, slots=True)
class Part:
    content_type: str
    """Lower case, without parameters."""
    content_id: str
    """Without angle brackets; empty when there is none."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A point or circle, WGS 84."""

    lat: float
    lon: float
    uncertainty_m: float | None
    method: str | None
    xml: str


def parts_of(message: Message) -> list[Part]:
    """The parts of a body; a body of one part gives one, no body none."""
    if not message.body:
        return []
    whole = message.get("content-type") or ""
    if not message.content_type.startswith("multipart/"):
        return [Part(message.content_type, "", message.body)]
    boundary = re.search(r"boundary\s*=\s*(?:\"([^\"]+)\"|([^;\s]+))", whole, re.IGNORECASE)
    if not boundary:
        return []
    mark = b"--" + (boundary[1] or boundary[2]).encode("utf-8", "surrogateescape")
    found: list[Part] = []
    for segment in (b"\r\n" + message.body).split(b"\r\n" + mark)[1 : PARTS_MAX + 1]:
        if segment.startswith(b"--"):
            break
        found.append(_part(segment))
    return found


def _part(segment: bytes) -> Part:
    head, _, content = segment.partition(b"\r\n\r\n")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    kind = headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    return Part(kind, headers.get("content-id", "").strip("<>"), content)


def multipart(parts: list[Part], boundary: str) -> tuple[str, bytes]:
    """Content-Type and body of several parts."""
    body = b""
    for part in parts:
        head = f"--{boundary}\r\nContent-Type: {part.content_type}\r\n"
        if part.content_id:
            head += f"Content-ID: <{part.content_id}>\r\n"
        body += head.encode() + b"\r\n" + part.content + b"\r\n"
    return f'multipart/mixed;boundary="{boundary}"', body + f"--{boundary}--\r\n".encode()


def session_of(message: Message) -> bytes | None:
    """The session description in a body; None when there is none."""
    parts = (part for part in parts_of(message) if part.content_type == "application/sdp")
    return next((part.content for part in parts), None)


def location_of(message: Message) -> Place | None:
    """The caller's place by value; None when none is given or it cannot be understood.

    A ``Geolocation`` header may name the part (``cid:``); without one the first part is taken.
    """
    documents = [p for p in parts_of(message) if p.content_type == "application/pidf+xml"]
    named = {match[1] for match in re.finditer(r"<cid:([^>]+)>", message.get("geolocation") or "")}
    documents.sort(key=lambda part: part.content_id not in named)
    places = (parse_location(part.content) for part in documents)
    return next((place for place in places if place), None)


def parse_location(xml: bytes) -> Place | None:
    """The first point, circle or ellipse of a PIDF-LO; None when there is none."""
    if len(xml) > LOCATION_BYTES_MAX:
        return None
    try:
        root = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):  # last: odd encodings
        return None
    position = next((e for e in root.iter(f"{_GML}pos") if e.text), None)
    if position is None or position.text is None:
        return None
    try:
        lat, lon = (float(number) for number in position.text.split()[:2])
    except ValueError:
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    method = root.find(f".//{_GEOPRIV}method")
    text = method.text.strip() if method is not None and method.text else None
    return Place(lat, lon, _uncertainty_m(root), text, xml.decode("utf-8", "replace"))


def _uncertainty_m(root: Element) -> float | None:
    for name in ("radius", "semiMajorAxis"):
        found = root.find(f".//{_SHAPES}{name}")
        if found is not None and found.text and found.get("uom", _METRE) == _METRE:
            try:
                metres = float(found.text)
            except ValueError:
                return None
            return metres if 0 <= metres < 1e7 else None
    return None
