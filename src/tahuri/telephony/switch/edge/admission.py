"""Room for one more call: of ``calls_max``, some are kept for the calls of each trunk group."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tahuri.telephony.protocol.words import RefusedReason
from tahuri.telephony.switch.config import Trunk


def group_of(trunks: Iterable[Trunk], name: str) -> str:
    """The group of a trunk; one without is its own, as is whatever is no trunk."""
    return next((trunk.group or trunk.name for trunk in trunks if trunk.name == name), name)


def kept(trunks: Iterable[Trunk]) -> Counter[str]:
    """Group → calls that only it may use."""
    found: Counter[str] = Counter()
    for trunk in trunks:
        found[trunk.group or trunk.name] += trunk.reserved_calls
    return found


def refusal(
    group: str, used: Mapping[str, int], reserved: Mapping[str, int], calls_max: int
) -> RefusedReason | None:
    """Why a call of that group cannot come in now; None if it can.

    Args:
        used: group → calls that there are, with those on their way in.
        reserved: group → calls kept for it; together at most ``calls_max``.
    """
    free = calls_max - sum(used.values())
    if free <= 0:
        return "too-many-calls"
    owed = sum(
        max(0, number - used.get(other, 0)) for other, number in reserved.items() if other != group
    )
    return None if free > owed else "kept-for-other-trunks"


class Room:
    """Counts the calls of each group, from their INVITE on."""

    def __init__(self, trunks: Iterable[Trunk], calls_max: int) -> None:
        self._trunks = list(trunks)
        self._kept = kept(self._trunks)
        self._calls_max = calls_max
        self._entering: dict[str, str] = {}
        """By call, the trunk of those that are not calls yet."""

    def refusal(self, trunk: str, calls: Mapping[str, str]) -> RefusedReason | None:
        """Why a call from that trunk cannot come in now; None if it can.

        Args:
            calls: by call, its trunk.
        """
        every = {**self._entering, **calls}
        used = Counter(group_of(self._trunks, name) for name in every.values())
        return refusal(group_of(self._trunks, trunk), used, self._kept, self._calls_max)

    def entering(self, call_id: str, trunk: str) -> None:
        """It was let in and counts, though it has no audio yet."""
        self._entering[call_id] = trunk

    def entered(self, call_id: str) -> None:
        """It is a call now, or was refused."""
        self._entering.pop(call_id, None)
