"""A certificate that is renewed while calls go on, and one that is spoilt by it."""

import shutil
import ssl
from pathlib import Path

import pytest

from tahuri.host.certificate import own_certificate
from tahuri.tlsfiles import Followed


def shown(context: ssl.SSLContext) -> bytes:
    """The certificate that a client is shown, DER.  Raises ssl.SSLError where there is none."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there)
    server = context.wrap_bio(there, back, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in {client, server} - done:
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert(binary_form=True) or b""


@pytest.fixture
def pairs(tmp_path: Path) -> list[tuple[Path, Path]]:
    """Two certificates with their keys."""
    return [own_certificate(tmp_path / name, ("112.example",)) for name in ("old", "new")]


def put(pair: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """Files as whoever renews them leaves them."""
    for file in pair:
        shutil.copy(file, folder / f"{file.name}.fresh")
        (folder / f"{file.name}.fresh").replace(folder / file.name)
    return folder / "server.pem", folder / "server.key"


def test_a_renewed_certificate_is_shown_without_a_new_start(
    tmp_path: Path, pairs: list[tuple[Path, Path]]
) -> None:
    """A start would end the sound of every call, and the old one would end at some midnight."""
    followed = Followed(*put(pairs[0], tmp_path))
    before = shown(followed.context)
    assert not followed.look()
    put(pairs[1], tmp_path)
    assert followed.look()
    assert shown(followed.context) != before
    assert not followed.look()


@pytest.mark.parametrize("spoilt", ["server.pem", "server.key"])
def test_a_spoilt_certificate_leaves_the_one_before(
    tmp_path: Path, pairs: list[tuple[Path, Path]], spoilt: str
) -> None:
    """Between the two files of a renewal they do not fit; a full disk leaves them empty."""
    followed = Followed(*put(pairs[0], tmp_path))
    before = shown(followed.context)
    (tmp_path / spoilt).write_text("")
    assert not followed.look()
    assert shown(followed.context) == before
    (tmp_path / spoilt).unlink()
    assert not followed.look()
    assert shown(followed.context) == before
    put(pairs[1], tmp_path)
    assert followed.look()
    assert shown(followed.context) != before


def test_a_switch_that_finds_no_certificate_waits_for_one(
    tmp_path: Path, pairs: list[tuple[Path, Path]]
) -> None:
    """Calls over UDP must be taken even so; TLS works as soon as the files are mended."""
    followed = Followed(tmp_path / "server.pem", tmp_path / "server.key")
    with pytest.raises(ssl.SSLError):
        shown(followed.context)
    put(pairs[0], tmp_path)
    assert followed.look()
    assert shown(followed.context)


def test_a_context_that_runs_already_is_followed(
    tmp_path: Path, pairs: list[tuple[Path, Path]]
) -> None:
    """The pages' server makes its own."""
    files = put(pairs[0], tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    followed = Followed(*files, context)
    assert not followed.look()
    before = shown(context)
    put(pairs[1], tmp_path)
    assert followed.look()
    assert shown(context) != before
