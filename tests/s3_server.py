"""A small S3 server for tests: objects in a folder, requests refused unless signed (SigV4).

Run as a process of its own, so that it can be killed: ``s3_server.py PORT FOLDER KEY SECRET``.
It speaks what copies of recordings need: buckets, objects, multipart uploads, lists.
"""

import hashlib
import hmac
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

HEX = ("STREAMING-", "UNSIGNED-")


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
    """Objects under ``folder/<bucket>``."""

    daemon_threads = True

    def __init__(self, port: int, folder: Path, key: str, secret: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.folder, self.key, self.secret = folder, key, secret


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = headers.get("authorization", "")
        if f"Credential={self.server.key}/" not in said:
            return self._fault(403, "InvalidAccessKeyId")
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
            root.mkdir()
            return self._answer()
        if not root.is_dir():
            return self._fault(404, "NoSuchBucket")
        if not name:
            return self._list(root, query) if self.command == "GET" else self._answer()
        return self._object(root / name, query, body)

    def _object(self, file: Path, query: dict[str, str], body: bytes) -> None:
        parts = self.server.folder / ".parts" / query.get("uploadId", "none")
        if self.command == "PUT" and "partNumber" in query:
            parts.mkdir(parents=True, exist_ok=True)
            (parts / f"{int(query['partNumber']):05}").write_bytes(body)
            return self._answer(etag=hashlib.md5(body).hexdigest())
        if self.command == "POST":
            if "uploads" in query:
                upload = hashlib.sha256(str(file).encode()).hexdigest()[:16]
                return self._answer(f"<R><UploadId>{upload}</UploadId></R>".encode())
            body = b"".join(one.read_bytes() for one in sorted(parts.iterdir()))
        if self.command in ("PUT", "POST"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            tag = hashlib.md5(body).hexdigest()
            answer = f"<R><ETag>{tag}</ETag></R>".encode() if self.command == "POST" else b""
            return self._answer(answer, tag)
        if self.command == "DELETE":
            file.unlink(missing_ok=True)
            return self._answer(status=204)
        if not file.is_file():
            return self._fault(404, "NoSuchKey")
        return self._answer(file.read_bytes())

    def _list(self, root: Path, query: dict[str, str]) -> None:
        if "versions" in query:
            return self._fault(501, "NotImplemented")
        names = [str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()]
        listed = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>1</Size>"
            "<LastModified>2026-11-26T00:00:00.000Z</LastModified></Contents>"
            for name in sorted(names)
            if name.startswith(query.get("prefix", ""))
        )
        text = f"<Name>{escape(root.name)}</Name><IsTruncated>false</IsTruncated>{listed}"
        return self._answer(f"<ListBucketResult>{text}</ListBucketResult>".encode())

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

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


if __name__ == "__main__":
    Server(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]).serve_forever()
