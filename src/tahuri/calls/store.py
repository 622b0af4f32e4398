"""A bucket of a store that speaks S3, as a place for copies of recordings."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import S3Error

from tahuri.calls.faults import STORE_ERRORS, Fault, FaultCode, PlaceError, fault, of_store
from tahuri.calls.places import ASIDE, BLOCK_BYTES
from tahuri.kernel import clock

CONNECT_S, READ_S = 5.0, 30.0
PART_BYTES, PARTS_AT_ONCE = 5 << 20, 3
"""A longer recording goes in parts of that size, so many at a time."""
IN_NO_NAME = "|"
"""What no recording's path has in it.  The client sends an empty delimiter when it has none, by
which Swift puts all uploads together and names none of them."""
KEEPS_NO_VERSIONS = frozenset({"NotImplemented", "MethodNotAllowed"})
KEEPS_NO_PARTS = KEEPS_NO_VERSIONS | {"AccessDenied", "AllAccessDisabled", "NoSuchUpload"}


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
            maxsize=PARTS_AT_ONCE,
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

    def fault(self) -> Fault | None:
        with _told() as faults:
            try:
                if not self._client.bucket_exists(self._bucket):
                    return fault(FaultCode.NO_BUCKET)
            except S3Error:
                # what HEAD is answered has no body: a list says whether it is key, secret or clock
                next(self._client.list_objects(self._bucket), None)
        return faults[0] if faults else None

    def bring(self, file: Path, path: str, sha256: str, aside: str | None = None) -> Fault | None:
        try:
            with file.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            return fault(FaultCode.SOURCE, error.strerror or "")
        if found != sha256:
            return fault(FaultCode.SOURCE_ALTERED, found)
        with _told() as faults:
            if aside is not None:
                self._put_aside(path, aside)
            if file.stat().st_size > PART_BYTES:
                self._drop_parts(path)
            self._client.fput_object(
                self._bucket,
                path,
                str(file),
                "audio/wav",
                metadata={"sha256": sha256},
                part_size=PART_BYTES,
                num_parallel_uploads=PARTS_AT_ONCE,
            )
            digest = hashlib.sha256()
            for block in self._blocks(path):
                digest.update(block)
            if digest.hexdigest() != sha256:
                return fault(FaultCode.ALTERED, digest.hexdigest())
        return faults[0] if faults else None

    def _put_aside(self, path: str, aside: str) -> None:
        try:
            self._client.copy_object(self._bucket, aside, CopySource(self._bucket, path))
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise

    def _drop_parts(self, path: str) -> None:
        """Removes parts of uploads of it that were cut off: no list of objects shows them, and
        nobody else would ever remove them.  Where our key may not see them, they are left."""
        try:
            begun = self._client._list_multipart_uploads(
                self._bucket, prefix=path, delimiter=IN_NO_NAME
            )
            for one in begun.uploads:
                if one.object_name == path and one.upload_id is not None:
                    self._client._abort_multipart_upload(self._bucket, path, one.upload_id)
        except S3Error as error:
            if error.code not in KEEPS_NO_PARTS:
                raise

    def read(self, path: str) -> Iterator[bytes]:
        with _told() as faults:
            yield from self._blocks(path)
        if faults:
            raise PlaceError(faults[0])

    def _blocks(self, path: str) -> Iterator[bytes]:
        """What the store gives back.  Raises what ``_told`` names."""
        answer = self._client.get_object(self._bucket, path)
        try:
            yield from answer.stream(BLOCK_BYTES)
        finally:
            answer.close()
            answer.release_conn()

    def erase(self, path: str) -> Fault | None:
        """Removes the object and what lies aside of it, with their former versions.

        A store that keeps versions and lets us neither see nor erase them is a fault: what must be
        gone is not.
        """
        with _told() as faults:
            self._client.remove_object(self._bucket, path)
            for name in self._asides(path):
                self._client.remove_object(self._bucket, name)
            self._drop_parts(path)
        if not faults:
            return self._erase_versions(path)
        if faults[0].code in (FaultCode.DENIED, FaultCode.REFUSED):
            return fault(FaultCode.LOCKED, faults[0].detail)
        return faults[0]

    def _asides(self, path: str) -> list[str]:
        found = self._client.list_objects(self._bucket, prefix=path + ASIDE, recursive=True)
        return [str(one.object_name) for one in found]

    def _erase_versions(self, path: str) -> Fault | None:
        try:
            left = self._versions(path)
        except S3Error as error:
            return self._unseen(error)
        except STORE_ERRORS as error:
            return of_store(error, clock.now())
        with _told() as faults:
            for name, version in left:
                self._client.remove_object(self._bucket, name, version_id=version)
            if left and self._versions(path):
                faults.append(fault(FaultCode.VERSIONS, "they are still there"))
        if not faults:
            return None
        if faults[0].code in (FaultCode.DENIED, FaultCode.REFUSED):
            return fault(FaultCode.LOCKED, faults[0].detail)
        return faults[0]

    def _versions(self, path: str) -> list[tuple[str, str]]:
        """(name, version) of all that is left of it, markers of deletion too."""
        found = self._client.list_objects(
            self._bucket, prefix=path, recursive=True, include_version=True
        )
        return [
            (str(one.object_name), str(one.version_id))
            for one in found
            if one.version_id is not None
            and (one.object_name == path or str(one.object_name).startswith(path + ASIDE))
        ]

    def _unseen(self, error: S3Error) -> Fault | None:
        """Versions cannot be listed: well if the store keeps none, else a fault."""
        if error.code in KEEPS_NO_VERSIONS:
            return None
        told = of_store(error, clock.now())
        if told.code not in (FaultCode.DENIED, FaultCode.REFUSED):
            return told
        with suppress(S3Error):
            status = self._client.get_bucket_versioning(self._bucket).status
            if status not in ("Enabled", "Suspended"):
                return None
        return fault(FaultCode.VERSIONS, told.detail)


@contextmanager
def _told() -> Iterator[list[Fault]]:
    """Gathers what goes wrong instead of raising it."""
    faults: list[Fault] = []
    try:
        yield faults
    except STORE_ERRORS as error:
        faults.append(of_store(error, clock.now()))
