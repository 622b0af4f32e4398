"""Who may spend our time: checked before a message is parsed.  Pure."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

UDP_BYTES_MAX = 16 << 10
UDP_LINES_MAX = 400
STRANGER_MESSAGES_PER_S = 50.0
TRUNK_MESSAGES_PER_S = 5_000.0
CALLS_PER_S = 100.0
"""New calls a second from one trunk's network; beyond it the far end gets 503 with Retry-After."""
CALLS_BURST = 200.0
BYTES_A_TOKEN = 2048
"""A long message takes as long to read as several short ones, and costs as many tokens."""
UNPARSABLE_COST = 5.0
"""Tokens that a message costs which cannot be read."""
SOURCES_MAX = 10_000
"""Addresses remembered; the oldest is forgotten first."""

Verdict = Literal["in", "shed", "too-large"]
Network = IPv4Network | IPv6Network


def neighbourhood(source: str) -> str:
    """An IPv4 address itself; of an IPv6 address its /64, all of which one device may use."""
    if ":" not in source:
        return source
    try:
        return str(IPv6Network((source.partition("%")[0], 64), strict=False))
    except ValueError:
        return source


@dataclass(slots=True)
class Bucket:
    """Tokens that refill with time."""

    rate: float
    """Tokens a second."""
    burst: float
    left: float
    at: float

    def take(self, cost: float, now: float) -> bool:
        """Whether there was that much."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < cost:
            return False
        self.left -= cost
        return True


@dataclass(slots=True)
class Gate:
    """Limits each source; a trunk's address has a high limit and is never banned."""

    trunks: list[Network] = field(default_factory=list)
    shed: int = 0
    """Messages thrown away unread."""
    _sources: dict[str, Bucket] = field(default_factory=dict)
    _calls: dict[Network | None, Bucket] = field(default_factory=dict)
    """By trunk's network; all strangers share None."""

    def admit(self, source: str, data: bytes, now: float, stream: bool = False) -> Verdict:
        """Whether to read a message; what comes as a datagram has a smaller limit of size."""
        if not self._bucket(source, now).take(1 + len(data) // BYTES_A_TOKEN, now):
            self.shed += 1
            return "shed"
        if stream:
            return "in"
        if len(data) > UDP_BYTES_MAX or data.count(b"\n") > UDP_LINES_MAX:
            self.penalise(source, now)
            return "too-large"
        return "in"

    def penalise(self, source: str, now: float) -> None:
        """The source sent rubbish: it may send less for a while."""
        bucket = self._bucket(source, now)
        bucket.left = max(bucket.left - UNPARSABLE_COST, 0.0)

    def admit_call(self, now: float, source: str = "") -> bool:
        """Whether a new call may come in now: a flood on one trunk uses up no other's share."""
        network = self._network(source)
        bucket = self._calls.get(network)
        if bucket is None:
            bucket = self._calls[network] = Bucket(CALLS_PER_S, CALLS_BURST, CALLS_BURST, now)
        return bucket.take(1, now)

    def _bucket(self, source: str, now: float) -> Bucket:
        is_trunk = self._is_trunk(source) if ":" in source else None
        name = source if is_trunk else neighbourhood(source)
        bucket = self._sources.get(name)
        if bucket is None:
            if len(self._sources) >= SOURCES_MAX:
                del self._sources[next(iter(self._sources))]
            trusted = self._is_trunk(source) if is_trunk is None else is_trunk
            rate = TRUNK_MESSAGES_PER_S if trusted else STRANGER_MESSAGES_PER_S
            bucket = self._sources[name] = Bucket(rate, 2 * rate, 2 * rate, now)
        return bucket

    def _is_trunk(self, source: str) -> bool:
        return self._network(source) is not None

    def _network(self, source: str) -> Network | None:
        try:
            address = ip_address(source)
        except ValueError:
            return None
        return next((network for network in self.trunks if address in network), None)
