"""Session descriptions (RFC 4566, RFC 3264): one G.711 audio stream.  Pure."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tahuri.telephony.sip import sdes
from tahuri.telephony.sip.sdes import Crypto, Srtp

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

CODECS = {8: "PCMA", 0: "PCMU"}
"""Payload types we speak, best first (RFC 3551)."""
DTMF_OFFERED = 101
LINES_MAX = 400

_NO_MEDIA = ("audio", "0", "RTP/AVP", "0")
"""What is missing in an m= line that we refuse anyway."""
_MIRROR: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_PORT = re.compile(r"^[0-9]{1,5}$")
_DIRECTION = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$")


class NoSession(Exception):  # noqa: N818
    """Not a session description, or none with audio that we can speak (answer 488)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The first m= line of RTP audio that we may speak, as the far end describes it."""

    address: str
    udp: int
    payload: Literal[0, 8]
    dtmf: int | None
    direction: Direction
    index: int
    """Which m= line it is."""
    media: tuple[str, ...]
    """Every m= line without ``m=``, so that an answer can refuse the others."""
    crypto: Crypto | None = None
    """Their keys where the stream is encrypted."""

    @property
    def sends_to(self) -> str | None:
        """Where our audio goes; None while the far end wants none (hold)."""
        return None if self.on_hold else self.address

    @property
    def on_hold(self) -> bool:
        """Whether the far end listens to nobody; the oldest phones say so by a void address."""
        void = self.address in ("0.0.0.0", "::") or self.udp == 0
        return void or self.direction in ("sendonly", "inactive")


class NotSecured(NoSession):
    """There is audio that we could speak, were it encrypted."""


PLAIN = ("RTP/AVP", "RTP/AVPF")
SECURED = ("RTP/SAVP", "RTP/SAVPF")


def parse(content: bytes, srtp: Srtp = "off") -> Stream:
    """The audio stream of an offer or an answer.

    Args:
        srtp: whether keys in it are passed over, used where there are any, or needed.

    Raises:
        NoSession: malformed, no audio over RTP/AVP (or RTP/SAVP, if ``srtp`` is not ``off``), or
            neither PCMA nor PCMU.
        NotSecured: nothing but the encryption is missing.
    """
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if len(lines) > LINES_MAX or not lines[0].startswith("v=0"):
        raise NoSession("not a session description")
    session: list[str] = []
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            sections.append([line])
        else:
            (sections[-1] if sections else session).append(line)
    media = tuple(section[0][2:].strip() for section in sections)
    found = [_stream(session, section, index, media) for index, section in enumerate(sections)]
    streams = [stream for stream in found if stream is not None]
    for stream in streams:
        secured = stream.media[stream.index].split()[2] in SECURED
        if srtp == "off" and not secured:
            return replace(stream, crypto=None)
        if srtp != "off" and (stream.crypto is not None or (srtp == "optional" and not secured)):
            return stream
    if streams and srtp == "required":
        raise NotSecured("the audio is not encrypted")
    raise NoSession("no audio that we can speak")


def _stream(
    session: list[str], section: list[str], index: int, media: tuple[str, ...]
) -> Stream | None:
    words = media[index].split()
    if len(words) < 4 or words[0] != "audio" or words[2] not in (*PLAIN, *SECURED):
        return None
    port = words[1].partition("/")[0]
    payload = next((number for number in words[3:] if number in ("8", "0")), None)
    if not _PORT.match(port) or not 0 < int(port) < 1 << 16 or payload is None:
        return None
    address = _address(section) or _address(session)
    if address is None:
        return None
    return Stream(
        address,
        int(port),
        8 if payload == "8" else 0,
        _dtmf(section),
        _direction(section) or _direction(session) or "sendrecv",
        index,
        media,
        sdes.chosen(section),
    )


def _address(lines: list[str]) -> str | None:
    for line in lines:
        match = re.match(r"^c=IN IP[46] ([^\s/]+)(?:/\S*)?\s*$", line)
        if match:
            try:
                return str(ipaddress.ip_address(match[1]))
            except ValueError:
                return None
    return None


def _dtmf(lines: list[str]) -> int | None:
    for line in lines:
        match = re.match(r"^a=rtpmap:(\d{1,3})\s+telephone-event/8000", line, re.IGNORECASE)
        if match and int(match[1]) < 128:
            return int(match[1])
    return None


def _direction(lines: list[str]) -> Direction | None:
    for line in lines:
        match = _DIRECTION.match(line)
        if match:
            return match[1]  # type: ignore[return-value]
    return None


def offer(
    address: str,
    udp: int,
    version: int,
    direction: Direction = "sendrecv",
    srtp: Srtp = "off",
    keys: Mapping[str, str] | None = None,
) -> bytes:
    """An offer of PCMA and PCMU with telephone events.

    Args:
        srtp: ``required`` offers RTP/SAVP, ``optional`` RTP/AVP with keys, which who knows them
            uses and others pass over.
        keys: by suite; needed unless ``srtp`` is ``off``.
    """
    codecs = " ".join(str(payload) for payload in CODECS)
    protocol = "RTP/SAVP" if srtp == "required" else "RTP/AVP"
    media = [f"m=audio {udp} {protocol} {codecs} {DTMF_OFFERED}"]
    media += sdes.offered(keys or {}) if srtp != "off" else []
    media += [f"a=rtpmap:{payload} {name}/8000" for payload, name in CODECS.items()]
    media += _audio_lines(DTMF_OFFERED, direction)
    return _session(address, version, media)


def answer(stream: Stream, address: str, udp: int, version: int, key: str = "") -> bytes:
    """The answer to an offer: its audio taken in one codec, everything else refused.

    Args:
        key: ours, of the suite of ``stream.crypto``, where there is one.
    """
    media: list[str] = []
    for index, line in enumerate(stream.media):
        words = line.split()
        kind, _, protocol, number = [*words, *_NO_MEDIA[len(words) :]][:4]
        if index != stream.index:
            media.append(f"m={kind} 0 {protocol} {number}")
            continue
        dtmf = "" if stream.dtmf is None else f" {stream.dtmf}"
        media.append(f"m=audio {udp} {protocol} {stream.payload}{dtmf}")
        if stream.crypto is not None:
            media.append(sdes.line(stream.crypto.tag, stream.crypto.suite, key))
        media.append(f"a=rtpmap:{stream.payload} {CODECS[stream.payload]}/8000")
        media += _audio_lines(stream.dtmf, _MIRROR[stream.direction])
    return _session(address, version, media)


def _audio_lines(dtmf: int | None, direction: Direction) -> list[str]:
    events = [f"a=rtpmap:{dtmf} telephone-event/8000", f"a=fmtp:{dtmf} 0-15"]
    return [*(events if dtmf is not None else []), "a=ptime:20", f"a={direction}"]


def _session(address: str, version: int, media: list[str]) -> bytes:
    family = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=tahuri 1 {version} IN {family} {address}",
        "s=tahuri",
        f"c=IN {family} {address}",
        "t=0 0",
        *media,
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
