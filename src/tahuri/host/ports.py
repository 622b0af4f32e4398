"""The ports a centre listens on: whether it can have them, before anything is started."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from tahuri.settings import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
REASONS = {
    errno.EADDRINUSE: "is taken by another program: choose another",
    errno.EADDRNOTAVAIL: "is no address of this machine",
    errno.EACCES: "needs more rights: choose a port from 1024 on",
}


@dataclass(frozen=True)
class Port:
    """One port, and the setting that names it."""

    setting: str
    address: str
    number: int
    kind: socket.SocketKind

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.number} {'tcp' if self.kind is TCP else 'udp'}"

    def trouble(self) -> str | None:
        """Why it cannot be had; None if it can."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family, self.kind) as tried:
            if self.kind is TCP:  # a port that was closed a moment ago is free
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((self.address, self.number))
            except OSError as error:
                return f"{self} {REASONS.get(error.errno or 0, error.strerror)}"
        return None


def ports_of(settings: Settings) -> Iterator[Port]:
    """Every port but the range for audio, of which media takes what is free."""
    yield Port("http_port", settings.http_address, settings.http_port, TCP)
    yield Port("signalling_port", settings.http_address, settings.signalling_port, TCP)
    for address in (settings.sip_address, settings.sip_other_address):
        if address is not None:
            yield Port("sip_port", address, settings.sip_port, UDP)
            yield Port("sip_port", address, settings.sip_port, TCP)
            if settings.sip_tls_port:
                yield Port("sip_tls_port", address, settings.sip_tls_port, TCP)
    for address in (settings.media_address, settings.media_other_address):
        if address is not None:
            yield Port("webrtc_port", address, settings.webrtc_port, UDP)


def troubles(settings: Settings) -> list[str]:
    """A line for each port that cannot be had, naming its setting."""
    found = ((port.setting, port.trouble()) for port in ports_of(settings))
    return [f"{name}: {trouble}" for name, trouble in found if trouble is not None]
