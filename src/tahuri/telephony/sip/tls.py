"""Contexts for SIP over TLS 1.2 and later."""

import socket
import ssl
from pathlib import Path

CERTIFICATE_FAULTS = {
    9: "certificate-not-yet",
    10: "certificate-expired",
    18: "certificate-unknown",
    19: "certificate-unknown",
    20: "certificate-unknown",
    21: "certificate-unknown",
    62: "certificate-name",
    64: "certificate-name",
}
"""Of OpenSSL's ``X509_V_ERR_*``, by what an engineer does about them."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For those who connect to us; they need no certificate.  Raises OSError, ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def client_context(verify: bool = True, authority: Path | None = None) -> ssl.SSLContext:
    """For those whom we connect to.

    Args:
        verify: whether their certificate must be valid and name the host that was asked for.
        authority: PEM file of who signs it; None: whom the machine trusts.

    Raises:
        OSError, ssl.SSLError: the file cannot be read.
    """
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def fault_of(error: Exception) -> str:
    """Why a connection to a peer could not be made, in a code that screens translate."""
    match error:
        case ssl.SSLCertVerificationError():
            return CERTIFICATE_FAULTS.get(error.verify_code, "certificate-bad")
        case ssl.SSLError():
            return "no-tls"
        case socket.gaierror() | UnicodeError():
            return "name-unknown"
        case ConnectionRefusedError():
            return "connection-refused"
        case ConnectionResetError():
            return "connection-closed"
        case _:
            return "no-connection"
