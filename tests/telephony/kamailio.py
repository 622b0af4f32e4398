"""Kamailio at the edge, and rtpengine beside it, as deploy/kamailio has them."""

import asyncio
import signal
import socket
from pathlib import Path

from centre import ADDRESS, Centre, Person, free_tcp, until

from ports import UDP, free_ports
from tahuri.telephony.sip.transaction import Flow

CONFIG = Path(__file__).parents[2] / "deploy" / "kamailio" / "kamailio.cfg"
UP_S = 20.0
RTP_FIRST, RTP_LAST = 30_000, 30_199
"""Ports of rtpengine; one of them in a session shows that sound goes through it."""


class Edge:
    """Kamailio with the configuration that we ship; callers dial it like a centre.

    Args:
        nodes: to which it gives calls in turn.
        trunk: port where calls of the nodes go out.
        trunk_address: of the one trunk, ``telkom``.
        rtpengine: its control port; 0: sound goes directly.
    """

    def __init__(
        self,
        folder: Path,
        nodes: list[Centre],
        trunk: int,
        trunk_address: str = ADDRESS,
        rtpengine: int = 0,
    ) -> None:
        self.port = free_tcp()
        self._folder, self._rtpengine = folder, rtpengine
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir()
        lines = [f"1 sip:{ADDRESS}:{node.sip_port} 0 0" for node in nodes]
        lines.append(f"2 sip:{ADDRESS}:{trunk} 0 10")
        (folder / "nodes.list").write_text("\n".join(lines) + "\n")
        known = [f"2 {ADDRESS} 32 {node.sip_port}" for node in nodes]
        known.append(f"1 {trunk_address} 32 0 telkom")
        (folder / "addresses.list").write_text("\n".join(known) + "\n")

    def flow(self, transport: str = "UDP", host: str = ADDRESS) -> Flow:
        """Where it takes SIP."""
        return Flow(transport, host, self.port)

    async def start(self) -> None:
        """Start it and wait until it answers."""
        here = self._folder
        defined = [f'RTPENGINE="udp:{ADDRESS}:{self._rtpengine}"'] if self._rtpengine else []
        defined += [f'NODES="{here}/nodes.list"', f'ADDRESSES="{here}/addresses.list"']
        with (here / "kamailio.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                "kamailio", "-f", str(CONFIG), "-DD", "-E", "-Y", str(here), "-w", str(here),
                "-m", "64", "-M", "8",
                "-l", f"udp:{ADDRESS}:{self.port}", "-l", f"tcp:{ADDRESS}:{self.port}",
                *(word for name in (*defined, "LOCAL", "PING_S=1") for word in ("-A", name)),
                stdout=log, stderr=log,
            )  # fmt: skip
        await until(self._listens, UP_S)

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex((ADDRESS, self.port)) == 0

    async def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


class Rtpengine:
    """Debian's rtpengine in userspace: no kernel module, loopback alone."""

    def __init__(self, folder: Path) -> None:
        self.control = free_ports(UDP)
        self.ports = range(RTP_FIRST, RTP_LAST + 1)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "rtpengine.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                "rtpengine", "--foreground", "--log-stderr", "--table=-1", "--log-level=5",
                f"--interface={ADDRESS}", f"--listen-ng={ADDRESS}:{self.control}",
                f"--port-min={RTP_FIRST}", f"--port-max={RTP_LAST}",
                stdout=log, stderr=log,
            )  # fmt: skip
        await until(self._answers, UP_S)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.settimeout(0.2)
            asked.connect((ADDRESS, self.control))
            try:
                asked.send(b"1 d7:command4:pinge")
                return b"pong" in asked.recv(200)
            except OSError:
                return False

    def signal(self, number: signal.Signals) -> None:
        """Stop it in the middle (SIGSTOP), let it go on (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


async def answered(caller: Person, *seats: Person) -> Person:
    """The caller dials, and the seat at which it rings picks up; that seat.

    The caller lies about its trunk, as anybody may.
    """
    ringing = {asyncio.create_task(seat.pick_up(20)): seat for seat in seats}
    await caller.dial(headers=(("P-Tahuri-Trunk", "forged"),))
    done, waiting = await asyncio.wait(ringing, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*ringing, return_exceptions=True)
    return ringing[done.pop()]
