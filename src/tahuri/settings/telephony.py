"""Checks of trunks, phones and gateways, and of whom calls are for."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from tahuri.settings.model import Settings
from tahuri.settings.network import HOST_NAME, NODE_NAME, is_authority
from tahuri.settings.rows import SipSeat, Trunk

SEAT_ID = NODE_NAME
TRUNK_NAME_CHARS_MAX = 64
RESERVED_SEATS_MAX = 100
CALLER_ID = re.compile(r"\+?[0-9*#]{2,20}")
LANGUAGE = re.compile(r"[a-z][a-z-]{1,15}")
CALLED = re.compile(r"\+?[0-9*#]{2,20}")
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?")


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def lines(trunks: tuple[Trunk, ...]) -> Iterator[str]:
    """Trunks: names, sources that belong to one each, how the far end is reached."""
    owner: dict[str, str] = {}
    for trunk in trunks:
        place = f"trunks[{trunk.name}]"
        if not trunk.name:
            yield f"{place}.name: empty"
        if len(trunk.name) > TRUNK_NAME_CHARS_MAX:
            yield f"{place}.name: longer than {TRUNK_NAME_CHARS_MAX} letters"
        if not trunk.sources:
            yield f"{place}.sources: none: no call could come in by it"
        for source in trunk.sources:
            try:
                network = str(ip_network(source))
            except ValueError as error:
                yield f"{place}.sources: not a network: {error}"
                continue
            if owner.setdefault(network, trunk.name) != trunk.name:
                yield f"{place}.sources: {source} belongs to trunk {owner[network]!r} already"
        found = HOST_PORT.fullmatch(trunk.host) if trunk.host is not None else None
        named = found is not None and (found[1][0] == "[" or HOST_NAME.fullmatch(found[1]))
        if trunk.host is not None and not (named and found and 1 <= int(found[2] or 5060) <= 65535):
            yield f"{place}.host: neither host nor host:port: {trunk.host!r}"
        if trunk.caller_id is not None and not CALLER_ID.fullmatch(trunk.caller_id):
            yield f"{place}.caller_id: not a telephone number: {trunk.caller_id!r}"
        if trunk.out and trunk.host is None:
            yield f"{place}.host: needed with out = true"
        if trunk.authority is not None and not is_authority(trunk.authority):
            yield f"{place}.authority: not a readable PEM file: {trunk.authority}"
        if trunk.transport != "tls" and (trunk.authority is not None or not trunk.verify):
            yield f"{place}.transport: 'tls' is needed with authority or verify = false"
        if trunk.srtp != "off" and trunk.host is not None and trunk.transport != "tls":
            yield f"{place}.transport: 'tls' is needed with srtp: its keys stand in SIP"
        if trunk.options_every_s != 0 and not 1 <= trunk.options_every_s <= 3600:
            yield f"{place}.options_every_s: 0, or from 1 to 3600 seconds"
        if trunk.node and (trunk.edge or trunk.out or trunk.test_call_to is not None):
            yield f"{place}.node: not with edge, out or test_call_to"
        if trunk.node and trunk.host is None:
            yield f"{place}.host: needed with node = true"
    yield from (f"trunks: name {name!r} twice" for name in _twice(one.name for one in trunks))
    if sum(trunk.out for trunk in trunks) > 1:
        yield "trunks: out = true on more than one"


def reserves(settings: Settings) -> Iterator[str]:
    """What is kept for trunks must fit, and leave a call that any of them may use."""
    for trunk in settings.trunks:
        if trunk.reserved_calls < 0:
            yield f"trunks[{trunk.name}].reserved_calls: at least 0"
        if not 0 <= trunk.reserved_seats <= RESERVED_SEATS_MAX:
            yield f"trunks[{trunk.name}].reserved_seats: from 0 to {RESERVED_SEATS_MAX}"
    keyed = [trunk.name for trunk in settings.trunks if trunk.srtp != "off"]
    if keyed and not settings.sip_tls_port:
        yield f"sip_tls_port: needed with trunks[{keyed[0]}].srtp: its calls bring keys in SIP"
    total = sum(max(0, trunk.reserved_calls) for trunk in settings.trunks)
    if total and total >= settings.calls_max:
        yield (
            f"trunks.reserved_calls: {total} together, but calls_max is {settings.calls_max}: "
            "one call at least must be free for any trunk"
        )


def distribution(settings: Settings) -> Iterator[str]:
    """Overflow, called numbers, and codes of languages."""
    if settings.other_nodes_after_s != 0 and not 1 <= settings.other_nodes_after_s <= 3600:
        yield "other_nodes_after_s: 0, or from 1 to 3600 seconds"
    for number, rule in enumerate(settings.overflow, 1):
        place = f"overflow[{number}]"
        if not 0 <= rule.after_s <= 3600:
            yield f"{place}.after_s: from 0 to 3600 seconds"
        if (rule.to == "number") != bool(rule.address):
            wants = "needed" if rule.to == "number" else "only"
            yield f'{place}.address: {wants} with to = "number"'
        called = settings.directory.get(rule.address or "", rule.address or "")
        if (
            called
            and "@" not in called
            and not any(one.host and not one.node for one in settings.trunks)
        ):
            yield f"{place}.address: a number needs a trunk with a host"
    for one in settings.called_numbers:
        place = f"called_numbers[{one.number}]"
        if not CALLED.fullmatch(one.number):
            yield f"{place}.number: digits, +, * and # only"
        if one.language is None and one.agency_id is None:
            yield f"{place}: neither language nor agency_id"
    numbers = (one.number for one in settings.called_numbers)
    yield from (f"called_numbers: number {number!r} twice" for number in _twice(numbers))
    spoken = [
        *((f"trunks[{one.name}].language", one.language) for one in settings.trunks),
        *(
            (f"called_numbers[{one.number}].language", one.language)
            for one in settings.called_numbers
        ),
        *(
            (f"sip_seats[{seat.seat_id}].languages", language)
            for seat in settings.sip_seats
            for language in seat.languages
        ),
    ]
    for place, language in spoken:
        if language is not None and not LANGUAGE.fullmatch(language):
            yield f"{place}: a code of 2 to 16 small letters and dashes: {language!r}"
    for seat in settings.sip_seats:
        if seat.desk == "agency-desk" and seat.agency_id is None:
            yield f'sip_seats[{seat.seat_id}].agency_id: needed with desk = "agency-desk"'


def phones(seats: tuple[SipSeat, ...]) -> Iterator[str]:
    """Names and passwords of SIP phones; none stands twice."""
    for seat in seats:
        place = f"sip_seats[{seat.seat_id}]"
        if not SEAT_ID.fullmatch(seat.seat_id):
            yield f"{place}.seat_id: 1 to 12 letters and digits: {seat.seat_id!r}"
        for name in ("username", "password", "account"):
            if not getattr(seat, name):
                yield f"{place}.{name}: empty"
    for name in ("seat_id", "username"):
        values = (getattr(seat, name) for seat in seats)
        yield from (f"sip_seats: {name} {value!r} twice" for value in _twice(values))


def gateways(settings: Settings) -> Iterator[str]:
    """The same for gateways, which share names with the directory and SIP seats."""
    for one in settings.gateways:
        place = f"gateways[{one.name}]"
        for name in ("name", "username", "password"):
            if not getattr(one, name):
                yield f"{place}.{name}: empty"
        if one.name.lower() in {alias.lower() for alias in settings.directory}:
            yield f"{place}.name: stands in the directory as well"
        if one.username in {seat.username for seat in settings.sip_seats}:
            yield f"{place}.username: belongs to a SIP seat"
    for name in ("name", "username"):
        values = (getattr(one, name) for one in settings.gateways)
        yield from (f"gateways: {name} {value!r} twice" for value in _twice(values))
