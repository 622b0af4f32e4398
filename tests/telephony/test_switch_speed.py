"""From INVITE to the ringing seat.  The promise is measured by ``tahuri bench telephony``."""

import statistics
from collections.abc import Callable
from pathlib import Path

from centre import ADDRESS, CALLER_HZ, Centre, person, phone_seat, seated

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.sip import sdp

CALLS = 40
DEADLINE_S = 1.0
"""Generous: a test machine may be busy."""


async def test_a_seat_rings_soon_after_the_invite(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each second counts for the caller; this machine's share must be small."""
    waits_s: list[float] = []
    async with (
        Centre(tmp_path, seats=[phone_seat("S1")]) as centre,
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
    ):
        for _ in range(CALLS):
            began = monotonic_s()
            call = await caller.dial()
            caller.be_silent()
            ringing = await seat.received.get()
            waits_s.append(monotonic_s() - began)
            ringing.accept(sdp.answer(sdp.parse(ringing.session or b""), ADDRESS, 40000, 1))
            await ringing.wait_answered(5)
            call.hang_up()
            await ringing.wait_ended(5)
            await centre.until_state(lambda state: state["seats_ready"] == 1)
    p50, p95 = statistics.median(waits_s), statistics.quantiles(waits_s, n=20)[18]
    record_property("invite_to_offer_p50_ms", round(1000 * p50, 1))
    record_property("invite_to_offer_p95_ms", round(1000 * p95, 1))
    print(f"INVITE to offer: p50 {1000 * p50:.1f} ms, p95 {1000 * p95:.1f} ms")
    assert p95 <= DEADLINE_S
