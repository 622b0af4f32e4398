"""Emptying a switch node: new calls go to the other nodes, those in hand go on to their end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from tahuri.kernel.refusal import Unavailable
from tahuri.settings import Settings
from tahuri.telephony import rpc

ANSWER_S = 5.0
LOOK_S = 0.5


def alone(settings: Settings) -> bool:
    """Whether no other node would take the calls: their callers would hear 503 and nobody else.

    Args:
        settings: of the centre that runs, or as the command has them.
    """
    return not settings.node and not any(one.edge or one.node for one in settings.trunks)


def running(run: Path, given: Settings) -> Settings:
    """The settings with which the centre was started; those given where that cannot be read."""
    try:
        return msgspec.json.decode((run / "settings.json").read_bytes(), type=Settings)
    except (OSError, msgspec.DecodeError):
        return given


async def drain(
    socket: Path, say: Callable[[str], None], *, on: bool = True, wait: bool = False
) -> int:
    """Begins to drain the node, or takes new calls again; how many calls are still in hand.

    Args:
        socket: of the node's switch.
        wait: whether to come back only when there is none.

    Raises:
        Unavailable: the switch does not answer.
    """
    switch = rpc.Client(socket)
    switch.start()
    try:
        left = -1
        while True:
            state = await _told(switch, on)
            if state["calls_in_hand"] != left:
                left = int(state["calls_in_hand"])
                where = "go elsewhere" if on else "are taken again"
                say(f"new calls {where}; calls in hand: {left}")
            if not (on and wait and left):
                return left
            await asyncio.sleep(LOOK_S)
    except (rpc.Unavailable, TimeoutError) as error:
        raise Unavailable("switch", str(error) or "it does not answer") from error
    finally:
        await switch.close()


async def _told(switch: rpc.Client, on: bool) -> dict[str, Any]:
    async with asyncio.timeout(ANSWER_S):
        while True:
            try:
                return cast("dict[str, Any]", await switch.call("drain", ANSWER_S, on=on))
            except rpc.Unavailable:
                await asyncio.sleep(LOOK_S / 10)  # the connection is being made
