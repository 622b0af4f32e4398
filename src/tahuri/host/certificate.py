"""An authority of our own, for centres without a certificate; the consoles trust its root."""

import ipaddress
import socket
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tahuri.kernel import clock

ROOT_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
"""Browsers accept no longer one."""
RENEW_BEFORE = timedelta(days=30)
ENDS_SOON = timedelta(days=14)
"""Whoever renews by themselves does it a month before: later, something is wrong."""


def _write(file: Path, content: bytes, mode: int) -> None:
    fresh = file.with_suffix(".new")
    fresh.touch(mode=mode)
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(file)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    """What the key is for; strict clients (RFC 5280) want it said."""
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def fingerprint(file: Path) -> str:
    """SHA-256 of a certificate, as browsers show it."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def ends_at(file: Path) -> datetime | None:
    """When the certificate in a PEM file ends; None where it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def faults(file: Path, names: tuple[str, ...], now: datetime) -> list[str]:
    """Why browsers and phones would not believe the certificate; the first in the file counts.

    Args:
        names: host names and addresses by which people open the pages.
    """
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return [f"cannot be read: {file}"]
    found = []
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        found.append(f"valid only from {begin:%Y-%m-%d %H:%M} UTC on: is this clock right?")
    if now >= end:
        found.append(f"expired on {end:%Y-%m-%d %H:%M} UTC")
    elif now >= end - ENDS_SOON:
        found.append(f"expires on {end:%Y-%m-%d}: renew it")
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [*found, "names nobody: browsers want subjectAltName"]
    found += [f"is not for {name}" for name in names if not _is_for(held, name)]
    return found


def _is_for(held: x509.SubjectAlternativeName, name: str) -> bool:
    try:
        return ipaddress.ip_address(name) in held.get_values_for_type(x509.IPAddress)
    except ValueError:
        known = {one.lower() for one in held.get_values_for_type(x509.DNSName)}
        return name.lower() in known or f"*.{name.lower().partition('.')[2]}" in known


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    root, root_key = folder / "root.pem", folder / "root.key"
    if root.exists() and root_key.exists():
        key = serialization.load_pem_private_key(root_key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(root.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tahuri")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(root_key, _key_bytes(key), 0o600)
    _write(root, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def _names(wanted: tuple[str, ...]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for name in dict.fromkeys((*wanted, "localhost", "127.0.0.1", socket.gethostname())):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return names


def own_certificate(folder: Path, names: tuple[str, ...]) -> tuple[Path, Path]:
    """Certificate chain and key for these names, made where missing, renewed in time.

    Args:
        folder: keeps ``root.pem`` (for the consoles), ``root.key``, ``server.pem``, ``server.key``.

    Returns (certificate, key) files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root, root_key = _authority(folder)
    server, server_key = folder / "server.pem", folder / "server.key"
    wanted, now = _names(names), clock.now()
    if server.exists() and server_key.exists():
        old = x509.load_pem_x509_certificate(server.read_bytes())
        held = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if set(wanted) <= set(held) and old.not_valid_after_utc > now + RENEW_BEFORE:
            return server, server_key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tahuri centre")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )
    _write(server_key, _key_bytes(key), 0o600)
    pem = serialization.Encoding.PEM
    _write(server, certificate.public_bytes(pem) + root.public_bytes(pem), 0o644)
    return server, server_key
