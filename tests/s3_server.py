"""A small S3 server for tests: objects in a folder, requests refused unless signed (SigV4).

Run as a process of its own, so that it can be killed: ``s3_server.py PORT FOLDER KEY SECRET``; or
made in a thread with what a store may do differently: keep versions, lock them, hide them from the
key, have another clock, speak TLS.  It has buckets, objects, copies, multipart uploads, lists.
What a good store does, a stranger's shows (`strange_store.py`); this one makes the faults as well.
"""

import hashlib
import hmac
import shutil
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

HEX = ("STREAMING-", "UNSIGNED-")
APART_S_MAX = 900.0
"""Clocks may differ by so much, as with the stores of the great providers."""
AT = "2026-11-26T00:00:00.000Z"


def signature(secret: str, command: str, target: str, headers: dict[str, str], said: str) -> str:
    """What a request must be signed with, by AWS Signature Version 4."""
    fields = dict(part.strip().split("=", 1) for part in said.split(" ", 1)[1].split(","))
    day, region, service, end = fields["Credential"].split("/")[1:]
    url = urlsplit(target)
    pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    names = fields["SignedHeaders"]
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names.split(";"))
    path = quote(unquote(url.path))
    body = headers["x-amz-content-sha256"]
    request = "\n".join((command, path, query, lines, names, body))
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest))
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Server(ThreadingHTTPServer):
    """Objects under ``folder/<bucket>``.

    Args:
        versions: whether each former content is kept, and a deletion only marks.
        locked: whether versions cannot be removed (object lock).
        hidden: whether the key may neither list versions nor ask whether they are kept.
        apart_s: by how much its clock is ahead.
        certificate: PEM files of certificate and key, for TLS.
    """

    daemon_threads = True

    def __init__(
        self,
        port: int,
        folder: Path,
        key: str,
        secret: str,
        *,
        versions: bool = False,
        locked: bool = False,
        hidden: bool = False,
        apart_s: float = 0.0,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.folder, self.key, self.secret = folder, key, secret
        self.versions, self.locked, self.hidden, self.apart_s = versions, locked, hidden, apart_s
        self.kept: dict[Path, dict[str, bytes | None]] = {}
        """Object → version → content; None is a mark of deletion.  The oldest first."""
        self.begun: dict[str, Path] = {}
        """Uploads in parts that were not ended: id → object."""
        self.asked: list[str] = []
        """Requests, ``GET /bucket/name``."""
        self.mute = False
        """Whether it hangs up instead of taking an object."""
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Silent: a client that does not trust the certificate goes away in mid-handshake."""

    def put(self, file: Path, body: bytes | None) -> None:
        """The object's new content; None deletes it."""
        if self.versions:
            kept = self.kept.setdefault(file, {})
            kept[f"v{sum(map(len, self.kept.values()))}-{time.monotonic_ns()}"] = body
        if body is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)

    def remove(self, file: Path, version: str) -> None:
        """Removes one version for good."""
        kept = self.kept.get(file, {})
        kept.pop(version, None)
        last = next(reversed(kept.values()), None)
        if last is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(last)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append(f"{self.command} {urlsplit(self.path).path}")
        if self.server.mute and self.command == "PUT":
            self.close_connection = True
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = headers.get("authorization", "")
        if f"Credential={self.server.key}/" not in said:
            return self._fault(403, "InvalidAccessKeyId")
        at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(time.time() + self.server.apart_s - at.timestamp()) > APART_S_MAX:
            return self._fault(403, "RequestTimeTooSkewed")
        right = signature(self.server.secret, self.command, self.path, headers, said)
        if not said.endswith(f"Signature={right}"):
            return self._fault(403, "SignatureDoesNotMatch")
        told = headers["x-amz-content-sha256"]
        if not told.startswith(HEX) and told != hashlib.sha256(body).hexdigest():
            return self._fault(400, "XAmzContentSHA256Mismatch")
        url = urlsplit(self.path)
        bucket, _, name = unquote(url.path).lstrip("/").partition("/")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        root = self.server.folder / bucket
        if not name and self.command == "PUT":
            root.mkdir(parents=True)
            return self._answer()
        if not root.is_dir():
            return self._fault(404, "NoSuchBucket")
        if not name:
            return self._bucket(root, query)
        return self._object(root / name, query, body, headers.get("x-amz-copy-source"))

    def _object(self, file: Path, query: dict[str, str], body: bytes, source: str | None) -> None:
        parts = self.server.folder / ".parts" / query.get("uploadId", "none")
        if self.command == "PUT" and "partNumber" in query:
            parts.mkdir(parents=True, exist_ok=True)
            (parts / f"{int(query['partNumber']):05}").write_bytes(body)
            return self._answer(etag=hashlib.md5(body).hexdigest())
        if self.command == "POST":
            if "uploads" in query:
                upload = f"{time.monotonic_ns():016}"
                self.server.begun[upload] = file
                return self._answer(f"<R><UploadId>{upload}</UploadId></R>".encode())
            body = b"".join(one.read_bytes() for one in sorted(parts.iterdir()))
            self._drop(query["uploadId"], parts)
        if source is not None:
            body = (self.server.folder / unquote(source).lstrip("/")).read_bytes()
        if self.command in ("PUT", "POST"):
            self.server.put(file, body)
            tag = hashlib.md5(body).hexdigest()
            told = f"<R><ETag>{tag}</ETag><LastModified>{AT}</LastModified></R>".encode()
            return self._answer(told if self.command == "POST" or source else b"", tag)
        if self.command == "DELETE" and "uploadId" in query:
            self._drop(query["uploadId"], parts)
            return self._answer(status=204)
        if self.command == "DELETE":
            if "versionId" not in query:
                self.server.put(file, None)
            elif self.server.locked:
                return self._fault(403, "AccessDenied")
            else:
                self.server.remove(file, query["versionId"])
            return self._answer(status=204)
        if not file.is_file():
            return self._fault(404, "NoSuchKey")
        return self._answer(file.read_bytes())

    def _drop(self, upload: str, parts: Path) -> None:
        self.server.begun.pop(upload, None)
        shutil.rmtree(parts, ignore_errors=True)

    def _bucket(self, root: Path, query: dict[str, str]) -> None:
        if self.command != "GET":
            return self._answer()
        if "uploads" in query:
            if self.server.hidden:
                return self._fault(403, "AccessDenied")
            told = "".join(
                f"<Upload><Key>{escape(str(file.relative_to(root)))}</Key>"
                f"<UploadId>{upload}</UploadId></Upload>"
                for upload, file in self.server.begun.items()
                if str(file.relative_to(root)).startswith(query.get("prefix", ""))
            )
            return self._answer(f"<R>{told}</R>".encode())
        if "versions" in query or "versioning" in query:
            if self.server.hidden:
                return self._fault(403, "AccessDenied")
            if "versioning" in query:
                status = "<Status>Enabled</Status>" if self.server.versions else ""
                xml = f"<VersioningConfiguration>{status}</VersioningConfiguration>"
                return self._answer(xml.encode())
            if not self.server.versions:
                return self._fault(501, "NotImplemented")
            return self._list_versions(root, query.get("prefix", ""))
        names = [str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()]
        listed = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>1</Size>"
            f"<LastModified>{AT}</LastModified></Contents>"
            for name in sorted(names)
            if name.startswith(query.get("prefix", ""))
        )
        text = f"<Name>{escape(root.name)}</Name><IsTruncated>false</IsTruncated>{listed}"
        return self._answer(f"<ListBucketResult>{text}</ListBucketResult>".encode())

    def _list_versions(self, root: Path, prefix: str) -> None:
        listed = ""
        for file, kept in self.server.kept.items():
            if not str(file.relative_to(root)).startswith(prefix):
                continue
            name = escape(str(file.relative_to(root)))
            for version, body in kept.items():
                tag = "DeleteMarker" if body is None else "Version"
                listed += (
                    f"<{tag}><Key>{name}</Key><VersionId>{version}</VersionId>"
                    f"<IsLatest>false</IsLatest><LastModified>{AT}</LastModified></{tag}>"
                )
        text = f"<Name>{escape(root.name)}</Name><IsTruncated>false</IsTruncated>{listed}"
        self._answer(f"<ListVersionsResult>{text}</ListVersionsResult>".encode())

    def _fault(self, status: int, code: str) -> None:
        self._answer(
            f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode(), "0", status
        )

    def _answer(self, body: bytes = b"", etag: str = "0", status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.server.apart_s)

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serves in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    Server(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]).serve_forever()
