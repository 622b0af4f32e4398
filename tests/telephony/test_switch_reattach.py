"""Media is killed while several calls are live: all of them sound again within the promise."""

from pathlib import Path

from reattach import live_calls, silence_s

PROMISED_S = 5.0
CI_FACTOR = 3.0
"""So much slower may a machine be that runs other tests beside; figures: docs/performance.md."""
CALLS = 4


async def test_killed_media_sounds_again_in_all_live_calls_within_the_promised_time(
    tmp_path: Path,
) -> None:
    """Every caller of the room is cut off at once: they must not hang up and dial again.

    Given four live calls; when media is killed; then caller and seat of each hear each other again
    within 5 s, by a re-INVITE to each, and every call ends once, as answered.
    """
    async with live_calls(tmp_path, CALLS) as (centre, talks):
        assert await silence_s(centre, talks) <= PROMISED_S * CI_FACTOR
        for caller, _ in talks:
            assert caller.call is not None
            caller.call.hang_up()
        await centre.fact("call-ended", CALLS)
        ended = [fact.body for fact in await centre.facts() if fact.type == "calls.call-ended"]
        assert [body["outcome"] for body in ended] == ["answered"] * CALLS
