"""Whom the centre calls back in the demo: real SIP, a phone that behaves like its owner."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest

from tahuri.simulate import town as town_parts
from tahuri.simulate.line import Line, Samples
from tahuri.simulate.stories import Story
from tahuri.simulate.town import Town, answer_of
from tahuri.telephony.sip.phone import CallFailed

HEARD_S = 10.0


class Voice:
    """A second of a loud tone for whatever is said."""

    async def say(self, text: str, voice: str) -> Samples:
        return (8000 * np.sin(np.arange(8000) / 3)).astype(np.int16)


def story(kind: str) -> Story:
    known: dict[str, Any] = dict.fromkeys(Story.__struct_fields__) | {
        "story_id": "s1", "kind": kind, "hello": "halo", "lines": ("tolong",),
        "closing": "terima kasih", "voice": "id",
    }  # fmt: skip
    return cast("Story", Story(**known))


@pytest.mark.parametrize(
    ("kind", "number", "status"),
    [
        ("genuine", "+6201121", 200),
        ("early", "+6201125", 486),
        ("prank", "+6201121", 603),
        ("ghost", "+6201121", 180),
        (None, "+6201121", 404),
    ],
)
def test_phones_behave_as_their_owners_do(kind: str | None, number: str, status: int) -> None:
    """The pane of a demo must show every result that a real evening brings."""
    assert answer_of(story(kind) if kind else None, number) == status


async def test_a_caller_who_is_called_back_tells_the_story(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a known number; when it is called; then it rings, is picked up and somebody speaks;
    an unknown number is refused."""
    monkeypatch.setattr(town_parts, "RING_S", 0.1)
    town = Town({"+6201121": story("genuine")}, Voice())
    task = asyncio.create_task(town.run(0))
    line = Line()
    await line.start()
    try:
        async with asyncio.timeout(HEARD_S):
            await town.listens.wait()
            place = f"127.0.0.1:{town.port}"
            with pytest.raises(CallFailed) as refused:
                await line.dial(place, "+6201129", "<sip:112@127.0.0.1>")
            assert refused.value.status == 404
            await line.dial(place, "+6201121", "<sip:112@127.0.0.1>")
            while line.loud_at_s == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await line.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
