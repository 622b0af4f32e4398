"""A store that speaks S3, over real HTTP: what it refuses is one clear fault; what is erased is."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from s3_server import Server, running
from tahuri.calls.faults import Fault, FaultCode, PlaceError, of_store
from tahuri.calls.places import ASIDE
from tahuri.calls.store import Store
from tahuri.host.certificate import own_certificate
from tahuri.kernel import clock

SECRET = "not-in-any-log-3f9a"
BUCKET, PATH = "rekaman", "2026/11/23/C1.wav"
SOUND = b"RIFF" + bytes(70_000)
SHA256 = hashlib.sha256(SOUND).hexdigest()
HARMED = "harmed"


class Making(Protocol):
    def __call__(self, **how: Any) -> Server: ...


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Making]:
    """Makes a store that serves until the test ends; ``how`` as ``Server`` has it."""
    with ExitStack() as stack:

        def make(**how: Any) -> Server:
            (tmp_path / "bucket" / BUCKET).mkdir(parents=True, exist_ok=True)
            server = Server(0, tmp_path / "bucket", "key", SECRET, **how)
            return stack.enter_context(running(server))

        yield make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    one = tmp_path / "C1.wav"
    one.write_bytes(SOUND)
    return one


def client(server: Server, **other: Any) -> Store:
    asked: dict[str, Any] = {"bucket": BUCKET, "key": "key", "secret": SECRET, "secure": False}
    asked |= {"region": "us-east-1", **other}
    return Store(f"127.0.0.1:{server.server_address[1]}", **asked)


def left(server: Server) -> set[str]:
    root = server.folder / BUCKET
    return {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    ("other", "how", "code", "word"),
    [
        ({"key": "nobody"}, {}, FaultCode.WRONG_KEY, "does not know the access key"),
        ({"secret": "another"}, {}, FaultCode.WRONG_SECRET, "does not belong to the access key"),
        ({"bucket": "nowhere"}, {}, FaultCode.NO_BUCKET, "the bucket is not there"),
        ({}, {"apart_s": 3600.0}, FaultCode.CLOCK, "differ by 3600 s"),
        ({}, {"apart_s": -3600.0}, FaultCode.CLOCK, "differ by 3600 s"),
    ],
)
def test_a_wrong_setting_is_told_before_a_recording_waits_for_it(
    made: Making, file: Path, other: dict[str, Any], how: dict[str, Any], code: str, word: str
) -> None:
    """Whoever sets up the store must read what to change, also when nothing is to be copied.

    Given a wrong key, secret, bucket or clock; when the store is asked, when a recording is
    brought, read and erased; then each says the same, for the whole place, without the secret.
    """
    server = made(**how)
    store = client(server, **other)
    for told in (store.fault(), store.bring(file, PATH, SHA256), store.erase(PATH)):
        assert told is not None
        assert (told.code, told.whole) == (code, True)
        said = str(told).replace("3601 s", "3600 s").replace("3599 s", "3600 s")
        assert word in said
        assert SECRET not in said
    with pytest.raises(PlaceError) as caught:
        list(store.read(PATH))
    assert caught.value.fault.code == code
    assert left(server) == set()


def test_a_store_with_its_own_authority_is_trusted_when_it_is_named(
    made: Making, file: Path, tmp_path: Path
) -> None:
    """Given a store whose certificate the city signed itself; when its authority is named; then it
    is used; when not; then that is said, and nothing was sent; nor is plain HTTP an answer."""
    pair = own_certificate(tmp_path / "https", ("127.0.0.1",))
    server = made(certificate=pair)
    authority = str(tmp_path / "https" / "root.pem")
    named = client(server, secure=True, authority=authority)
    assert named.fault() is None
    assert named.bring(file, PATH, SHA256) is None
    assert b"".join(named.read(PATH)) == SOUND
    server.asked.clear()
    told = client(server, secure=True).fault()
    assert told is not None
    assert (told.code, told.whole) == (FaultCode.CERTIFICATE, True)
    assert "certificate" in told.detail
    other = own_certificate(tmp_path / "other", ("127.0.0.1",))[0].parent / "root.pem"
    wrong = client(server, secure=True, authority=str(other)).bring(file, PATH, SHA256)
    assert wrong is not None
    assert wrong.code is FaultCode.CERTIFICATE
    assert server.asked == []
    assert client(server, secure=True, verify=False).fault() is None
    plain = made()
    no_tls = client(plain, secure=True).fault()
    assert no_tls is not None
    assert no_tls.code is FaultCode.CERTIFICATE


def test_nobody_there_is_told_as_such(tmp_path: Path, file: Path) -> None:
    """Given a port where nobody listens; then the store cannot be reached, as a whole."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{nobody.getsockname()[1]}"
        told = Store(at, BUCKET, "key", SECRET, "us-east-1", secure=False).bring(file, PATH, SHA256)
    assert told is not None
    assert (told.code, told.whole) == (FaultCode.UNREACHABLE, True)


