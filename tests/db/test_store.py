"""The second target that speaks S3: a real server over real HTTP, which comes and goes.

Each test has it from our own small server and from a stranger's, which runs public clouds.
"""

import asyncio
import contextlib
import hashlib
import io
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from minio.versioningconfig import ENABLED, VersioningConfig
from msgspec.structs import replace
from watched import PRANK, Place

import s3_server
import strange_store
from tahuri.app import VIEWS
from tahuri.calls.copying import Copying
from tahuri.calls.events import LegalHoldSet
from tahuri.calls.faults import FaultCode, PlaceError
from tahuri.calls.places import ASIDE
from tahuri.calls.store import Store
from tahuri.centre import Centre
from tahuri.city.records import CityPack
from tahuri.kernel.db import Database
from tahuri.kernel.ids import PersonalId
from tahuri.settings import Settings
from tahuri.settings.checks import impossible
from tahuri.watchman import Watchman

SECRET = "not-in-any-log-3f9a"
BUCKET = "rekaman"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """A store that checks signatures, as a process of its own; its objects outlive it.

    Args:
        strange: whether it is not ours.
    """

    def __init__(self, folder: Path, *, strange: bool) -> None:
        self.port, self.folder = free_port(), folder
        self.key = strange_store.KEY if strange else "key"
        program = strange_store.__file__ if strange else s3_server.__file__
        self._command = [sys.executable, program, str(self.port), str(folder)]
        self._command += [SECRET] if strange else [self.key, SECRET]
        self.process: subprocess.Popen[bytes] | None = None
        self.client = Minio(
            f"127.0.0.1:{self.port}", access_key=self.key, secret_key=SECRET, secure=False,
            region="us-east-1",
        )  # fmt: skip

    async def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = await asyncio.to_thread(subprocess.Popen, self._command, **quiet)
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    break
                await asyncio.sleep(0.05)
        if not await asyncio.to_thread(self.client.bucket_exists, BUCKET):
            await asyncio.to_thread(self.client.make_bucket, BUCKET)

    def store(self, **other: Any) -> Store:
        """As the centre has it, but for what is said."""
        asked: dict[str, Any] = {"bucket": BUCKET, "key": self.key, "secret": SECRET}
        asked |= {"region": "us-east-1", "secure": False, **other}
        return Store(f"127.0.0.1:{self.port}", **asked)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def names(self) -> set[str]:
        return {str(one.object_name) for one in self.client.list_objects(BUCKET, recursive=True)}

    def content(self, name: str) -> bytes:
        answer = self.client.get_object(BUCKET, name)
        try:
            return bytes(answer.read())
        finally:
            answer.close()
            answer.release_conn()


