"""Ends what hangs: a process that keeps its socket and answers nothing is killed, so that its
supervisor starts it again.  A telephone that died is back in seconds, one that hangs never is."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import structlog

from tahuri.host.supervisor import Supervisor
from tahuri.telephony import rpc

ASK_EVERY_S = 3.0
ANSWER_S = 3.0
"""Both answer within milliseconds."""
SILENCES_MAX = 4
"""So many questions in a row without an answer: 12 to 24 s.  A machine that was asleep, or a
supervisor that was stopped itself, asks anew."""

log = structlog.get_logger()


class HangWatch:
    """Asks each part in turn, and ends the one that answered once and does no more.

    Args:
        supervisor: has the parts, and starts again what ends.
        sockets: RPC socket by part.
    """

    def __init__(self, supervisor: Supervisor, sockets: Mapping[str, Path]) -> None:
        self._supervisor = supervisor
        self._sockets = sockets

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for name, socket in self._sockets.items():
                group.create_task(self._watch(name, socket))

    async def _watch(self, name: str, socket: Path) -> None:
        client = rpc.Client(socket)
        client.start()
        silences, asked, has_answered = 0, 0, False
        try:
            while True:
                await asyncio.sleep(ASK_EVERY_S)
                part = self._supervisor.parts.get(name)
                if part is None or part.pid is None:
                    continue
                if part.pid != asked:
                    silences, asked, has_answered = 0, part.pid, False
                if await _answers(client):
                    silences, has_answered = 0, True
                    continue
                silences += has_answered  # one that is still starting is left alone
                if silences >= SILENCES_MAX and part.pid == asked and part.process is not None:
                    log.error("process hangs; killed", part=name, silences=silences)
                    part.process.kill()
                    silences = 0
        finally:
            await client.close()


async def _answers(client: rpc.Client) -> bool:
    """Whether there is any answer: a refusal of a question that nobody knows is one."""
    try:
        await client.call("ping", ANSWER_S)
    except rpc.Unavailable:
        return False
    except rpc.Failure:
        return True
    return True
