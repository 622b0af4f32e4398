"""A whole centre for tests: ``tahuri demo`` in a folder of its own, stopped at the end."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ports import UDP, free_port

READY_S = 180.0
STOP_S = 60.0
BUILT = Path(tempfile.gettempdir()) / f"tahuri-tests-{os.getpid()}"
"""Road graphs and map layers, built by the first centre of a test run and given to the others."""
QUIET = ("--no-callers", "--no-crews", "--no-robot-seat")


def wait_for(seen: Any, seconds: float = 60.0, every_s: float = 0.1) -> Any:
    """Calls ``seen`` until it gives something true; that is the result.

    Raises:
        TimeoutError: it never did.
    """
    end = time.monotonic() + seconds
    while True:
        result = seen()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"{seen} saw nothing within {seconds} s")
        time.sleep(every_s)


@dataclass
class DemoCentre:
    """A running ``tahuri demo``."""

    data: Path
    options: Sequence[str] = QUIET
    http_port: int = field(default_factory=free_port)
    sip_port: int = field(default_factory=lambda: free_port(UDP))
    process: subprocess.Popen[bytes] | None = None
    clients: "list[Api]" = field(default_factory=list)

    def start(self) -> None:
        """Starts it and waits until it says that it is ready."""
        command = [sys.executable, "-m", "tahuri.cli", "demo", "--data", str(self.data)]
        command += ["--http", str(self.http_port), "--sip", str(self.sip_port), *self.options]
        (self.data / "demo.json").unlink(missing_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        if BUILT.exists() and not (self.data / "cache").exists():
            shutil.copytree(BUILT, self.data / "cache")
        with (self.data / "demo.log").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_for(self._ready, READY_S)
        if not BUILT.exists():
            shutil.copytree(self.data / "cache", BUILT)
            atexit.register(shutil.rmtree, BUILT, True)

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.data / "demo.log").read_text()[-4000:])
        return (self.data / "demo.json").exists()

    @property
    def description(self) -> dict[str, Any]:
        """``demo.json`` as it stands now."""
        found: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return found

    @property
    def http(self) -> str:
        """Base address of the pages."""
        return str(self.description["http"])

    @property
    def sip(self) -> str:
        """``host:port`` of the switch."""
        return str(self.description["sip"])

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        """Role → user name and password."""
        found: dict[str, dict[str, str]] = self.description["accounts"]
        return found

    def pid(self, part: str) -> int:
        """Of a running process of the centre."""
        return int(self.description["pids"][part])

    def kill(self, part: str) -> int:
        """``kill -9`` of one part; waits until another runs in its place; the new pid."""
        old = self.pid(part)
        os.kill(old, signal.SIGKILL)
        return int(wait_for(lambda: self.pid(part) != old and self.pid(part), 30))

    def client(self, role: str) -> "Api":
        """Signed on over HTTP."""
        self.clients.append(Api(self.http, **self.accounts[role]))
        return self.clients[-1]

    def stop(self) -> None:
        """Ctrl+C; every process must be gone after it."""
        while self.clients:
            self.clients.pop().close()
        if self.process is None or self.process.poll() is not None:
            return
        pids = list(self.description["pids"].values())
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_S)
        left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        assert not left, f"processes left behind: {left}"

    def verify(self) -> tuple[int, str]:
        """``tahuri log verify``: exit status and what it printed."""
        command = [sys.executable, "-m", "tahuri.cli", "log", "verify", "--data", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()


class Api:
    """One operator over HTTP."""

    def __init__(self, base: str, username: str, password: str) -> None:
        self.http = httpx.Client(base_url=base, timeout=30, trust_env=False)
        self.commands = 0
        self.name = username
        answer = self.http.post("/api/session", json={"username": username, "password": password})
        answer.raise_for_status()
        self.operator = answer.json()["operator"]

    def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        """A command, with a key of its own unless one is given."""
        self.commands += 1
        key = key or f"{self.name}-{time.time_ns()}-{self.commands}"
        return self.http.post(path, json=body or {}, headers={"Idempotency-Key": key})

    def done(self, path: str, body: Any = None) -> dict[str, Any]:
        """A command that must succeed; its answer."""
        answer = self.post(path, body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        result: dict[str, Any] = answer.json()
        return result

    def get(self, path: str) -> dict[str, Any]:
        """A question that must be answered."""
        answer = self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        result: dict[str, Any] = answer.json()
        return result

    def rows(self, view: str) -> dict[str, dict[str, Any]]:
        """The rows of a view as the feed gives them to somebody who starts now."""
        found: dict[str, dict[str, Any]] = {}
        with self.http.stream("GET", "/api/feed?after=0") as stream:
            event = ""
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "rows":
                    for row in json.loads(line.removeprefix("data: "))["rows"]:
                        if row["view"] == view and row["body"] is not None:
                            body = {**row["body"], "personal": row["personal"]}
                            found[row["key"]] = body
                elif event == "alive":
                    return found
        return found

    def close(self) -> None:
        """Ends the connection."""
        self.http.close()