@pytest.fixture(params=["ours", "strange"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "bucket", strange=request.param == "strange")
    yield made
    made.kill()


@pytest.fixture
async def place(database: Database, pack: CityPack, tmp_path: Path, server: Server) -> Place:
    made = Place(database, pack, tmp_path)
    made.settings = replace(
        made.settings,
        recordings_copy=None,
        recordings_store=f"http://127.0.0.1:{server.port}",
        recordings_store_bucket=BUCKET,
        recordings_store_key=server.key,
        recordings_store_secret=SECRET,
    )
    made.centre = Centre(made.settings, made.centre.folder, pack)
    made.watchman = Watchman(made.centre, database, VIEWS, made.ask, grace_s=0)
    return made


def storing(place: Place) -> Copying:
    found = place.watchman.kept.storing
    assert found is not None
    return found


async def test_recordings_reach_the_store_and_catch_up_after_an_outage(
    place: Place, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    """A building that burns must not take the evidence along.

    Given a store that is away; then the recording waits, it is said why, and a finding is open;
    when it comes; then the copy is there, byte for byte, a fact says so, and the finding is closed;
    when it is killed with another waiting, and comes again; then that one follows.  The secret is
    nowhere in what is printed or kept.
    """

    async def behind() -> list[Any]:
        return await place.database.all(
            "select body ->> 'state' from view_rows where view = 'finding' "
            "and body ->> 'code' = 'copy-failing' and body ->> 'about' = 'recordings_store'"
        )

    first, file = await place.call(timedelta(minutes=20))
    await place.watchman.keeper.copy("store")
    assert storing(place).waiting == 1
    assert "cannot be reached" in str(storing(place).fault)
    since = storing(place).failing_since
    assert since is not None
    place.watchman = Watchman(place.centre, place.database, VIEWS, place.ask, grace_s=0)
    await place.watchman.keeper.copy("store")
    assert storing(place).failing_since == since  # also after work began anew
    await place.watchman.round()
    assert await behind() == [("open",)]
    await server.start()
    await place.watchman.keeper.copy("store")
    assert storing(place).fault is None
    assert storing(place).waiting == 0
    await place.watchman.round()
    assert await behind() == [("closed",)]
    name = str(file.relative_to(place.recordings))
    assert await asyncio.to_thread(server.content, name) == file.read_bytes()
    recording = (await place.row(first))["recording"]
    assert (recording["stored"], recording["copied"]) == (True, False)
    server.kill()
    await place.call()
    await place.watchman.keeper.copy("store")
    assert storing(place).fault is not None
    await server.start()
    await place.watchman.keeper.copy("store")
    assert storing(place) == Copying()
    kept = (place.centre.folder.run / "watch.json").read_text()
    assert SECRET not in kept + repr(place.settings) + "".join(capfd.readouterr())


async def test_what_is_erased_goes_from_the_store_too_and_a_hold_keeps_it(
    place: Place, server: Server
) -> None:
    """Given a recording whose time is over and one under legal hold, both in the store, which is
    then away; when the first is erased; then its copy waits to be erased; when the store is back;
    then the copy is gone, a fact says so, and the held one is there."""
    await server.start()
    free, file = await place.call(timedelta(days=100), PRANK)
    _, held = await place.call(
        timedelta(days=100, seconds=9), PRANK, LegalHoldSet(reason=PersonalId("P9"))
    )
    await place.watchman.keeper.copy("store")
    names = {str(one.relative_to(place.recordings)) for one in (file, held)}
    assert await asyncio.to_thread(server.names) == names
    store = place.watchman.keeper.copiers["store"]._place
    away = Store(f"127.0.0.1:{free_port()}", BUCKET, "k", SECRET, "us-east-1", secure=False)
    place.watchman.keeper.copiers["store"]._place = away
    await place.watchman.keeper.erase()
    await place.watchman.keeper.copy("store")
    assert storing(place).to_erase == 1
    assert storing(place).erased_at is not None
    assert (await place.row(free))["recording"]["stored"] is True
    place.watchman.keeper.copiers["store"]._place = store
    await place.watchman.keeper.copy("store")
    assert storing(place) == Copying()
    assert await asyncio.to_thread(server.names) == {str(held.relative_to(place.recordings))}
    assert (await place.row(free))["recording"]["stored"] is False
    told = await place.database.all(
        "select body ->> 'place' from facts where type = 'calls.recording-copy-erased'"
    )
    assert told == [("store",)]


async def test_an_altered_recording_is_not_stored(place: Place, server: Server) -> None:
    """Given a file that is not what the log says; then the store gets nothing."""
    await server.start()
    _, file = await place.call()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    await place.watchman.keeper.copy("store")
    assert "sha256" in str(storing(place).fault)
    assert storing(place).failing_since is None
    assert await asyncio.to_thread(server.names) == set()


async def test_a_wrong_secret_is_told_and_a_long_recording_goes_in_parts(
    server: Server, tmp_path: Path
) -> None:
    """Given a key that the store does not know by that secret; then nothing is stored, and it is
    said; given the right one and a recording of 12 MB; then it is there, the same."""
    await server.start()
    file = tmp_path / "long.wav"
    file.write_bytes(bytes(range(256)) * 47_000)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    wrong, right = server.store(secret="another"), server.store()
    assert wrong.fault() is not None
    fault = await asyncio.to_thread(wrong.bring, file, "a/long.wav", sha256)
    assert str(fault) == "the secret does not belong to the access key (SignatureDoesNotMatch)"
    assert await asyncio.to_thread(server.names) == set()
    assert await asyncio.to_thread(right.bring, file, "a/long.wav", sha256) is None
    assert await asyncio.to_thread(server.content, "a/long.wav") == file.read_bytes()


async def test_what_lies_in_the_store_is_read_again_and_repairs_and_is_repaired(
    place: Place, server: Server
) -> None:
    """A disk that dies years later, or a store that loses a byte, must cost no recording.

    Given a recording here and in the store; when the one here is damaged; then it is repaired from
    the store; when the object is altered; then it is repaired from here, and the altered one lies
    beside it; when it is erased; then nothing of it is left.
    """
    await server.start()
    call_id, file = await place.call(timedelta(days=100), PRANK)
    sound, name = file.read_bytes(), str(file.relative_to(place.recordings))
    keeper = place.watchman.keeper
    keeper.rereader._period = timedelta(days=1)
    await keeper.copy("store")
    file.write_bytes(sound[:-1] + b"x")
    await keeper.reread()
    assert file.read_bytes() == sound
    await asyncio.to_thread(server.client.put_object, BUCKET, name, io.BytesIO(b"harmed"), 6)
    await place.database.run("delete from recording_reads")
    await keeper.reread()
    assert await asyncio.to_thread(server.content, name) == sound
    (aside,) = await asyncio.to_thread(server.names) - {name}
    assert aside.startswith(name + ASIDE)
    assert await asyncio.to_thread(server.content, aside) == b"harmed"
    told = await place.database.all(
        "select body ->> 'place', body ->> 'source' from facts where stream = %s "
        "and type = 'calls.recording-repaired' order by seq",
        (f"call/{call_id}",),
    )
    assert told == [("original", "store"), ("store", "original")]
    await keeper.erase()
    await keeper.copy("store")
    assert await asyncio.to_thread(server.names) == set()


@pytest.mark.parametrize("strange", [True, False])
async def test_a_stranger_names_the_same_faults_and_keeps_nothing_that_was_erased(
    tmp_path: Path, strange: bool
) -> None:
    """Our own server does what we believe of stores; a stranger's shows whether it is so.

    Given a store with a bucket, and one that keeps versions; then a wrong key, bucket and region
    and an absent object are each told by their name; what is erased goes with its versions, what
    lies aside, and the parts of an upload that was cut off, and its neighbours stay.
    """
    server = Server(tmp_path / "bucket", strange=strange)
    try:
        await server.start()
        await asyncio.to_thread(_strange_faults, server, strange)
        await asyncio.to_thread(_nothing_left, server, tmp_path / "sound.wav", strange)
    finally:
        server.kill()


def _strange_faults(server: Server, strange: bool) -> None:
    key = FaultCode.WRONG_SECRET if strange else FaultCode.WRONG_KEY  # Swift tells no keys apart
    asked = [({"key": "nobody:else"}, key), ({"bucket": "nowhere"}, FaultCode.NO_BUCKET)]
    if strange:
        asked.append(({"region": "ambon-1"}, FaultCode.REGION))
    for other, code in asked:
        told = server.store(**other).fault()
        assert told is not None
        assert (told.code, told.whole) == (code, True)
    with pytest.raises(PlaceError) as caught:
        list(server.store().read("2026/none.wav"))
    assert caught.value.fault.code is FaultCode.ABSENT


def _nothing_left(server: Server, file: Path, strange: bool) -> None:
    path, beside = "2026/11/23/C1.wav", "2026/11/23/C12.wav"
    file.write_bytes(bytes(range(256)) * 24_000)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    if strange:
        server.client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED))
    store = server.store()
    server.client.put_object(BUCKET, path, io.BytesIO(b"harmed"), 6)
    assert store.bring(file, path, sha256, path + ASIDE + "1") is None
    assert store.bring(file, beside, sha256) is None
    for name in (path, beside):
        upload = store._client._create_multipart_upload(BUCKET, name, {})
        store._client._upload_part(BUCKET, name, bytes(5 << 20), None, upload, 1)
    assert store.erase(path) is None
    versions = server.client.list_objects(BUCKET, recursive=True, include_version=strange)
    assert {one.object_name for one in versions} == {beside}
    left = store._client._list_multipart_uploads(BUCKET, prefix="2026", delimiter="|").uploads
    assert [one.object_name for one in left] == [beside]
    assert store.erase(path) is None


