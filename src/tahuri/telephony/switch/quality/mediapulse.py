"""Does media answer?  A process that hangs keeps its connection: only a question tells."""

import asyncio
import logging
from functools import partial

from tahuri.telephony.media.protocol import MediaRefused
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.core import Core

EVERY_S = 2.0
ANSWER_S = 3.0
"""Media answers within milliseconds; callers have heard nothing for as long as it does not."""

log = logging.getLogger(__name__)


async def run(core: Core) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look(core)
        except Exception:
            log.exception("media cannot be asked")


async def look(core: Core) -> None:
    """Ask once; the alarm is raised when there is no answer, and cleared by the next one."""
    if not core.media.connected or not core.media_ready:
        return  # known already
    try:
        await core.media.measure([], ANSWER_S)
    except MediaRefused:
        silent = False
    except Unavailable:
        silent = core.media.connected  # a lost connection has its own alarm
    else:
        silent = False
        for call in core.calls.values():
            if audio.untold(core, call):
                core.post(call.call_id, partial(audio.tell_untold, core, call))
    if silent != core.media_silent:
        core.media_silent = silent
        core.alarm("media-lost", on=silent)
