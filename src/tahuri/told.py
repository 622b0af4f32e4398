"""What the switch is told of the centre: ``run/switch.json``, from settings, city and accounts."""

from collections.abc import Callable, Iterable
from hashlib import md5
from pathlib import Path
from typing import Any

import msgspec

from tahuri.centre import Centre
from tahuri.kernel.roles import Role
from tahuri.operators.queries import Account
from tahuri.settings import Settings, SipSeat
from tahuri.telephony import testseat
from tahuri.telephony.switch.config import REALM
from tahuri.testlines import edges, robot_numbers, test_lines, test_numbers

PROMPTS = Path(__file__).parent / "telephony" / "prompts"
DESK_ROLES = {
    "taker": Role.CALL_TAKER,
    "supervisor": Role.SUPERVISOR,
    "agency-desk": Role.AGENCY_DESK,
}
"""Whose account may answer at a SIP seat."""


def origins(settings: Settings) -> list[str]:
    """Pages that may speak with the switch."""
    names = (settings.http_address, "127.0.0.1", "localhost", "::1", *settings.host_names)
    return [settings.page_url(name) for name in dict.fromkeys(names)]


def ha1(username: str, password: str) -> str:
    """What digest proves (RFC 7616 §3.4.2), hex MD5.

    The switch then challenges with MD5 alone: Debian's baresip, and many desk phones, give up on a
    challenge that names SHA-256 beside it.
    """
    return md5(f"{username}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


def switch_config(centre: Centre, answering: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """What the switch is told (contract: ``telephony/switch/config.py``).

    Args:
        answering: SIP seat → (operator id, name) of who answers there; other seats are left out.
    """
    settings, folder = centre.settings, centre.folder
    seats = [
        {
            "seat_id": seat.seat_id,
            "username": seat.username,
            "password_ha1": ha1(seat.username, seat.password),
            "operator_id": answering[seat.seat_id][0],
            "operator_name": answering[seat.seat_id][1],
            "robot": seat.robot,
            "ready_when_registered": True,
            "skills": {
                "languages": list(seat.languages),
                "agency_id": seat.agency_id,
                "desk": seat.desk,
            },
        }
        for seat in settings.sip_seats
        if seat.seat_id in answering
    ]
    return {
        "data_dir": str(folder.root),
        "node": settings.node,
        "city_number": centre.pack.city.number,
        "numbers": [centre.pack.city.number],
        "sip": {
            "address": settings.sip_address,
            "udp_port": settings.sip_port,
            "tcp_port": settings.sip_port,
            "tls_port": settings.sip_tls_port or None,
            "tls": _tls(centre.sip_certificate),
            "session_expires_s": settings.session_expires_s,
            "other_address": settings.sip_other_address,
        },
        "public_address": settings.media_address,
        "other_public_address": settings.media_other_address,
        "websocket": {
            "address": settings.http_address,
            "port": settings.signalling_port,
            "tls": _tls(centre.certificate),
            "origins": origins(settings),
        },
        "media_socket": str(folder.run / "media.sock"),
        "rpc_socket": str(folder.run / "switch.sock"),
        "trunks": [
            {
                "name": trunk.name,
                "sources": list(trunk.sources),
                "host": trunk.host,
                "default_out": trunk.out,
                "edge": trunk.edge,
                "node": trunk.node,
                "transport": trunk.transport,
                "verify": trunk.verify,
                "authority": str(Path(trunk.authority).absolute()) if trunk.authority else None,
                "nat": trunk.nat,
                "options_every_s": trunk.options_every_s,
                "caller_id": trunk.caller_id,
                "group": trunk.group,
                "reserved_calls": trunk.reserved_calls,
                "reserved_seats": trunk.reserved_seats,
                "srtp": trunk.srtp,
                "refer": trunk.refer,
                "language": trunk.language,
                "agency_id": trunk.agency_id,
            }
            for trunk in settings.trunks
        ],
        "seats": seats,
        "prompts": {
            "notice": str(PROMPTS / "notice.wav"),
            "tone": str(PROMPTS / "tone.wav"),
            "hold": str(PROMPTS / "hold.wav"),
            "beep": str(PROMPTS / "beep.wav"),
            "comfort": str(PROMPTS / "comfort.wav"),
        },
        "offer_s": settings.offer_s,
        "seat_vanish_s": settings.seat_vanish_s,
        "robot_after_s": settings.robot_after_s,
        "calls_max": settings.calls_max,
        "spool_reserve_mb": settings.spool_reserve_mb,
        "spool_max_mb": settings.spool_max_mb,
        "call_back_ring_s": settings.call_back_ring_s,
        "slow_lane_s": settings.slow_lane_s,
        "slow_lane_sample": settings.slow_lane_sample,
        "country_code": centre.number_plan.country_code,
        "area_code": centre.number_plan.area_code,
        "listen_in_s": settings.listen_in_s,
        "test_numbers": test_numbers(settings),
        "test_calls_max": settings.test_calls_max,
        "test_call_s": settings.test_call_s,
        "test_call_every_s": settings.test_call_every_s,
        "test_lines": [line.name for line in test_lines(settings)],
        "test_sources": {address: name for name, address in edges(settings).items()},
        "test_seat": {
            "username": testseat.USER,
            "password_ha1": ha1(testseat.USER, centre.test_seat_password),
            "numbers": robot_numbers(settings),
        }
        if settings.test_call_every_s
        else None,
        "party_aliases": settings.directory,
        "gateways": [
            {
                "name": one.name,
                "username": one.username,
                "password_ha1": ha1(one.username, one.password),
            }
            for one in settings.gateways
        ],
        "transfer_s": settings.transfer_s,
        "park_s": settings.park_s,
        "supervision_notice": settings.supervision_notice,
        "distribution": settings.distribution,
        "skill_wait_s": settings.skill_wait_s,
        "reserved_seat_wait_s": settings.reserved_seat_wait_s,
        "called_numbers": [msgspec.to_builtins(one) for one in settings.called_numbers],
        "overflow": [
            msgspec.to_builtins(rule)
            for rule in sorted(settings.overflow, key=lambda rule: rule.after_s)
        ],
        "other_nodes_after_s": settings.other_nodes_after_s,
        "wrap_up_s": settings.wrap_up_s,
        "comfort_every_s": settings.comfort_every_s,
        "surge_notice_s": settings.surge_notice_s,
        "notice_folders": [str(folder.root / "notices"), str(centre.pack.folder / "notices")],
    }


def _tls(certificate: tuple[Path, Path] | None) -> dict[str, str] | None:
    return {"cert": str(certificate[0]), "key": str(certificate[1])} if certificate else None


def answering(
    seats: Iterable[SipSeat], accounts: Iterable[Account], say: Callable[[str], None]
) -> dict[str, tuple[str, str]]:
    """SIP seat → (operator id, name) of who answers there.

    A seat at which nobody could answer is said and left out: an account that was closed in the
    browser must not keep the centre from its next start.
    """
    known = {one.username: one for one in accounts}
    found = {}
    for seat in seats:
        account = known.get(seat.account)
        fault = _unfit(seat, account)
        if account is not None and fault is None:
            found[seat.seat_id] = (account.operator_id, account.name)
        else:
            say(f"SIP seat {seat.seat_id} is left out: {fault}")
    return found


def _unfit(seat: SipSeat, account: Account | None) -> str | None:
    """Why nobody could answer at the seat."""
    if account is None:
        return f"no account {seat.account!r}: ./tahuri account add makes it"
    if not account.active:
        return f"account {seat.account!r} is closed"
    if DESK_ROLES[seat.desk] not in account.roles:
        return f"account {seat.account!r} is no {DESK_ROLES[seat.desk].replace('_', ' ')}"
    return None
