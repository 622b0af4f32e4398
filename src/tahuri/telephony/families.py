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
    try:
        wanted = ip_address(peer.partition("%")[0]).version
    except ValueError:
        return there[0]
    return next((one for one in there if (6 if ":" in one else 4) == wanted), there[0])
