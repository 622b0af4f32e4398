"""The first call-back needs nobody to remember it: a running centre offers it to a free seat."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo import BUILT, Api, wait_for
from ports import UDP, free_port
from soundphone import SoundPhone

PASSWORD = "kata sandi yang panjang"
CALLED = "081234567890"
CALLER_HZ, SEAT_HZ = 440.0, 1300.0
READY_S, STOP_S, SEEN_S = 180.0, 60.0, 90.0


class Town(SoundPhone):
    """The far end of the trunk: picks up whatever number is called."""

    async def listen(self, port: int) -> None:
        """Takes calls at the port that the trunk names."""
        await self._phone.start(user="town", udp_port=port)
        self._task = asyncio.create_task(self._run())


@dataclass
class Up:
    """A centre that `tahuri up` has started: switch, media, serve, work and PostgreSQL."""

    http: str
    sip: str
    town_port: int

    def api(self) -> Api:
        """The supervisor's program."""
        return Api(self.http, "kepala", PASSWORD)


def seen(address: str) -> bool:
    """Whether it serves and holds the line to its switch."""
    try:
        return httpx.get(f"{address}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="tahuri-back-") as place:
        yield Path(place)


@pytest.fixture
def centre(folder: Path) -> Iterator[Up]:
    """Not a demo: settings of a city, one phone seat, one trunk that can be called through."""
    http, sip, town = free_port(), free_port(UDP), free_port(UDP)
    data, file = folder / "data", folder / "centre.toml"
    data.mkdir()
    if BUILT.exists():
        (data / "cache").symlink_to(BUILT)
    file.write_text(
        f'data = "{data}"\nhttp_port = {http}\nsignalling_port = {free_port()}\n'
        f"sip_port = {sip}\nwebrtc_port = {free_port(UDP)}\n"
        "call_back_after_s = 1\ntest_call_every_s = 0\n"
        '[[trunks]]\nname = "telkom"\nsources = ["127.0.0.0/8"]\nout = true\n'
        f'host = "127.0.0.1:{town}"\noptions_every_s = 0\n'
        '[[sip_seats]]\nseat_id = "T1"\nusername = "t1"\npassword = "x y z"\n'
        'account = "penerima"\n'
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAHURI_")}
    environ = {**kept, "TAHURI_SETTINGS": str(file)}
    command = [sys.executable, "-m", "tahuri.cli"]
    for role, name in (("supervisor", "kepala"), ("call_taker", "penerima")):
        words = [*command, "account", "add", "--role", role, name]
        done = subprocess.run(words, input=PASSWORD, text=True, env=environ, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
    with (data / "terminal").open("ab") as output:
        process = subprocess.Popen([*command, "up"], env=environ, stdout=output, stderr=output)
    running = Up(f"http://127.0.0.1:{http}", f"127.0.0.1:{sip}", town)

    def ready() -> bool:
        assert process.poll() is None, (data / "terminal").read_text()
        return seen(running.http)

    try:
        wait_for(ready, READY_S)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0


async def until(found: Any) -> Any:
    """What ``found`` gives, once it gives something."""
    return await asyncio.to_thread(wait_for, found, SEEN_S, 0.3)


async def test_a_free_seat_calls_back_whoever_gave_up_without_anybody_asking(centre: Up) -> None:
    """Given a caller who gave up in the queue; when a seat is free; then it rings by itself, the
    caller's phone rings after it, the two hear each other, and the item needs an outcome."""
    api = await asyncio.to_thread(centre.api)
    caller, town = SoundPhone(CALLER_HZ), Town(CALLER_HZ)
    seat = SoundPhone(SEAT_HZ, ("t1", "x y z"))

    def row(state: str) -> dict[str, Any] | None:
        return next((one for one in api.rows("callback").values() if one["state"] == state), None)

    def spoken() -> dict[str, Any] | None:
        item = row("open")
        ended = item is not None and item["attempts"] and item["attempts"][0]["ended_at"]
        return item if ended else None

    try:
        await caller.start()
        await caller.ring(centre.sip, caller=CALLED)
        await caller.stop()
        item = await until(lambda: row("open"))
        assert item["attempts"] == []
        await town.listen(centre.town_port)
        await seat.start()
        assert await seat.register(centre.sip) == 200
        await town.hears_at_last(SEAT_HZ, SEEN_S)
        await seat.hears_at_last(CALLER_HZ, SEEN_S)
        seat.hang_up()
        item = await until(spoken)
        (attempt,) = item["attempts"]
        assert (attempt["automatic"], attempt["result"]) == (True, "reached")
        assert attempt["seat_id"] == "T1"
        assert item["call_back_s"] >= 1
        body = {"outcome": "reached-no-emergency", "note": "Salah pencet"}
        await asyncio.to_thread(api.done, f"/api/callbacks/{item['callback_id']}/close", body)
        closed = await until(lambda: row("closed"))
        assert closed["outcome"] == "reached-no-emergency"
        proof = await asyncio.to_thread(api.get, f"/api/callbacks/{item['callback_id']}/proof.json")
        kinds = [fact["type"] for fact in proof["facts"]]
        assert kinds.index("callbacks.item-opened") < kinds.index("calls.call-placed")
        assert kinds.count("callbacks.attempt-begun") == 1
    finally:
        for phone in (town, seat):
            await phone.stop()
        await asyncio.to_thread(api.close)
