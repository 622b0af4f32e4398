"""Contexts for SIP over TLS 1.2 and later."""

import ssl
from pathlib import Path


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
