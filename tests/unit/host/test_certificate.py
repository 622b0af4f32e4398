"""Our own authority: its certificates pass the strictest look that browsers take."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tahuri.host import certificate
from tahuri.host.certificate import LEAF_LIFE, RENEW_BEFORE, fingerprint, own_certificate
from tahuri.kernel import clock

NAMES = ("192.0.2.10", "pusat112.example")


def handshake(root: Path, files: tuple[Path, Path], name: str) -> None:
    """A TLS handshake in memory; raises what a strict client would say."""
    client_context = ssl.create_default_context(cafile=str(root))
    client_context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(*files)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(back, there, server_hostname=name)
    server = server_context.wrap_bio(there, back, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in {client, server} - done:
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", [*NAMES, "localhost", "127.0.0.1"])
def test_who_trusts_the_root_trusts_the_centre_by_each_of_its_names(
    tmp_path: Path, name: str
) -> None:
    """Without it a console has no microphone, and the caller hears nothing."""
    handshake(tmp_path / "root.pem", own_certificate(tmp_path, NAMES), name)


def test_another_name_is_not_vouched_for(tmp_path: Path) -> None:
    """The root is trusted for this centre's names because that is all it ever signs."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path / "root.pem", own_certificate(tmp_path, NAMES), "bank.example")


def test_the_certificate_is_kept_until_names_or_time_ask_for_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new address or a year gone by must not lock the consoles out; the root stays."""
    server, _ = own_certificate(tmp_path, NAMES)
    first, root = server.read_bytes(), (tmp_path / "root.pem").read_bytes()
    own_certificate(tmp_path, NAMES)
    assert server.read_bytes() == first
    own_certificate(tmp_path, (*NAMES, "192.0.2.11"))
    second = server.read_bytes()
    assert second != first
    later = clock.now() + LEAF_LIFE - RENEW_BEFORE + timedelta(days=1)
    monkeypatch.setattr(certificate.clock, "now", lambda: later)
    own_certificate(tmp_path, NAMES)
    assert server.read_bytes() != second
    assert (tmp_path / "root.pem").read_bytes() == root


def test_keys_are_for_their_owner_alone_and_the_fingerprint_is_the_browsers(
    tmp_path: Path,
) -> None:
    """The engineer compares it with what the console's browser shows before trusting."""
    own_certificate(tmp_path, NAMES)
    for name in ("root.key", "server.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    shown = fingerprint(tmp_path / "root.pem")
    loaded = x509.load_pem_x509_certificate((tmp_path / "root.pem").read_bytes())
    assert bytes.fromhex(shown.replace(":", "")) == loaded.fingerprint(hashes.SHA256())
    assert len(shown.split(":")) == 32


def test_a_certificate_that_will_do_has_no_faults(tmp_path: Path) -> None:
    """Each name by which people open the pages, in any spelling of it."""
    server, _ = own_certificate(tmp_path, (*NAMES, "*.kota.example"))
    names = (*NAMES, "Pusat112.Example", "konsol.kota.example")
    assert certificate.faults(server, names, clock.now()) == []
    assert certificate.ends_at(server) is not None


def test_what_is_wrong_with_a_certificate_is_said_each_on_its_own(tmp_path: Path) -> None:
    """The engineer must not look for it in a browser that only says that it is not private."""
    server, _ = own_certificate(tmp_path, NAMES)
    now = clock.now()
    late, soon = now + LEAF_LIFE * 2, now + LEAF_LIFE - timedelta(days=5)
    [expired] = certificate.faults(server, NAMES, late)
    assert expired.startswith("expired on 20")
    [ending] = certificate.faults(server, NAMES, soon)
    assert ending.startswith("expires on 20")
    [early] = certificate.faults(server, (), now - timedelta(days=9))
    assert "clock" in early
    other = certificate.faults(server, ("lain.example", "192.0.2.11"), now)
    assert other == ["is not for lain.example", "is not for 192.0.2.11"]
    nameless = certificate.faults(tmp_path / "root.pem", NAMES, now)
    assert nameless == ["names nobody: browsers want subjectAltName"]
    server.write_text("no certificate")
    assert certificate.faults(server, NAMES, now) == [f"cannot be read: {server}"]
    assert certificate.ends_at(server) is None
