"""Checks of numbers: what each may be from and to."""

import re
from collections.abc import Iterator

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from tahuri.numbers import is_country_code
from tahuri.settings.model import Settings

AREA_CODE = re.compile(r"[1-9][0-9]{0,4}")


def numbers(settings: Settings) -> Iterator[str]:
    """Each number that has bounds, country and area code, and the database's address."""
    for name in (
        "offer_s",
        "seat_vanish_s",
        "robot_after_s",
        "test_call_s",
        "transfer_s",
        "park_s",
    ):
        if not 1 <= getattr(settings, name) <= 600:
            yield f"{name}: from 1 to 600 seconds"
    if not 90 <= settings.session_expires_s <= 86_400:
        yield "session_expires_s: from 90 to 86400 seconds"
    for name in (
        "call_back_after_s",
        "call_back_spacing_s",
        "call_back_ring_s",
        "call_back_due_s",
    ):
        if not 1 <= getattr(settings, name) <= 86_400:
            yield f"{name}: from 1 to 86400 seconds"
    if not 0 <= settings.call_back_attempts <= 20:
        yield "call_back_attempts: from 0 to 20"
    for name, least, most in (
        ("skill_wait_s", 0, 600),
        ("reserved_seat_wait_s", 1, 60),
        ("wrap_up_s", 0, 3600),
        ("surge_notice_s", 1, 60),
    ):
        if not least <= getattr(settings, name) <= most:
            yield f"{name}: from {least} to {most} seconds"
    for name in ("precedence_open_incident", "precedence_call_back"):
        if not 0 <= getattr(settings, name) <= 9:
            yield f"{name}: from 0 to 9"
    if settings.comfort_every_s != 0 and not 10 <= settings.comfort_every_s <= 600:
        yield "comfort_every_s: 0, or from 10 to 600 seconds"
    if settings.calls_max < 1:
        yield "calls_max: at least 1"
    if not 0 <= settings.spool_reserve_mb <= 4096:
        yield "spool_reserve_mb: from 1 to 4096 MiB, or 0"
    if settings.spool_max_mb < 64:
        yield "spool_max_mb: at least 64 MiB"
    if settings.country_code is not None and not is_country_code(settings.country_code):
        yield f"country_code: no country has it: {settings.country_code!r}"
    if settings.area_code and not AREA_CODE.fullmatch(settings.area_code):
        yield f"area_code: 1 to 5 digits without the leading 0, or empty: {settings.area_code!r}"
    if not 1 <= settings.slow_lane_s <= 30:
        yield "slow_lane_s: from 1 to 30 seconds"
    if not 0.01 <= settings.slow_lane_sample <= 1:
        yield "slow_lane_sample: from 0.01 to 1: without a sample nobody knows what the lane costs"
    if not 5 <= settings.listen_in_s <= 300:
        yield "listen_in_s: from 5 to 300 seconds"
    if not 1 <= settings.noise_half_life_days <= 365:
        yield "noise_half_life_days: from 1 to 365 days"
    if settings.test_calls_max < 1:
        yield "test_calls_max: at least 1"
    if settings.test_call_every_s != 0 and not 10 <= settings.test_call_every_s <= 3600:
        yield "test_call_every_s: 0, or from 10 to 3600 seconds"
    if not 10 <= settings.limit_percent_max <= 100:
        yield "limit_percent_max: from 10 to 100 percent"
    if settings.database_url is not None:
        try:
            port = conninfo_to_dict(settings.database_url).get("port") or ""
        except ProgrammingError as error:
            yield f"database_url: {error}".strip()
        else:
            for one in str(port).split(","):
                if one and not (one.isdecimal() and 1 <= int(one) <= 65_535):
                    yield f"database_url: {one!r} is no port"
