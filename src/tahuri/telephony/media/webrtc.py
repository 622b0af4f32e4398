"""Browsers' legs, all on one UDP port: ICE-lite, DTLS with either role, SRTP.

A leg is known by the user fragment of its ICE checks; only an address from which an
authenticated check came may speak DTLS or SRTP.  Sources: RFC 8445 §2.5 (lite), RFC 7675
(consent), RFC 5764 (DTLS-SRTP), RFC 7983 (telling the three protocols apart).
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pylibsrtp
from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from tahuri.kernel.clock import monotonic_s, now
from tahuri.telephony.media import rtp, sdp
from tahuri.telephony.media.leg import Leg, Surroundings
from tahuri.telephony.media.ports import bound, socket_family
from tahuri.telephony.media.protocol import PortKind, Webrtc, WebrtcState

CONSENT_S: Final = 15.0
"""A browser that has not asked for this long (it asks every 2 to 5 s) is gone."""
CONNECT_S: Final = 30.0
"""A leg that is not connected so long after its answer has failed."""
TIMER_S: Final = 0.1
DTLS_BYTES_MAX: Final = 1200
"""Longest DTLS datagram we send: fits every network path."""
RECEIVE_BUFFER_BYTES: Final = 4 << 20
DATAGRAMS_A_WAKE_MAX: Final = 256
REPLAY_WINDOW: Final = 1024
KEY_BYTES: Final = 16
SALT_BYTES: Final = 14
CERTIFICATE_DAYS: Final = 365

Address = tuple[str, int]
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


def _fingerprint(certificate: x509.Certificate, hash_name: str) -> str:
    return certificate.fingerprint(_HASHES[hash_name]).hex(":").upper()


def _context() -> tuple[SSL.Context, str]:
    """A DTLS context with a fresh certificate, and the certificate's SHA-256 fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tahuri")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
    # Anybody's certificate will do here: `_established` compares it with the one in the offer.
    verify = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(verify, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    return context, _fingerprint(certificate, "sha-256")


def _session(key_and_salt: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(
        key=key_and_salt,
        ssrc_type=direction,
        srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )
    policy.window_size = REPLAY_WINDOW
    return pylibsrtp.Session(policy)


class WebrtcLeg(Leg):
    """A browser.  Raises MediaRefused from the constructor when its offer will not do."""

    kind: PortKind = "webrtc"

    def __init__(
        self,
        port: int,
        name: str,
        row: int,
        ssrc: int,
        around: Surroundings,
        endpoint: "Endpoint",
        offered: str,
    ) -> None:
        super().__init__(port, name, row, ssrc, around)
        self._offer = sdp.read(offered)
        self.dtmf = self._offer.dtmf
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(16)
        self.address: Address | None = None
        self._endpoint = endpoint
        self._tls: SSL.Connection | None = None
        self._inbound: pylibsrtp.Session | None = None
        self._outbound: pylibsrtp.Session | None = None
        self._state: WebrtcState | None = None
        self._opened_at = self._checked_at = monotonic_s()
        endpoint.add(self)

    @property
    def sending(self) -> bool:
        return self._state == "connected" and self.address is not None

    def answer(self) -> str:
        """Our SDP."""
        end = self._endpoint
        ours = sdp.Ours(end.told, self.ufrag, self.password, end.fingerprint, self.ssrc)
        return sdp.answer(self._offer, ours)

    def send(self, packet: memoryview) -> None:
        if self._outbound is not None and self.address is not None:
            self._endpoint.send(self._outbound.protect(bytes(packet)), self.address)
            self.sent += 1

    def send_rtcp(self, packet: bytes) -> None:
        if self._outbound is not None and self.address is not None:
            self._endpoint.send(self._outbound.protect_rtcp(packet), self.address)

    def close(self) -> None:
        self._endpoint.remove(self)
        if self._tls is not None and self._state == "connected":
            with contextlib.suppress(SSL.Error, OSError):  # the browser may be gone already
                self._tls.shutdown()
                self._flush()
        self._state = "closed"

    def check(self, request: stun.Message, source: Address) -> None:
        """An authenticated ICE check: answer, and go where the browser nominates."""
        self._checked_at = monotonic_s()
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = source
        response.add_message_integrity(self.password.encode())  # adds the fingerprint as well
        self._endpoint.send(bytes(response), source)
        if self.address is None or "USE-CANDIDATE" in request.attributes:
            self._endpoint.moved(self, source)
            self.address = source
        if self._tls is None:
            self._tls = SSL.Connection(self._endpoint.context)
            self._tls.set_ciphertext_mtu(DTLS_BYTES_MAX)
            if self._offer.they_wait:
                self._tls.set_connect_state()
                self._shake()
            else:
                self._tls.set_accept_state()

    def take_dtls(self, datagram: bytes) -> None:
        """One DTLS datagram."""
        if self._tls is None or self._state in ("failed", "closed"):
            return
        self._tls.bio_write(datagram)
        if self._state is None:
            self._shake()
            return
        try:
            self._tls.recv(rtp.DATAGRAM_BYTES_MAX)
        except SSL.ZeroReturnError:
            self._become("closed")
        except SSL.Error:
            pass  # a repeated flight, or nothing that matters once the keys are there
        self._flush()

    def take_srtp(self, datagram: bytes) -> None:
        """One SRTP or SRTCP packet; what does not prove to be the browser's is dropped."""
        if self._inbound is None:
            return
        try:
            if rtp.is_rtcp(datagram):
                self.take_rtcp(self._inbound.unprotect_rtcp(datagram))
            else:
                self.take(self._inbound.unprotect(datagram))
        except pylibsrtp.Error:
            self._dropped += 1

    def wake(self, moment: float) -> None:
        """Time passed: repeat a lost flight, or give up on a browser that is gone."""
        if self._state in ("failed", "closed"):
            return
        if self._state == "connected":
            gone = moment - self._checked_at > CONSENT_S
        else:  # checks may go on for ever where nothing else gets through
            gone = moment - self._opened_at > CONNECT_S
        if gone:
            self._become("failed")
        elif self._state is None and self._tls is not None and self._tls.DTLSv1_handle_timeout():
            self._flush()

    def _shake(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error:
            self._flush()
            self._become("failed")
            return
        self._flush()
        self._established(self._tls)

    def _flush(self) -> None:
        assert self._tls is not None
        while self.address is not None:
            try:
                datagram = self._tls.bio_read(rtp.DATAGRAM_BYTES_MAX)
            except SSL.WantReadError:
                return
            self._endpoint.send(datagram, self.address)

    def _established(self, tls: SSL.Connection) -> None:
        certificate = tls.get_peer_certificate(as_cryptography=True)
        genuine = (
            certificate is not None
            and _fingerprint(certificate, self._offer.hash_name) == self._offer.fingerprint
        )
        if not genuine or not tls.get_selected_srtp_profile():
            self._become("failed")
            return
        keys = tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (KEY_BYTES + SALT_BYTES))
        client, server = keys[:KEY_BYTES], keys[KEY_BYTES : 2 * KEY_BYTES]
        salts = keys[2 * KEY_BYTES :]
        client, server = client + salts[:SALT_BYTES], server + salts[SALT_BYTES:]
        ours, theirs = (client, server) if self._offer.they_wait else (server, client)
        self._inbound = _session(theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._outbound = _session(ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._become("connected")
        self.expect()

    def _become(self, state: WebrtcState) -> None:
        self._state = state
        self._around.changed = True
        self._around.tell(Webrtc(self.port, state))


class Endpoint:
    """The one UDP port, at one address or at one of each family.  To be made in a running event
    loop.

    Args:
        addresses: local IP addresses, told to browsers as the only candidates, the first preferred;
            at most one IPv4 and one IPv6.
        udp: 0 for any free port.

    Raises:
        OSError: the port cannot be had at one of them.
    """

    def __init__(self, addresses: Sequence[str], udp: int, around: Surroundings) -> None:
        self._around = around
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self.told: list[Address] = []
        """Where browsers reach us."""
        try:
            for address in addresses:
                family = socket_family(address)
                made = self._sockets[family] = bound(family, address, udp, RECEIVE_BUFFER_BYTES)
                self.told.append((address, made.getsockname()[1]))
        except OSError:
            for sock in self._sockets.values():
                sock.close()
            raise
        self.context, self.fingerprint = _context()
        self._by_ufrag: dict[str, WebrtcLeg] = {}
        self._by_address: dict[Address, WebrtcLeg] = {}
        self._loop = asyncio.get_running_loop()
        for sock in self._sockets.values():
            self._loop.add_reader(sock.fileno(), self._readable, sock)
        self._timer = self._loop.create_task(self._wake(), name="webrtc timer")

    def add(self, leg: WebrtcLeg) -> None:
        self._by_ufrag[leg.ufrag] = leg

    def moved(self, leg: WebrtcLeg, to: Address) -> None:
        """From now on the leg is at another address."""
        if leg.address is not None and self._by_address.get(leg.address) is leg:
            del self._by_address[leg.address]
        self._by_address[to] = leg

    def remove(self, leg: WebrtcLeg) -> None:
        self._by_ufrag.pop(leg.ufrag, None)
        if leg.address is not None and self._by_address.get(leg.address) is leg:
            del self._by_address[leg.address]

    def send(self, datagram: bytes, to: Address) -> None:
        """Raises OSError when the system will not take it."""
        self._sockets[socket_family(to[0])].sendto(datagram, to)

    async def stop(self) -> None:
        self._timer.cancel()
        await asyncio.gather(self._timer, return_exceptions=True)
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()

    async def _wake(self) -> None:
        while True:
            await asyncio.sleep(TIMER_S)
            moment = monotonic_s()
            for leg in list(self._by_ufrag.values()):
                try:
                    leg.wake(moment)
                except OSError:
                    continue  # the network will not take it now; the next repeat is soon
                except Exception:
                    self._around.fault("the timer of a WebRTC leg")

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(DATAGRAMS_A_WAKE_MAX):
            try:
                datagram, source = sock.recvfrom(rtp.DATAGRAM_BYTES_MAX)
            except OSError:
                return
            try:
                self._take(datagram, source[:2])
            except OSError:
                continue  # our answer could not be sent; the browser asks again
            except Exception:
                self._around.fault("a packet of a WebRTC leg")

    def _take(self, datagram: bytes, source: Address) -> None:
        kind = datagram[0] if datagram else 255
        if kind < 4:
            self._take_stun(datagram, source)
            return
        leg = self._by_address.get(source)
        if leg is None:
            return
        if 128 <= kind < 192:
            leg.take_srtp(datagram)
        elif 20 <= kind < 64:
            leg.take_dtls(datagram)

    def _take_stun(self, datagram: bytes, source: Address) -> None:
        try:
            message = stun.parse_message(datagram)
        except (ValueError, struct.error, IndexError):
            return
        if message.message_class is not stun.Class.REQUEST:
            return
        leg = self._by_ufrag.get(str(message.attributes.get("USERNAME", "")).split(":")[0])
        if leg is not None and message.check_message_integrity(leg.password.encode()):
            leg.check(message, source)
