"""Browsers' legs without browsers: ICE checks, DTLS and SRTP of many seats in one process.

``python -m bench.browsers LEGS`` prints a list of offers (JSON), reads the list of answers,
connects and says a tone on each leg until it reads ``end``; then it prints a `Said`.  What it hears
it drops.
"""

import contextlib
import json
import re
import secrets
import select
import socket
import struct
import sys
from datetime import timedelta

import pylibsrtp
from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from bench.farends import FRAME_S, FarEnds, Ticks
from bench.voices import TONE
from tahuri.kernel import clock

CHECK_EVERY_S = 2.5
"""As browsers do (RFC 7675)."""
KEY_BYTES, SALT_BYTES = 16, 14
DATAGRAM_BYTES = 2048
_PORT = re.compile(r"a=candidate:\S+ 1 \S+ \d+ \S+ (\d+) ")
_UFRAG = re.compile(r"a=ice-ufrag:(\S+)")
_PASSWORD = re.compile(r"a=ice-pwd:(\S+)")


def _context() -> tuple[SSL.Context, str]:
    """A DTLS context with a fresh certificate, and the certificate's SHA-256 fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    return context, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


class Seat:
    """One browser's leg: it checks, shakes hands as client, then speaks."""

    def __init__(self, number: int, context: SSL.Context, fingerprint: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._ufrag = secrets.token_hex(4)
        self._source = number + 1
        self._tls = SSL.Connection(context)
        self._tls.set_ciphertext_mtu(1200)
        self._tls.set_connect_state()
        self._srtp: pylibsrtp.Session | None = None
        self._sequence = 0
        self._user, self._password = "", ""
        lines = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 8 101", "c=IN IP4 0.0.0.0", "a=mid:0", "a=rtcp-mux",
            "a=sendrecv", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000",
            f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{secrets.token_hex(16)}",
            f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active",
        ]  # fmt: skip
        self.offer = "\r\n".join([*lines, ""])

    def connect(self, answer: str) -> None:
        """Where the answer says.  Raises TypeError: it says nothing."""
        port, user, password = (f.search(answer) for f in (_PORT, _UFRAG, _PASSWORD))
        assert port is not None
        assert user is not None
        assert password is not None
        self._socket.connect(("127.0.0.1", int(port[1])))
        self._user, self._password = f"{user[1]}:{self._ufrag}", password[1]

    def check(self) -> None:
        """One ICE check, nominating."""
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes.update(
            {"USERNAME": self._user, "PRIORITY": 1, "ICE-CONTROLLING": self._source}
        )
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._password.encode())
        self._send(bytes(request))

    def listen(self) -> None:
        """Takes what came: DTLS for the handshake, the rest is dropped."""
        with contextlib.suppress(OSError):
            while datagram := self._socket.recv(DATAGRAM_BYTES):
                if 20 <= datagram[0] < 64 and self._srtp is None:
                    self._tls.bio_write(datagram)

    def speak(self) -> bool:
        """20 ms of the tone; a step of the handshake while that is not done.  Whether it spoke."""
        if self._srtp is None:
            self._shake()
            return False
        self._sequence += 1
        stamp = self._sequence * 160 & 0xFFFFFFFF
        head = struct.pack("!BBHII", 0x80, 8, self._sequence & 0xFFFF, stamp, self._source)
        self._send(self._srtp.protect(head + TONE))
        return True

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._tls.DTLSv1_handle_timeout()
            self._flush()
            return
        self._flush()
        keys = self._tls.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (KEY_BYTES + SALT_BYTES)
        )
        salt = keys[2 * KEY_BYTES :][:SALT_BYTES]
        policy = pylibsrtp.Policy(
            key=keys[:KEY_BYTES] + salt,
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        )
        self._srtp = pylibsrtp.Session(policy)

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self._send(self._tls.bio_read(DATAGRAM_BYTES))

    def _send(self, datagram: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(datagram)


def main(legs: int) -> None:
    """Until told to end, or until whoever started it is gone."""
    context, fingerprint = _context()
    seats = [Seat(number, context, fingerprint) for number in range(legs)]
    print(json.dumps([seat.offer for seat in seats]), flush=True)
    for seat, answer in zip(seats, json.loads(sys.stdin.readline()), strict=True):
        seat.connect(answer)
    ticks, packets, checked = Ticks(), 0, 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        ticks.wait()
        checks = ticks.count * FRAME_S / CHECK_EVERY_S * legs + legs
        while checked < checks:
            seats[checked % legs].check()
            checked += 1
        for seat in seats:
            seat.listen()
            packets += seat.speak()
    if sys.stdin.readline():
        ticks.tell(packets)


class Browsers(FarEnds):
    """That process."""

    def __init__(self, legs: int, cores: frozenset[int] = frozenset()) -> None:
        super().__init__("bench.browsers", legs, cores)

    @property
    def offers(self) -> list[str]:
        """Of its legs."""
        return list(json.loads(self.first))

    def connect(self, answers: list[str]) -> None:
        """To where each answer says."""
        self.tell(json.dumps(answers))


if __name__ == "__main__":
    main(int(sys.argv[1]))
