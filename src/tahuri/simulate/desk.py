"""An operator without a browser: signs in, reads the feed, sends commands, over the real API."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import structlog

from tahuri.kernel.mint import new_id

AGAIN_S = 1.0
TRIES_MAX = 120
"""Two minutes and more: a centre that restarts takes less, and a crew's report must not be lost."""
TIMEOUT_S = 20.0

log = structlog.get_logger()


class Refused(Exception):  # noqa: N818
    """The centre said no; ``code`` is its stable code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Desk:
    """One account at one centre.

    Args:
        trust: for HTTPS: what vouches for the centre; True is what the system trusts.
    """

    def __init__(
        self, http: str, username: str, password: str, trust: ssl.SSLContext | bool = True
    ) -> None:
        self._account = {"username": username, "password": password}
        self._client = httpx.AsyncClient(
            base_url=http, timeout=TIMEOUT_S, trust_env=False, verify=trust
        )
        self.operator_id = ""
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        """(view, key) → body with its ``personal`` texts; only if ``watch`` runs."""
        self.changed = asyncio.Condition()

    async def sign_in(self) -> None:
        """Until it works: the centre may be starting."""
        while True:
            try:
                answer = await self._client.post("/api/session", json=self._account)
                if answer.status_code == 200:
                    self.operator_id = answer.json()["operator"]["operator_id"]
                    return
                log.warning("cannot sign in", username=self._account["username"])
            except httpx.HTTPError:
                pass
            await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Ends the connection."""
        await self._client.aclose()

    async def command(
        self, path: str, body: dict[str, Any] | None = None, tries_max: int = TRIES_MAX
    ) -> dict[str, Any]:
        """A command, repeated with the same key while nobody answers.

        Raises:
            Refused: the centre said no.
        """
        key = new_id()
        for _ in range(tries_max):
            try:
                answer = await self._client.post(
                    path, json=body or {}, headers={"Idempotency-Key": key}
                )
            except httpx.HTTPError:
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.status_code == 401:
                await self.sign_in()
            elif answer.status_code in (200, 204):
                return dict(answer.json()) if answer.content else {}
            elif answer.status_code < 500:
                raise Refused(answer.json().get("code", str(answer.status_code)))
            else:
                await asyncio.sleep(AGAIN_S)
        raise Refused("no-answer")

    async def ask(self, path: str) -> Any:
        """A question.

        Raises:
            Refused: no answer, or no.
        """
        try:
            answer = await self._client.get(path)
        except httpx.HTTPError as error:
            raise Refused("no-answer") from error
        if answer.status_code != 200:
            raise Refused(str(answer.status_code))
        return answer.json()

    async def watch(self) -> None:
        """Follows the feed for ever; reconnects, also when the session has ended."""
        seq = 0
        while True:
            try:
                seq = await self._follow(seq)
            except (httpx.HTTPError, msgspec.DecodeError):
                await asyncio.sleep(AGAIN_S)

    async def _follow(self, seq: int) -> int:
        path = f"/api/feed?after={seq}"
        async with self._client.stream("GET", path, timeout=None) as stream:
            if stream.status_code == 401:
                await self.sign_in()
            async for line in stream.aiter_lines():
                if line.startswith('data: {"seq"') and '"rows"' in line:
                    batch = msgspec.json.decode(line[6:])
                    seq = batch["seq"]
                    await self._take(batch["rows"])
        await asyncio.sleep(AGAIN_S)
        return seq

    async def _take(self, rows: list[dict[str, Any]]) -> None:
        async with self.changed:
            for row in rows:
                place = (row["view"], row["key"])
                if row["body"] is None:
                    self.rows.pop(place, None)
                else:
                    self.rows[place] = {**row["body"], "personal": row["personal"]}
            self.changed.notify_all()

    def of(self, view: str) -> list[dict[str, Any]]:
        """The rows of a view."""
        return [body for (name, _), body in self.rows.items() if name == view]

    async def until(
        self, seen: Callable[[], dict[str, Any] | None], seconds: float
    ) -> dict[str, Any] | None:
        """Waits until ``seen`` gives something; None if it never does."""
        try:
            async with asyncio.timeout(seconds), self.changed:
                while True:
                    found = seen()
                    if found is not None:
                        return found
                    await self.changed.wait()
        except TimeoutError:
            return None


def number_of(call: dict[str, Any]) -> str | None:
    """The caller's number in a row of the view ``call``."""
    caller = call["personal"].get(call["caller"]) if call["caller"] else None
    return caller["number"] if caller else None