class Odd(BaseHTTPRequestHandler):
    """A store that is full, late, refuses the key, or gives back something else."""

    def _answer(self) -> None:
        mode = self.server.mode  # type: ignore[attr-defined]
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        if mode == "late":
            self.server.stop.wait(30)  # type: ignore[attr-defined]
            return
        status, body = 200, b""
        if mode == "wrong-key":
            status = 403
            body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error>"
        if mode == "full" and self.command == "PUT":
            status = 507
            body = b"<Error><Code>XMinioStorageFull</Code><Message>m</Message></Error>"
        if mode == "other" and self.command == "GET":
            body = b"something else"
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ("full", "XMinioStorageFull"),
        ("late", "does not answer in time"),
        ("wrong-key", "SignatureDoesNotMatch"),
        ("other", "it has sha256"),
    ],
)
def test_a_store_that_fails_is_told_in_words_and_nothing_raises(
    tmp_path: Path, mode: str, word: str
) -> None:
    """Given a store that is full, late, refuses the key or returns another content; when a
    recording is brought; then why it failed is said, without the secret."""
    file = tmp_path / "one.wav"
    file.write_bytes(b"sound")
    sha256 = hashlib.sha256(b"sound").hexdigest()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    http.mode, http.stop = mode, threading.Event()  # type: ignore[attr-defined]
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        store = Store(
            f"127.0.0.1:{http.server_address[1]}", BUCKET, "key", SECRET, "us-east-1",
            secure=False, read_s=0.5,
        )  # fmt: skip
        fault = store.bring(file, "2026/11/26/one.wav", sha256)
    finally:
        http.stop.set()  # type: ignore[attr-defined]
        http.shutdown()
        thread.join()
        http.server_close()
    assert fault is not None
    assert word in str(fault)
    assert SECRET not in str(fault)
    assert fault.whole is (mode != "other")


def test_settings_of_a_store_name_what_is_wrong(tmp_path: Path) -> None:
    """Given half a store's settings; then each fault names its field; given the secret in a file;
    then it is taken from there."""
    bad = Settings(data=str(tmp_path), recordings_store="s3://x", recordings_store_bucket="A")
    fields = {fault.partition(":")[0] for fault in impossible(bad)}
    assert {
        "recordings_store",
        "recordings_store_bucket",
        "recordings_store_key",
        "recordings_store_secret",
    } <= fields
    lone = Settings(data=str(tmp_path), recordings_store_bucket="rekaman")
    assert "recordings_store" in {one.partition(":")[0] for one in impossible(lone)}
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    good = Settings(
        data=str(tmp_path), recordings_store="https://s3.example", recordings_store_bucket=BUCKET,
        recordings_store_key="key", recordings_store_secret_file=str(file),
    )  # fmt: skip
    assert good.store_secret == SECRET
    assert not [one for one in impossible(good) if one.startswith("recordings_store")]
    file.unlink()
    assert any(one.startswith("recordings_store_secret_file") for one in impossible(good))
