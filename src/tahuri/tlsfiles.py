"""A server's certificate that follows its files: it is renewed while calls go on.

Whoever renews certificates (certbot, an office's own authority) writes new files; nobody starts an
emergency centre again for that.  Files that do not fit together are not taken: the certificate of
before is shown on, and where there was none yet, handshakes fail until the files are mended.
"""

import asyncio
import logging
import ssl
from pathlib import Path

LOOK_EVERY_S = 60.0

log = logging.getLogger(__name__)


class Followed:
    """One context, and the files it stands on.

    Args:
        context: of a server that runs already; None makes one, for TLS 1.2 and later.
    """

    def __init__(self, certificate: Path, key: Path, context: ssl.SSLContext | None = None) -> None:
        self._certificate, self._key = certificate, key
        self._loaded: object = None
        if context is None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.look()
        else:
            self.context = context
            self._loaded = self._stamp()

    def look(self) -> bool:
        """Takes the files if they are others than those taken last; whether it did."""
        stamp = self._stamp()
        if stamp is not None and stamp == self._loaded:
            return False
        try:
            # tried apart first: a failed load would leave the live context without a key
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self._certificate, self._key, password=""
            )
            self.context.load_cert_chain(self._certificate, self._key, password="")
        except (OSError, ssl.SSLError) as error:
            log.warning(
                "certificate files cannot be taken",
                extra={"file": str(self._certificate), "error": str(error)},
            )
            return False
        if self._loaded is not None:
            log.info("certificate renewed", extra={"file": str(self._certificate)})
        self._loaded = stamp
        return True

    async def follow(self) -> None:
        """For ever; each new connection sees the newest."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def _stamp(self) -> object:
        try:
            found = [file.stat() for file in (self._certificate, self._key)]
        except OSError:
            return None
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in found]