def test_an_erased_recording_goes_with_all_its_versions(made: Making, file: Path) -> None:
    """What the law says must go may not lie in a drawer of the store.

    Given a store that keeps versions, with a recording that was brought twice and a damaged one
    put aside; when it is erased; then no version of it is left, and its neighbour's are.
    """
    server = made(versions=True)
    store = client(server)
    root = server.folder / BUCKET
    server.put(root / PATH, b"harmed")
    assert store.bring(file, PATH, SHA256, PATH + ASIDE + "1") is None
    neighbour = f"{PATH[:-4]}2.wav"
    assert store.bring(file, neighbour, SHA256) is None
    assert left(server) == {PATH, PATH + ASIDE + "1", neighbour}
    assert (root / (PATH + ASIDE + "1")).read_bytes() == b"harmed"
    assert store.erase(PATH) is None
    kept = {str(one.relative_to(root)) for one, of in server.kept.items() if of}
    assert kept == {neighbour} == left(server)
    assert store.erase(PATH) is None


def test_what_a_cut_off_upload_left_goes_with_the_next_try_and_with_the_recording(
    made: Making, tmp_path: Path
) -> None:
    """Parts of a voice in no list of objects would outlive what the law says.

    Given an upload in parts that was cut off, of this recording and of its neighbour; when it is
    brought again; then its parts are gone; when another was cut off, and it is erased; then these
    too, and the neighbour's are there.
    """
    server = made()
    store = client(server)
    long = tmp_path / "long.wav"
    long.write_bytes(bytes(6 << 20))
    sha256 = hashlib.sha256(long.read_bytes()).hexdigest()

    def cut_off(path: str) -> None:
        upload = store._client._create_multipart_upload(BUCKET, path, {})
        store._client._upload_part(BUCKET, path, bytes(5 << 20), None, upload, 1)

    def begun() -> list[str]:
        return [str(one.relative_to(server.folder / BUCKET)) for one in server.begun.values()]

    neighbour = f"{PATH}.2"
    cut_off(PATH)
    cut_off(neighbour)
    assert begun() == [PATH, neighbour]
    assert store.bring(long, PATH, sha256) is None
    assert begun() == [neighbour]
    cut_off(PATH)
    assert store.erase(PATH) is None
    assert begun() == [neighbour]
    assert len(list((server.folder / ".parts").iterdir())) == 1


def test_a_key_that_may_not_see_parts_stores_all_the_same(made: Making, tmp_path: Path) -> None:
    """A store's administrator gives what we ask for, and not always more."""
    server = made(hidden=True)
    long = tmp_path / "long.wav"
    long.write_bytes(bytes(6 << 20))
    store = client(server)
    assert store.bring(long, PATH, hashlib.sha256(long.read_bytes()).hexdigest()) is None


@pytest.mark.parametrize(
    ("how", "code"), [({"locked": True}, FaultCode.LOCKED), ({"hidden": True}, FaultCode.VERSIONS)]
)
def test_a_store_that_keeps_what_must_go_says_so(
    made: Making, file: Path, how: dict[str, Any], code: FaultCode
) -> None:
    """Given versions that are locked, or that our key may neither see nor remove; when a recording
    is erased; then that is a fault of it, and never taken as done."""
    server = made(versions=True, **how)
    store = client(server)
    assert store.bring(file, PATH, SHA256) is None
    told = store.erase(PATH)
    assert told is not None
    assert (told.code, told.whole) == (code, False)
    assert any(server.kept[server.folder / BUCKET / PATH].values())


def test_a_store_without_versions_need_not_list_them(made: Making, file: Path) -> None:
    """Given a store that does not know versions; then an erasure is an erasure."""
    server = made()
    assert client(server).bring(file, PATH, SHA256) is None
    assert client(server).erase(PATH) is None
    assert left(server) == set()


def test_a_repair_in_the_store_keeps_the_damaged_one(made: Making, file: Path) -> None:
    """Given a damaged object, or none; when a sound one is brought with a name for the damaged;
    then it is there, and the damaged one too if there was one."""
    server = made()
    root = server.folder / BUCKET
    store = client(server)
    assert store.bring(file, PATH, SHA256, PATH + ASIDE + "1") is None
    assert left(server) == {PATH}
    server.put(root / PATH, b"harmed")
    assert store.bring(file, PATH, SHA256, PATH + ASIDE + "2") is None
    assert (root / PATH).read_bytes() == SOUND
    assert (root / (PATH + ASIDE + "2")).read_bytes() == b"harmed"


def test_what_no_table_names_is_told_with_the_stores_own_word() -> None:
    """A store of tomorrow has words that we do not know; a bug is not one of them."""
    assert of_store(ValueError("x"), clock.now()).code is FaultCode.UNREADABLE
    assert of_store(ConnectionResetError(), clock.now()) == Fault(
        FaultCode.UNREACHABLE, "ConnectionResetError", True
    )
    with pytest.raises(KeyError):
        of_store(KeyError("x"), clock.now())
