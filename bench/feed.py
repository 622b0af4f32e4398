"""Committed → on the screens of 150 consoles, through the real server."""

import asyncio
import tempfile
from pathlib import Path

import httpx
from tests.demo import DemoCentre

from bench.table import Figure, percentile
from tahuri.kernel import clock

CONSOLES = 150
COMMANDS = 100
EVERY_S = 0.1


async def _console(client: httpx.AsyncClient, seen: dict[int, list[float]]) -> None:
    async with client.stream("GET", "/api/feed?after=0", timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                seen.setdefault(int(line[4:]), []).append(clock.monotonic_s())


async def _signed_on(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    (await client.post("/api/session", json=account)).raise_for_status()


async def _sent(client: httpx.AsyncClient) -> dict[int, float]:
    """Commands of a dispatcher; seq → when its answer came."""
    committed: dict[int, float] = {}
    for number in range(COMMANDS):
        what = "in-service" if number % 2 else "out-of-service"
        answer = await client.post(
            f"/api/units/DMK-01/{what}",
            json={} if number % 2 else {"reason": "refuelling"},
            headers={"Idempotency-Key": f"bench-{number}"},
        )
        answer.raise_for_status()
        committed[answer.json()["seq"]] = clock.monotonic_s()
        await asyncio.sleep(EVERY_S)
    return committed


async def _bare_http(client: httpx.AsyncClient) -> float:
    """p99 of a request that asks for almost nothing, ms."""
    times = []
    for _ in range(200):
        start = clock.monotonic_s()
        await client.get("/api/openapi-absent")
        times.append((clock.monotonic_s() - start) * 1e3)
    return percentile(times, 0.99)


async def _measure_feed(centre: DemoCentre) -> list[Figure]:
    limits = httpx.Limits(max_connections=CONSOLES + 10)
    seen: dict[int, list[float]] = {}
    async with httpx.AsyncClient(base_url=centre.http, limits=limits, trust_env=False) as client:
        await _signed_on(client, centre.accounts["dispatcher"])
        bare = await _bare_http(client)
        tasks = [asyncio.create_task(_console(client, seen)) for _ in range(CONSOLES)]
        await asyncio.sleep(3)
        committed = await _sent(client)
        await asyncio.sleep(2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    delays = [max(0.0, at - committed[seq]) * 1e3 for seq in committed for at in seen.get(seq, [])]
    share = len(delays) / (CONSOLES * len(committed))
    how = (
        f"{COMMANDS} commands, {CONSOLES} readers of the real feed in one process; from the answer "
        f"to the command to the arrival; {share:.1%} of rows came as themselves"
    )
    return [
        Figure(
            name="committed → on 150 consoles, p99",
            value=percentile(delays, 0.99),
            unit="ms",
            goal=250,
            limit=bare,
            how=f"{how}; limit: bare HTTP, p99",
        )
    ]


async def measure() -> list[Figure]:
    """Starts a centre without telephony load and reads its feed."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        centre = DemoCentre(Path(place) / "data")
        try:
            await asyncio.to_thread(centre.start)
            return await _measure_feed(centre)
        finally:
            await asyncio.to_thread(centre.stop)
