"""Which of our own addresses somebody can reach: one for each IP family.  Pure."""

from collections.abc import Iterable
from ipaddress import ip_address


def of_family(ours: Iterable[str | None], peer: str) -> str:
    """Our address of the peer's IP family.

    Args:
        ours: at most one of each family; at least one is there.
        peer: an address; a name tells no family.

    Returns:
        The first address where none is of the peer's family.
    """
    there = [address for address in ours if address is not None]
    wanted = _version(peer)
    return next((one for one in there if _version(one) == wanted), there[0])


def usable(found: Iterable[str], ours: Iterable[str | None]) -> str | None:
    """Of somebody's addresses the one to go to; None where none is of a family of ours.

    Args:
        found: best first.
        ours: the family of the first is preferred.
    """
    theirs = list(found)
    for own in ours:
        if own is not None and (one := _first(theirs, _version(own))) is not None:
            return one
    return None


def is_address(host: str) -> bool:
    """Whether it is no name."""
    return _version(host) is not None


def _first(addresses: Iterable[str], version: int | None) -> str | None:
    return next((one for one in addresses if _version(one) == version), None)


def _version(host: str) -> int | None:
    try:
        return ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
