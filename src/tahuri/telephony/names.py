"""Which addresses a name has, asked of the machine beside everything else."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from threading import Thread

LookUp = Callable[[str], Awaitable[list[str]]]
"""A name → its addresses.  Raises OSError, UnicodeError."""


async def addresses_of(name: str) -> list[str]:
    """The addresses of a name, in the order in which the machine prefers them.

    A thread that the process does not wait for asks: a name server that says nothing must not keep
    a switch from ending, and so the next one from beginning.

    Raises:
        OSError: no such name, or nobody who knows.
        UnicodeError: no name at all.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | Exception) -> None:
        if answer.done():
            return  # nobody waits for it any more
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[str] | Exception
        try:
            entries = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            found = [str(entry[4][0]) for entry in entries]
        except (OSError, UnicodeError) as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, found)

    Thread(target=ask, name="looks up a name", daemon=True).start()
    return await answer
