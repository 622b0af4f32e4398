"""What a browser offers and what we answer: audio only, PCMA, ICE-lite.  Pure.

Sources: RFC 8866 (SDP), RFC 8829 (JSEP), RFC 8839 (ICE), RFC 8842 (DTLS roles).
"""

import re
from typing import Final

from msgspec import Struct

from tahuri.telephony.media.g711 import PCMA
from tahuri.telephony.media.protocol import MediaError, MediaRefused

HASHES: Final = frozenset({"sha-256", "sha-384", "sha-512"})
SECTIONS_MAX: Final = 16
HOST_PRIORITY: Final = (126 << 24) + (65536 << 8) + 255
"""Of host candidates of component 1, less 256 for each place in our order (RFC 8445 §5.1.2.1)."""
_EVENTS = re.compile(r"^(\d{1,3}) telephone-event/8000", re.IGNORECASE)
_TOKEN = re.compile(r"^[!-~]{1,256}$")


class Section(Struct, frozen=True):
    """One m-line."""

    kind: str
    profile: str
    formats: list[str]
    attributes: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Values of an attribute, in order."""
        return [value for key, value in self.attributes if key == name]


class Offer(Struct, frozen=True):
    """What of a browser's offer matters to us."""

    sections: list[Section]
    audio: int
    """Index of the section that we accept."""
    mid: str
    ufrag: str
    password: str
    hash_name: str
    fingerprint: str
    """Upper case hex pairs joined by colons."""
    they_wait: bool
    """Whether the browser is the DTLS server, so that we must begin."""
    dtmf: int | None


def _sections(sdp: str) -> list[Section]:
    """The session part first, as a section of kind ``session``; then the m-lines."""
    found: list[Section] = [Section("session", "", [], [])]
    for line in sdp.splitlines():
        key, _, value = line.strip().partition("=")
        if key == "m":
            words = value.split()
            if len(words) < 4 or len(found) > SECTIONS_MAX:
                raise MediaRefused(MediaError.BAD_SDP, "m-lines")
            found.append(Section(words[0], words[2], words[3:], []))
        elif key == "a":
            name, _, rest = value.partition(":")
            found[-1].attributes.append((name, rest))
    return found


def read(sdp: str) -> Offer:
    """The offer.  Raises MediaRefused ``bad-sdp`` or ``unsupported-codec``."""
    if not sdp.startswith("v=0"):
        raise MediaRefused(MediaError.BAD_SDP, "not SDP")
    session, *sections = _sections(sdp)
    ours = [
        index
        for index, section in enumerate(sections)
        if section.kind == "audio" and section.profile == "UDP/TLS/RTP/SAVPF"
    ]
    if not ours:
        raise MediaRefused(MediaError.BAD_SDP, "no audio over DTLS-SRTP")
    section = sections[ours[0]]
    if str(PCMA) not in section.formats:
        raise MediaRefused(MediaError.UNSUPPORTED_CODEC, "PCMA is not offered")

    def one(name: str, default: str | None = None) -> str:
        values = section.all(name) or session.all(name)
        value = values[0] if values else default
        if value is None or not _TOKEN.match(value):
            raise MediaRefused(MediaError.BAD_SDP, f"a={name}")
        return value

    prints = [value.split() for value in section.all("fingerprint") or session.all("fingerprint")]
    known = [words for words in prints if len(words) == 2 and words[0].lower() in HASHES]
    if not known:
        raise MediaRefused(MediaError.BAD_SDP, "a=fingerprint")
    found = [_EVENTS.match(value) for value in section.all("rtpmap")]
    events = [int(match[1]) for match in found if match and int(match[1]) < 128]
    return Offer(
        sections=sections,
        audio=ours[0],
        mid=one("mid", "0"),
        ufrag=one("ice-ufrag"),
        password=one("ice-pwd"),
        hash_name=known[0][0].lower(),
        fingerprint=known[0][1].upper(),
        they_wait=one("setup", "actpass") == "passive",
        dtmf=events[0] if events else None,
    )


class Ours(Struct, frozen=True):
    """What of our side goes into an answer."""

    told: list[tuple[str, int]]
    """Addresses and UDP ports at which we listen, the preferred one first; at least one."""
    ufrag: str
    password: str
    fingerprint: str
    """SHA-256, as in `Offer`."""
    ssrc: int


def answer(offer: Offer, ours: Ours) -> str:
    """The answer: the audio accepted, every other m-line refused."""
    address, _ = ours.told[0]
    family = "IP6" if ":" in address else "IP4"
    lines = ["v=0", f"o=- {ours.ssrc} 1 IN {family} {address}", "s=-", "t=0 0"]
    lines += ["a=ice-lite", f"a=group:BUNDLE {offer.mid}", "a=msid-semantic: WMS *"]
    for index, section in enumerate(offer.sections):
        if index == offer.audio:
            lines += _audio(offer, ours, f"c=IN {family} {address}")
        else:
            lines.append(f"m={section.kind} 0 {section.profile} {' '.join(section.formats)}")
            lines += [f"c=IN {family} {address}"]
            lines += [f"a=mid:{mid}" for mid in section.all("mid")[:1]]
    return "\r\n".join([*lines, ""])


def _audio(offer: Offer, ours: Ours, connection: str) -> list[str]:
    events = [] if offer.dtmf is None else [offer.dtmf]
    formats = " ".join(str(payload) for payload in [PCMA, *events])
    profile = offer.sections[offer.audio].profile
    return [
        f"m=audio {ours.told[0][1]} {profile} {formats}",
        connection,
        f"a=mid:{offer.mid}",
        "a=sendrecv",
        "a=rtcp-mux",
        f"a=rtpmap:{PCMA} PCMA/8000",
        *[f"a=rtpmap:{payload} telephone-event/8000" for payload in events],
        "a=ptime:20",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:sha-256 {ours.fingerprint}",
        "a=setup:active" if offer.they_wait else "a=setup:passive",
        f"a=ssrc:{ours.ssrc} cname:tahuri",
        "a=msid:tahuri tahuri",
        *[
            f"a=candidate:{number} 1 udp {HOST_PRIORITY - 256 * number} {address} {udp} typ host"
            for number, (address, udp) in enumerate(ours.told, 1)
        ],
        "a=end-of-candidates",
    ]
