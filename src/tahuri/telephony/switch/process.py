"""The process: puts the parts together, runs until told to stop."""

import argparse
import asyncio
import logging
import secrets
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tahuri.host.logs import configure_logs
from tahuri.telephony import rpc
from tahuri.telephony.media.client import MediaClient
from tahuri.telephony.names import addresses_of
from tahuri.telephony.sip.endpoint import Endpoint
from tahuri.telephony.spool.spool import Spool
from tahuri.telephony.switch import clockwork, config, operations
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.edge import edge
from tahuri.telephony.switch.edge.arrivals import Door
from tahuri.telephony.switch.edge.credentials import Credentials
from tahuri.telephony.switch.edge.names import NameWatch
from tahuri.telephony.switch.edge.registrar import Registrar
from tahuri.telephony.switch.edge.trunks import TrunkWatch
from tahuri.telephony.switch.journal.disk import DiskWatch
from tahuri.telephony.switch.journal.journal import Journal
from tahuri.telephony.switch.quality import lines, mediapulse
from tahuri.telephony.switch.recovery import newmedia, restart
from tahuri.telephony.switch.router import Router
from tahuri.telephony.switch.websocket import SeatSockets
from tahuri.tlsfiles import Followed

KEY_FILE = "seat.key"
KEY_BYTES = 32
MEDIA_LOOK_EVERY_S = 0.2

log = logging.getLogger(__name__)


def seat_key(data_dir: Path) -> bytes:
    """The key of seat tokens, made at the first start; shared with `serve`."""
    path = data_dir / "secrets" / KEY_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass
    return path.read_bytes()


class Switch:
    """All parts of one switch."""

    def __init__(self, settings: config.Settings) -> None:
        reserve_bytes, bytes_max = settings.spool_reserve_mb << 20, settings.spool_max_mb << 20
        self.spool = Spool(settings.data_dir / "spool", reserve_bytes, bytes_max)
        self.core = core = Core(settings, self.spool, Journal(settings.data_dir / "journal"))
        self._endpoint = Endpoint(lambda event: self._router.on_sip(event), core.gate)
        core.endpoint = self._endpoint
        self._endpoint.agent.says_trying = False
        self._media = core.media = MediaClient(
            settings.media_socket,
            lambda event: self._router.on_media(event),
            lambda: newmedia.media_up(core),
        )
        self._sockets = SeatSockets(core, seat_key(settings.data_dir))
        self._rpc = rpc.Server(settings.rpc_socket, self.answer)
        self.websocket_port = 0
        """Where browser seats connect; known once started."""
        self._router: Router
        self._trunks: TrunkWatch
        self._names: NameWatch
        self._nat_pings = edge.NatPings(core)
        self._disk = DiskWatch(core)

    async def start(self) -> None:
        """Take up what the last process left, then listen.  Raises OSError: a port is taken."""
        core, sip = self.core, self.core.settings.sip
        self.spool.start()
        owed = restart.restore(core)
        self._trunks = TrunkWatch(core)
        self._names = NameWatch(core, addresses_of)
        credentials = Credentials(core)
        self._router = Router(
            core, Door(core, credentials), Registrar(core, credentials), self._trunks
        )
        self._media.start()
        edge.prepare(core)
        followed = Followed(sip.tls.cert, sip.tls.key) if sip.tls else None
        await self._endpoint.start(
            sip.address,
            sip.udp_port,
            sip.tcp_port,
            core.settings.public_address,
            tls_port=sip.tls_port,
            context=followed.context if followed else None,
            other_address=sip.other_address,
            other_public_address=core.settings.other_public_address,
        )
        for say in owed:
            try:
                core.perform(say(core.sip_now))
            except Exception:
                log.exception("what the last process owed cannot be said")
        self.websocket_port = await self._sockets.start()
        await self._rpc.start()
        if followed is not None:
            core.spawn(followed.follow())
        core.spawn(self._tick())
        core.spawn(self._look())
        core.spawn(mediapulse.run(core))

    async def answer(self, op: str, arguments: rpc.Message) -> object:
        """What `serve` asks.  Raises rpc.Failure."""
        return await operations.answer(self.core, op, arguments)

    async def stop(self) -> None:
        """Stop listening; calls stay in the journal and in media, for the next process."""
        self._endpoint.deafen()
        await self._rpc.stop()
        await self._sockets.stop()
        await self.core.stop()  # before the sockets: whatever a step sends still goes out
        await self._endpoint.stop()
        await self._media.close()
        self.core.save_seats()
        await self.spool.close()

    async def _tick(self) -> None:
        core = self.core
        while True:
            await asyncio.sleep(clockwork.EVERY_S)
            if core.media_ready and not self._media.connected:
                newmedia.media_down(core)
            for tick in (
                partial(clockwork.tick, core),
                self._names.tick,
                self._trunks.tick,
                self._nat_pings.tick,
                self._disk.tick,
            ):
                try:
                    tick()
                except Exception:
                    log.exception("the clockwork failed")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(lines.LOOK_EVERY_S)
            try:
                await lines.look(self.core)
            except Exception:
                log.exception("the lines cannot be looked at")


async def _run(settings: config.Settings) -> None:
    switch = Switch(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await switch.start()
    log.info("switch is up")
    await stopping.wait()
    await switch.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m tahuri.telephony.switch --config FILE``; ends at SIGTERM with status 0."""
    parser = argparse.ArgumentParser(prog="tahuri switch")
    parser.add_argument("--config", type=Path, required=True, help="settings, JSON")
    arguments = parser.parse_args(argv)
    configure_logs()
    asyncio.run(_run(config.load(arguments.config)))
    return 0
