"""Trunks and others that the settings name: which address each name stands for.

Looked up now and then, never for a call: Via, Contact and session name our address of that family,
and a call goes out while no name server answers.  The journal keeps what was found last.
"""

import logging
from collections.abc import Iterator

from tahuri.telephony.families import is_address, usable
from tahuri.telephony.names import LookUp
from tahuri.telephony.sip.grammar import BadValue, parse_uri
from tahuri.telephony.sip.leg import flow_to
from tahuri.telephony.switch.config import Settings
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.edge.trunks import flow_of

LOOK_EVERY_S = 60.0
AGAIN_S = 5.0
"""After a look that found nothing."""

log = logging.getLogger(__name__)


class NameWatch:
    """Keeps ``core.endpoint.names``.

    Args:
        look_up: asks for the addresses of a name.
    """

    def __init__(self, core: Core, look_up: LookUp) -> None:
        self._core, self._look_up = core, look_up
        self._ours = (core.settings.sip.address, core.settings.sip.other_address)
        self._due_s = dict.fromkeys(_named(core.settings), core.monotonic_s())
        self._looking: set[str] = set()
        self._missed: set[str] = set()
        known = core.endpoint.names
        for name in [*known]:
            if name not in self._due_s or usable([known[name]], self._ours) is None:
                del known[name]

    def tick(self) -> None:
        """Look up whose turn it is; call it often.  Instant."""
        now_s = self._core.monotonic_s()
        for name, due_s in self._due_s.items():
            if now_s >= due_s and name not in self._looking:
                self._looking.add(name)
                self._core.spawn(self._look(name))

    async def _look(self, name: str) -> None:
        found: list[str] = []
        try:
            found = await self._look_up(name)
        except (OSError, UnicodeError) as error:
            self._miss(name, type(error).__name__)
        finally:
            self._looking.discard(name)
            wait_s = LOOK_EVERY_S if found else AGAIN_S
            self._due_s[name] = self._core.monotonic_s() + wait_s
        address = usable(found, self._ours)
        if address is not None:
            self._missed.discard(name)
            self._keep(name, address)
        elif found:
            self._miss(name, "no address of a family of ours")

    def _keep(self, name: str, address: str) -> None:
        known = self._core.endpoint.names
        if known.get(name) != address:
            known[name] = address
            self._core.changed()  # and with it in the journal

    def _miss(self, name: str, why: str) -> None:
        """Said once, until it is found again; what was found before is still gone to."""
        if name not in self._missed:
            self._missed.add(name)
            log.warning("a far end's name is not found", extra={"host": name, "error": why})


def _named(settings: Settings) -> Iterator[str]:
    """Hosts of trunks and of the directory that are names."""
    flows = [flow for trunk in settings.trunks if (flow := flow_of(trunk)) is not None]
    for address in settings.party_aliases.values():
        try:
            flows.append(flow_to(parse_uri(address)))
        except BadValue:
            continue  # a number
    return (flow.host for flow in flows if flow.host and not is_address(flow.host))
