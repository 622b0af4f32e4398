"""All checks of settings, in the order in which problems are told."""

from tahuri.settings import keeping, limits, network, telephony
from tahuri.settings.model import Settings


def impossible(settings: Settings) -> list[str]:
    """All that cannot be, each line naming its setting; no network is touched."""
    return [
        *network.addresses(settings),
        *network.ports(settings),
        *limits.numbers(settings),
        *network.https(settings),
        *keeping.messages(settings),
        *keeping.folder(settings.folder),
        *network.node(settings),
        *keeping.recordings(settings),
        *keeping.city(settings.city),
        *telephony.lines(settings.trunks),
        *telephony.reserves(settings),
        *telephony.phones(settings.sip_seats),
        *telephony.gateways(settings),
        *telephony.distribution(settings),
        *(f"directory: {alias!r}: empty" for alias, to in settings.directory.items() if not to),
    ]
