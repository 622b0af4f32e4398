"""Places that hold a second copy of each recording: a folder, a store that speaks S3.

Each place answers with what is wrong, or None; none of them raises for a disk, a wire or a store.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

BLOCK_BYTES = 1 << 20
CONNECT_S, READ_S = 5.0, 30.0


class Place(Protocol):
    """Where second copies lie.  Its methods block: call them in a thread."""

    @property
    def name(self) -> str:
        """As facts name it: ``folder`` or ``store``."""

    def fault(self) -> str | None:
        """Why nothing can be brought there now."""

    def bring(self, file: Path, path: str, sha256: str) -> str | None:
        """Copies a closed recording, reads the copy again and compares."""

    def erase(self, path: str) -> str | None:
        """Removes the copy; one that is not there is removed already."""


def copied(file: Path, to: Path, sha256: str) -> str | None:
    """Copies a closed recording, reads the copy again and compares; what is wrong, or None.

    The copy takes its name only when it is whole and on the disk.
    """
    fresh = to.with_name(f".{to.name}.new")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as source, fresh.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            while block := source.read(BLOCK_BYTES):
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        with fresh.open("rb") as again:
            found = hashlib.file_digest(again, "sha256").hexdigest()
        if found != sha256:
            fresh.unlink()
            return f"has sha256 {found}"
        fresh.replace(to)
    except OSError as error:
        return error.strerror or "cannot be written"
    return None


class Folder:
    """A second folder; it must be there: one that we made ourselves might be the empty place of a
    disk that is not mounted."""

    name = "folder"

    def __init__(self, root: Path) -> None:
        self._root = root

    def fault(self) -> str | None:
        return None if self._root.is_dir() else "the folder is not there"

    def bring(self, file: Path, path: str, sha256: str) -> str | None:
        return copied(file, self._root / path, sha256)

    def erase(self, path: str) -> str | None:
        root = self._root.resolve()
        file = (root / path).resolve()
        try:
            if file.is_relative_to(root):
                file.unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or "cannot be removed"
        return None


class Store:
    """A bucket of a store that speaks S3.

    Args:
        endpoint: ``host`` or ``host:port``.
        secure: whether by HTTPS.
        verify: whether its certificate must be valid.
        authority: PEM file of who signs it; None: one that the machine trusts.
        read_s: how long an answer may take.
    """

    name = "store"

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        key: str,
        secret: str,
        region: str,
        secure: bool = True,
        verify: bool = True,
        authority: str | None = None,
        read_s: float = READ_S,
    ) -> None:
        self._bucket = bucket
        wire = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=read_s),
            retries=urllib3.Retry(total=0, redirect=0),
            cert_reqs="CERT_REQUIRED" if verify else "CERT_NONE",
            ca_certs=authority,
        )
        if not verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._client = Minio(
            endpoint,
            access_key=key,
            secret_key=secret,
            secure=secure,
            region=region,
            http_client=wire,
        )

    def fault(self) -> str | None:
        with _told() as faults:
            if not self._client.bucket_exists(self._bucket):
                return "the bucket is not there"
        return _first(faults)

    def bring(self, file: Path, path: str, sha256: str) -> str | None:
        with _told() as faults:
            with file.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if found != sha256:
                return f"has sha256 {found}"
            self._client.fput_object(
                self._bucket, path, str(file), "audio/wav", metadata={"sha256": sha256}
            )
            found = self._digest(path)
            if found != sha256:
                return f"the copy has sha256 {found}"
        return _first(faults)

    def _digest(self, path: str) -> str:
        """The sha256 of what the store gives back.  Raises what ``_told`` names."""
        answer = self._client.get_object(self._bucket, path)
        try:
            digest = hashlib.sha256()
            for block in answer.stream(BLOCK_BYTES):
                digest.update(block)
        finally:
            answer.close()
            answer.release_conn()
        return digest.hexdigest()

    def erase(self, path: str) -> str | None:
        """Removes the object, with its former versions where the store keeps and lists them."""
        with _told() as faults:
            self._client.remove_object(self._bucket, path)
            for version in self._versions(path):
                self._client.remove_object(self._bucket, path, version_id=version)
        return _first(faults)

    def _versions(self, path: str) -> list[str]:
        try:
            found = self._client.list_objects(self._bucket, prefix=path, include_version=True)
            return [
                one.version_id
                for one in found
                if one.object_name == path and one.version_id not in (None, "null")
            ]
        except S3Error as error:
            if error.code in ("NotImplemented", "MethodNotAllowed"):
                return []
            raise


@contextmanager
def _told() -> Iterator[list[str]]:
    """Puts into words what goes wrong; never a key, a secret or a signature."""
    faults: list[str] = []
    try:
        yield faults
    except S3Error as error:
        faults.append(f"the store says {error.code or 'no'}")
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        faults.append(f"the store cannot be reached: {type(error).__name__}")
    except OSError as error:
        faults.append(error.strerror or "cannot be read")
    except ValueError as error:
        faults.append(f"the store answers what cannot be read: {type(error).__name__}")


def _first(faults: Iterable[str]) -> str | None:
    return next(iter(faults), None)
