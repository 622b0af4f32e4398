"""A message to a caller who could not be reached, through whatever gateway the city has.

A gateway takes ``{"id", "to", "text", "link"}``; ``id`` is the item's: the same again is the same
message.  Once one was taken there is no second.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx
import msgspec
from msgspec import Struct

from tahuri.callbacks import queries
from tahuri.callbacks.caller_page import CallerPages
from tahuri.callbacks.decider import ITEM, TellMessage, decide
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.jobs import Job
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.view import View

SEND = "callbacks.send-message"
TIMEOUT_S = 10.0
FAULT_CHARS_MAX = 200


class Message(Struct, frozen=True):
    """What goes to a caller."""

    id: str
    to: str
    text: str
    link: str | None = None
    """The caller page; None where the city has none."""


class NotTaken(Exception):  # noqa: N818
    """The gateway did not take the message; why, without number or text."""


class MessageGateway(Protocol):
    """Takes messages for telephones."""

    name: str

    async def send(self, message: Message) -> None:
        """Hands it over.

        Raises:
            NotTaken: it may be tried again.
        """


class FileGateway:
    """Writes each message as a line of JSON: for a demo, for tests, for a modem's own program."""

    name = "file"

    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, message: Message) -> None:
        line = msgspec.json.encode(message) + b"\n"
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise NotTaken(f"the file cannot be written: {error.strerror}") from error

    def _append(self, line: bytes) -> None:
        opened = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.write(opened, line) != len(line):
                raise OSError(28, "half a line")
        finally:
            os.close(opened)


class HttpGateway:
    """POSTs each message as JSON; any 2xx means taken.  ``Idempotency-Key`` is the item's id."""

    name = "http"

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, message: Message) -> None:
        headers = {"Idempotency-Key": message.id, "Content-Type": "application/json"}
        body = msgspec.json.encode(message)
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise NotTaken(f"no answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise NotTaken(f"answered {answer.status_code}")


def gateway_of(file: str | None, url: str | None, folder: Path) -> MessageGateway | None:
    """The gateway that is set; a relative file lies in the data folder."""
    if url is not None:
        return HttpGateway(url)
    return FileGateway(folder / file) if file is not None else None


class Wording(Struct, frozen=True):
    """What the message says."""

    number: str
    """The city's emergency number."""
    city: str

    def message(self, callback_id: str, to: str, link: str | None = None) -> Message:
        """The message for one caller; ``link``: to the caller's page, where the city has it."""
        text = (
            f"{self.number} {self.city}: panggilan Anda terputus dan kami belum berhasil "
            f"menelepon balik. Jika masih butuh bantuan, hubungi {self.number} lagi."
        )
        if link is not None:
            text += f" Tidak bisa bicara? Tulis dan kirim lokasi: {link}"
        return Message(callback_id, to, text, link)


def jobs(
    database: Database,
    views: Sequence[View],
    gateway: MessageGateway | None,
    wording: Wording,
    pages: CallerPages | None = None,
) -> Mapping[str, Job]:
    """The jobs of this slice; without a gateway a message that waits says so and fails."""

    async def send_message(callback_id: str) -> None:
        found = await queries.number_of(database, callback_id)
        row, number = found or ({}, None)
        if number is None:
            return  # erased meanwhile
        if row["message"] == "sent" or row["state"] != "open":
            return
        link = await pages.link(database, callback_id, clock.now()) if pages else None
        message = wording.message(callback_id, number, link)
        fault = ""
        try:
            if gateway is None:
                raise NotTaken("no gateway is configured any more")
            await gateway.send(message)
        except NotTaken as error:
            fault = str(error)[:FAULT_CHARS_MAX]
        stream = StreamId("callback", callback_id)
        told = TellMessage(
            gateway=gateway.name if gateway else "none",
            with_link=message.link is not None,
            fault=fault,
        )
        write = Writing(actor="work", command=new_id(), now=clock.now())
        async with writing(database, views, write) as log:
            await log.append(stream, decide(told, ITEM.state(await log.read(stream))))
        if fault:
            raise NotTaken(fault)  # the queue tries again, later and later

    return {SEND: send_message}
