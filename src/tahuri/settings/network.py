"""Checks of addresses, ports and HTTPS: where pages, seats, trunks and other nodes reach us."""

import os
import re
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import combinations

from tahuri.settings.model import Settings

NODE_NAME = re.compile(r"[A-Za-z0-9]{1,12}")
WEB_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
OTHER_FAMILY = ("sip_other_address", "media_other_address")


def addresses(settings: Settings) -> Iterator[str]:
    """Addresses that are none, that nobody could be told, or that miss the other family's."""
    given = ("http_address", "sip_address", "media_address")
    others = [name for name in OTHER_FAMILY if getattr(settings, name) is not None]
    for name in (*given, *others):
        text = getattr(settings, name)
        try:
            anywhere = ip_address(text).is_unspecified
        except ValueError:
            yield f"{name}: not an IP address: {text!r}"
            continue
        if anywhere and name in ("media_address", "media_other_address"):
            yield f"{name}: phones and browsers are told it: it must be an address of this machine"
        if anywhere and name == "http_address" and not settings.host_names:
            yield f"host_names: needed with http_address {text!r}: how consoles name this machine"
    unlike = (":" in settings.sip_address) != (":" in settings.media_address)
    if unlike and settings.sip_address in ("0.0.0.0", "::"):
        yield "sip_address: an address of this machine, or IPv4 or IPv6 as media_address is"
    for name in others:
        first = name.replace("_other", "")
        if (":" in getattr(settings, name)) == (":" in getattr(settings, first)):
            yield f"{name}: of the same IP family as {first}"
    if len(others) == 1:
        [missing] = set(OTHER_FAMILY) - set(others)
        yield f"{missing}: needed with {others[0]}"
    for name in settings.host_names:
        if not HOST_NAME.fullmatch(name) and not _is_address(name):
            yield f"host_names: neither a name nor an address: {name!r}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def ports(settings: Settings) -> Iterator[str]:
    """Ports that are none, and two uses of one port.  One host: the addresses may be the same."""
    tcp: tuple[str, ...] = ("http_port", "signalling_port", "sip_port")
    if settings.sip_tls_port != 0:
        tcp = (*tcp, "sip_tls_port")
    udp = ("sip_port", "webrtc_port")
    first, last = settings.rtp_first_port, settings.rtp_last_port
    for name in dict.fromkeys((*tcp, *udp, "rtp_first_port", "rtp_last_port")):
        if not 1 <= getattr(settings, name) <= 65535:
            yield f"{name}: not a port: {getattr(settings, name)}"
    if last - first < 3:
        yield "rtp_last_port: at least 4 ports are needed from rtp_first_port on"
    for names in (tcp, udp):
        for one, other in combinations(names, 2):
            if getattr(settings, one) == getattr(settings, other):
                yield f"{other}: the same as {one}: {getattr(settings, one)}"
    for name in udp:
        if first <= getattr(settings, name) <= last:
            yield f"{name}: {getattr(settings, name)} lies in rtp_first_port to rtp_last_port"


def https(settings: Settings) -> Iterator[str]:
    """Whether certificate and key are there, readable, and one belongs to the other."""
    certificate, key = settings.certificate, settings.certificate_key
    if (certificate is None) != (key is None):
        yield f"{'certificate' if certificate is None else 'certificate_key'}: both go together"
    faults = [
        f"{name}: cannot be read: {file}"
        for name, file in (("certificate", certificate), ("certificate_key", key))
        if file is not None and not (os.path.isfile(file) and os.access(file, os.R_OK))
    ]
    yield from faults
    if certificate is None or key is None or faults:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM").lower().replace("_", " ")
        yield f"certificate_key: does not fit the certificate, or is not readable PEM: {reason}"


def node(settings: Settings) -> Iterator[str]:
    """Whether this node's name and address can be told to others."""
    if settings.node and not NODE_NAME.fullmatch(settings.node):
        yield f"node: 1 to 12 letters and digits: {settings.node!r}"
    if settings.node_url is not None and not WEB_ADDRESS.fullmatch(settings.node_url):
        yield f"node_url: neither http:// nor https://: {settings.node_url!r}"
    if settings.node_url is not None and not settings.node:
        yield "node: needed with node_url"


def is_authority(file: str) -> bool:
    """Whether it is a PEM file of certificates that others may stand on."""
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError):
        return False
    return True
